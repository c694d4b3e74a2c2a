"""The data that is shipped."""

import re
import string
import time

import pytest
import re2  # noqa: F401  (the self-test checks RE2 syntax only where this is installed: here it must be)

from auditor.identify import identify, load_rules
from auditor.identify.match import Matcher
from auditor.identify.selftest import check, observations_of
from auditor.model import Observation, Strength, Verdict
from auditor.observe import observe  # noqa: F401  (fails here first when the stage cannot be imported)

RULES = load_rules()


def test_the_self_test_finds_nothing():
    assert check() == []


@pytest.mark.parametrize(
    "rule",
    [
        rule
        for rule in RULES.rules
        if rule.says.maker in {"Hikvision", "Dahua"} and rule.strength in {Strength.CONCLUSIVE, Strength.STRONG}
    ],
    ids=lambda rule: rule.id,
)
def test_examples_of_listed_makers_name_them(rule):
    for example in rule.examples:
        found = identify("d", observations_of(rule, example), RULES)
        assert found.maker == rule.says.maker
        assert found.verdict in {Verdict.CONFIRMED, Verdict.PROBABLE}


@pytest.mark.parametrize(
    "rule",
    [rule for rule in RULES.rules if rule.says.maker not in {"Hikvision", "Dahua", None}],
    ids=lambda rule: rule.id,
)
def test_examples_of_other_makers_are_never_a_listed_one(rule):
    for example in rule.examples:
        assert identify("d", observations_of(rule, example), RULES).maker not in {"Hikvision", "Dahua"}


def _expressions(condition):
    if condition.regex is not None:
        yield condition.regex
    for part in (*(condition.all or ()), *(condition.any or ())):
        yield from _expressions(part)


def test_no_rule_is_slow_on_four_kib_of_its_own_alphabet():
    slow = []
    for rule in RULES.rules:
        expressions = list(_expressions(rule.match))
        if not expressions:
            continue
        matcher = Matcher([rule], RULES.prefixes, RULES.grammars, RULES.brands)
        alphabet = "".join(dict.fromkeys(char for char in "".join(expressions) if char in string.printable))
        literal = re.sub(r"[^A-Za-z0-9 =\"/.:-]", "", expressions[0])[:40] or "a"
        texts = [
            alphabet * (4096 // len(alphabet) + 1),
            (literal * 4096)[:4096],
            "a" * 4096,
            " " * 4096,
            "0" * 4096,
            "\n" * 4096,
            "A-" * 2048,
            literal + "a" * 4096,
        ]
        for text in texts:
            observations = [Observation("d", rule.probe or "http", rule.observable, (text[:4096],), 1, None, "GET /")]
            started = time.process_time()
            matcher.hits(observations)
            if (took := time.process_time() - started) > 0.05:
                slow.append((rule.id, took))
    assert slow == []


def test_the_whole_set_is_quick_on_one_long_banner():
    observations = [
        Observation("d", "http", key, ("<a " * 1400,), 1)
        for key in ("http.body", "http.title", "http.server", "http.www_authenticate")
    ]
    matcher = RULES.matcher
    matcher.hits(observations)
    started = time.process_time()
    matcher.hits(observations)
    assert time.process_time() - started < 0.05


def test_no_maker_is_matched_by_the_words_of_a_registrant():
    for rule in RULES.rules:
        if rule.observable == "mac":
            assert rule.match.oui is not None, rule.id


def test_reseller_prefixes_never_say_a_maker():
    roles = {block.family: block.role for block in RULES.prefixes._blocks.values()}
    for rule in RULES.rules:
        if rule.match.oui is not None and roles[rule.match.oui] in {"brand", "unrelated"}:
            assert rule.says.maker is None, rule.id


def test_enough_makers_and_rules():
    makers = {rule.says.maker for rule in RULES.rules} - {None}
    wanted = {"Axis", "Bosch", "Hanwha", "Vivotek", "Mobotix", "Sony", "Panasonic", "Avigilon", "Uniview", "Tiandy", "TVT", "Xiongmai", "Reolink",
              "TP-Link", "Ubiquiti", "Milesight", "Teledyne FLIR", "HP", "Synology", "QNAP", "Cisco", "Microsoft"}  # fmt: skip
    assert wanted <= makers


def test_there_is_no_word_of_this_machine_in_the_data():
    from auditor.common.data import data_path

    for path in data_path("fingerprints").rglob("*.*"):
        assert not re.search(r"/(?:work|root)/", path.read_text("utf-8")), path
