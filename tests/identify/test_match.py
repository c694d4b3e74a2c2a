"""Matchers, one by one."""

import pytest

from auditor.identify.brands import Brands
from auditor.identify.match import Matcher, enterprise_number, starts_at_beginning
from auditor.identify.models import Grammars
from auditor.identify.oui import Block, Prefixes
from auditor.identify.schema import Brand, Grammar, Rule
from auditor.model import Observation

PREFIXES = Prefixes({"4419B6": Block("4419B6", "Hik", "maker", "Hik Ltd")})
GRAMMARS = Grammars([
    Grammar(maker="Hik", kind="thermal", regex="^DS-2T", source=[{"key": "A"}], examples=["a"], counter_examples=["b"]),
    Grammar(maker="Hik", kind="camera", regex="^DS-2", source=[{"key": "A"}], examples=["a"], counter_examples=["b"]),
    Grammar(maker="Hik", kind="camera", regex="^IPC-", distinct=False, source=[{"key": "A"}], examples=["a"], counter_examples=["b"]),
])  # fmt: skip
BRANDS = Brands(
    [Brand(brand="CP Plus", maker="Dah", relation="reseller", part="part", state="current", grade="C", source=["A"])],
    {},
)


def _rule(observable, match, **more):
    return Rule.model_validate({
        "id": "t.rule", "observable": observable, "match": match, "says": {"maker": "Hik", "model": "{m}", "brand": "{brand}"}, "strength": "strong",
        "group": "web", "source": [{"key": "A"}], "examples": [{"input": "x"}], "counter_examples": ["y"], **more})  # fmt: skip


def _hits(observable, match, facts, *, request=None, port=None, probe="http", rule=None):
    matcher = Matcher([_rule(observable, match, **(rule or {}))], PREFIXES, GRAMMARS, BRANDS)
    observations = [
        Observation("d", probe, key, tuple(value) if isinstance(value, list) else (value,), 1, port, request)
        for key, value in facts.items()
    ]
    first = matcher.hits(observations)
    assert matcher.hits(observations) == first  # what is remembered gives the same
    return first


@pytest.mark.parametrize(("match", "good", "bad"), [
    ({"exact": "a"}, "a", "ab"), ({"exact": ["a", "b"]}, "b", "B"), ({"exact": "a", "ignore_case": True}, "A", "b"), ({"prefix": "a"}, "ab", "ba"),
    ({"prefix": ["x", "A"], "ignore_case": True}, "aB", "b"), ({"regex": "^a+$"}, "aa", "ab"), ({"regex": "b", "ignore_case": True}, "aB", "a"),
    ({"hash": ["AB12"]}, "ab12", "ab1"), ({"present": True}, "x", None), ({"model_of": "Hik"}, "DS-2CD", "IPC-1"), ({"model_of": "Hik"}, "DS-2TD", "XDS-2"),
    ({"oui": "Hik"}, "44:19:b6:00:00:01", "44:19:b7:00:00:01"), ({"regex": "uuid:(?P<mac>[0-9a-f]{12})$", "oui": "Hik"}, "uuid:4419b6000001", "uuid:4419b7000001"),
    ({"regex": "^(?P<brand>.+) web$", "label": True}, "cpplus web", "unknown web"), ({"any": [{"exact": "a"}, {"exact": "b"}]}, "b", "c"),
    ({"all": [{"prefix": "a"}, {"regex": "z$"}]}, "abz", "ab"),
])  # fmt: skip
def test_one_value(match, good, bad):
    assert len(_hits("http.server", match, {"http.server": good})) == 1
    assert _hits("http.server", match, {"http.server": bad} if bad is not None else {"http.title": "x"}) == []


def test_captures_fill_what_is_said():
    [hit] = _hits("http.server", {"regex": "^cam (?P<m>[a-z]+)(?P<brand>[0-9]+)?$"}, {"http.server": "cam abc"})
    assert hit.text("{m}") == "abc"
    assert hit.text("x {value}") == "x cam abc"
    assert hit.text("{brand}") is None


def test_scopes_are_decoded_when_captured():
    [hit] = _hits(
        "wsd.scopes",
        {"regex": "^onvif://name/(?P<m>.+)$"},
        {"wsd.scopes": ["onvif://other", "onvif://name/A%20B"]},
        probe="wsd",
    )
    assert (hit.value, hit.captured) == ("onvif://name/A%20B", {"m": "A B"})


@pytest.mark.parametrize(
    ("values", "found"), [(["A", "x", "B", "C"], 1), (["B", "A", "C"], 0), (["a", "B", "C"], 0), (["A", "B"], 0)]
)
def test_sequence(values, found):
    assert len(_hits("http.header_names", {"sequence": ["A", "B", "C"]}, {"http.header_names": values})) == found


def test_all_looks_at_one_response_only():
    match = {
        "all": [{"exact": "a"}, {"observable": "http.title", "exact": "t"}, {"observable": "http.body", "absent": True}]
    }
    assert len(_hits("http.server", match, {"http.server": "a", "http.title": "t"})) == 1
    assert _hits("http.server", match, {"http.server": "a", "http.title": "t", "http.body": "x"}) == []
    matcher = Matcher([_rule("http.server", match)], PREFIXES, GRAMMARS, BRANDS)
    apart = [Observation("d", "http", "http.server", ("a",), 1), Observation("d", "http", "http.title", ("t",), 2)]
    assert matcher.hits(apart) == []


@pytest.mark.parametrize(("rule", "good", "bad"), [
    ({"request": "^GET /x/"}, {"request": "GET /x/1"}, [{"request": "GET /"}, {}]), ({"port": [80, 81]}, {"port": 81}, [{"port": 82}, {}]),
    ({"probe": "http"}, {"probe": "http"}, [{"probe": "isapi"}]),
])  # fmt: skip
@pytest.mark.parametrize("match", [{"exact": "a"}, {"all": [{"exact": "a"}]}])
def test_request_port_and_probe_constraints(match, rule, good, bad):
    assert len(_hits("http.server", match, {"http.server": "a"}, rule=rule, **good)) == 1
    for other in bad:
        assert _hits("http.server", match, {"http.server": "a"}, rule=rule, **other) == []


@pytest.mark.parametrize(("facts", "found"), [
    ({"snmp.sysobjectid": "1.3.6.1.4.1.39165.1"}, 1), ({"snmp.sysobjectid": ".1.3.6.1.4.1.39165"}, 1), ({"snmp.1.3.6.1.4.1.39165.1.1.0": "DS-2"}, 1),
    *[({"snmp.sysobjectid": f"{start}39165{end}"}, 1) for start in ("iso.3.6.1.4.1.", ".iso.3.6.1.4.1.", "enterprises.", "SNMPv2-SMI::enterprises.", "RFC1155-SMI::enterprises.", ".iso.org.dod.internet.private.enterprises.", " 1.3.6.1.4.1.") for end in ("", ".3.2", "\n")],
    *[({"snmp.sysobjectid": value}, 0) for value in ("iso.3.6.1.4.39165", "2.3.6.1.4.1.39165", "enterprises.39165x", "x enterprises.39165", "enterprises.3916500000000", "enterprises.")],
    ({"snmp.iso.3.6.1.4.1.39165.1.1.0": "DS-2"}, 1),
    ({"snmp.sysobjectid": "1.3.6.1.4.1.391650"}, 0), ({"snmp.sysdescr": "39165"}, 0), ({"snmp.sysobjectid": "1.3.6.1.4.1.x"}, 0),
])  # fmt: skip
def test_enterprise(facts, found):
    assert len(_hits("snmp.sysobjectid", {"enterprise": 39165}, facts, probe="snmp")) == found


def test_enterprise_number_is_bounded():
    assert enterprise_number("1.3.6.1.4.1." + "9" * 5000) is None
    assert enterprise_number("1.3.6.1.4.1.²") is None


def test_only_the_first_four_kib_are_searched():
    assert len(_hits("http.body", {"regex": "needle"}, {"http.body": "x" * 4090 + "needle"})) == 1
    assert len(_hits("http.body", {"regex": "needle"}, {"http.body": "x" * 4091 + "needle"})) == 0
    assert len(_hits("http.body", {"regex": "needle"}, {"http.body": "x" * 4000 + "needle" + "x" * 9000})) == 1
    assert len(_hits("http.body", {"all": [{"regex": "needle"}]}, {"http.body": "x" * 4095 + "needle"})) == 0


def test_memory_of_matches_is_bounded():
    from auditor.identify import match as module

    matcher = Matcher([_rule("http.server", {"prefix": "a"})], PREFIXES, GRAMMARS, BRANDS)
    for number in range(module._CACHE_SIZE * 2 + 5):
        matcher.hits([Observation("d", "http", "http.server", (f"a{number}",), 1)])
    matcher.hits([Observation("d", "http", "http.server", ("a" * 5000,), 1)])
    assert 0 < len(matcher._keys["http.server"].cache) <= module._CACHE_SIZE


@pytest.mark.parametrize(("expression", "wanted"), [
    ("^a", True), ("^(?:a|b)", True), ("^[(|]a", True), (r"^\(|b", False), ("^a|b", False), ("a", False), ("(?:^a)", False), (r"^\[|b", False), ("^a(b)|c", False),
])  # fmt: skip
def test_expressions_that_can_match_at_the_start_only(expression, wanted):
    assert starts_at_beginning(expression) is wanted


def test_an_alternative_behind_an_anchor_is_still_found():
    assert len(_hits("http.server", {"regex": "^a|b$"}, {"http.server": "xb"})) == 1


def test_looking_for_texts_first_loses_no_match(rules, monkeypatch):
    from auditor.identify import match as module
    from auditor.identify.screen import Needed
    from auditor.identify.selftest import observations_of

    def found(matcher):
        return [
            sorted((hit.rule.id, hit.key, hit.value, tuple(hit.captured.items())) for hit in matcher.hits(observations))
            for observations in given
        ]

    given = [
        observations_of(rule, example)
        for rule in rules.rules
        for example in (*rule.examples, *rule.counter_examples)
        if not isinstance(example, str)
    ]
    screened = found(Matcher(rules.rules, rules.prefixes, rules.grammars, rules.brands))
    monkeypatch.setattr(module, "needed", lambda *_, **__: Needed())
    monkeypatch.setattr(module, "_telling", lambda *_: [])
    assert found(Matcher(rules.rules, rules.prefixes, rules.grammars, rules.brands)) == screened
    assert sum(map(len, screened)) > len(rules.rules)
