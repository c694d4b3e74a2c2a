import os
import shutil
from pathlib import Path

import pytest

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.common.limits import MAX_RULE_FILES, MAX_SITE_RULES
from auditor.identify import identify, load_rules
from auditor.identify import rules as module
from auditor.model import Observation, Verdict

RULE = """
maker: Acme
reviewed: '2026-11-21'
rules:
  - id: {id}
    observable: http.server
    match: {match}
    says: {{maker: Acme}}
    strength: conclusive
    group: {group}
    source: [{{key: FACTS}}]
    examples: [{{input: acme}}]
    counter_examples: [other]
"""


def _site(tmp_path, **files):
    for file, text in files.items():
        (tmp_path / f"{file}.yaml").write_text(text)
    return load_rules(extra=tmp_path)


def test_site_rules_are_added(tmp_path):
    rules = _site(tmp_path, acme=RULE.format(id="acme.http.server", match="{exact: acme}", group="web"))
    assert rules.problems == ()
    found = identify("d", [Observation("d", "http", "http.server", ("acme",), 1)], rules)
    assert (found.maker, found.verdict) == ("Acme", Verdict.PROBABLE)


def test_site_rules_cannot_replace_a_built_in_one(tmp_path):
    rules = _site(tmp_path, acme=RULE.format(id="hikvision.http.server.app-webs", match="{exact: acme}", group="web"))
    assert "has the id of a built-in rule" in rules.problems[0]
    assert identify("d", [Observation("d", "http", "http.server", ("App-webs/",), 1)], rules).maker == "Hikvision"
    assert identify("d", [Observation("d", "http", "http.server", ("acme",), 1)], rules).maker is None


@pytest.mark.parametrize(("text", "part"), [
    ("{", "while parsing"), (RULE.format(id="acme.http.server", match="{regex: '('}", group="web"), "unterminated"),
    (RULE.format(id="acme.http.server", match="{regex: '^(a+)+$'}", group="web"), "repeats a repeat"),
    (RULE.format(id="acme.http.server", match="{regex: a, exact: a}", group="web"), "exactly one"),
    (RULE.format(id="acme.http.server", match="{exact: acme}", group="gut-feeling"), "group"),
    (RULE.format(id="Acme", match="{exact: acme}", group="web"), "id"), ("maker: Acme\n", "Field required"), ("[]", "dictionary"),
    (RULE.format(id="acme.http.server", match="{exact: acme}", group="web").replace("conclusive", "against"), "go together"),
    (RULE.format(id="acme.http.server", match="{exact: acme}", group="web") + "    secret: 1\n", "secret"),
])  # fmt: skip
def test_a_broken_site_file_is_listed_and_the_rest_works(tmp_path, text, part):
    rules = _site(tmp_path, broken=text, good=RULE.format(id="acme.http.server", match="{exact: acme}", group="web"))
    assert len(rules.problems) == 1
    assert "broken.yaml" in rules.problems[0]
    assert part in rules.problems[0]
    assert "acme.http.server" in rules.rule_ids


GOOD = RULE.format(id="acme.http.server", match="{exact: acme}", group="web")


def _fifo(path):
    os.mkfifo(path)


def _sparse(path):
    with path.open("wb") as stream:
        stream.truncate(1 << 30)


@pytest.mark.parametrize(("make", "part"), [
    (lambda path: path.symlink_to("/dev/zero"), "no plain file"), (lambda path: path.symlink_to("good.yaml"), "no plain file"), (_fifo, "no plain file"), (Path.mkdir, "no plain file"),
    (_sparse, "longer than 1048576 bytes"), (lambda path: path.write_text("a: " + "[" * 100_000), "deeper than 32 levels"), (lambda path: path.write_bytes(b"a: \xff"), "cannot be read"),
    (lambda path: path.write_text("a: " + "9" * 5000), "digits"), (lambda path: path.write_text("a: 2026-13-45"), "month"),
])  # fmt: skip
def test_a_site_file_that_could_hang_or_fill_the_memory_is_listed_and_the_rest_works(tmp_path, make, part):
    make(tmp_path / "broken.yaml")
    rules = _site(tmp_path, good=GOOD)
    assert len(rules.problems) == 1
    assert "broken.yaml" in rules.problems[0]
    assert part in rules.problems[0]
    assert rules.site_rules == {"acme.http.server"}


def test_too_many_site_files_and_rules_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_RULE_FILES", 3)
    monkeypatch.setattr(module, "MAX_SITE_RULES", 2)
    two = GOOD + GOOD.split("rules:\n")[1].replace("acme.http.server", "acme.http.other")
    rules = _site(
        tmp_path, a=GOOD, b=two.replace("acme.", "acme.b."), c=GOOD.replace("acme.", "acme.c."), d=GOOD, e="["
    )
    assert rules.site_rules == {"acme.http.server", "acme.c.http.server"}
    assert [problem.replace(f"{tmp_path}", "FOLDER") for problem in rules.problems] == [
        "FOLDER holds 5 files: the first 3 were read, from d.yaml on none",
        "b.yaml: a site can have 2 rules, and this file would be too many",
    ]
    assert (MAX_RULE_FILES, MAX_SITE_RULES) == (200, 5000)


def _own(observable, match, more=""):
    return RULE.format(id="acme.own", match=match, group="api").replace("http.server", observable) + (
        f"    own_protocol: true\n{more}"
    )


BODY = r"http://www\.(?:hikvision\.com|isapi\.(?:org|com)|std-cgi\.(?:com|org))/ver\d\d/XMLSchema"


@pytest.mark.parametrize(("observable", "match", "more"), [
    ("http.status", "{exact: '401'}", ""), ("http.status", "{exact: '401'}", "    request: /ISAPI/\n"), ("http.body", "{exact: acme}", ""), ("http.server", "{prefix: acme}", ""), ("mac", "{prefix: '44'}", ""),
    ("http.body", "{exact: acme}", "    request: /ISAPI/|/\n"), ("http.body", "{exact: acme}", "    request: (?:/ISAPI/)?\n"), ("http.body", "{exact: acme}", "    request: /isapi/\n"),
    ("http.status", "{all: [{exact: '401'}, {observable: dhip.realm, present: true}]}", ""), ("dhip.realm", "{any: [{present: true}, {observable: http.status, exact: '401'}]}", ""),
    ("dhip.realm", "{absent: true}", ""), ("dhip.realm", "{all: [{absent: true}, {observable: http.status, exact: '401'}]}", ""), ("dhip.realm", "{all: []}", ""), ("dhip.realm", "{any: []}", ""),
    ("http.body", f"{{regex: '{BODY}'}}", ""), ("http.body", f"{{regex: '^a|{BODY}'}}", ""), ("http.body", f"{{regex: '^<a(?: {BODY})?'}}", ""), ("http.body", f"{{regex: '^<a(?:b| {BODY})'}}", ""), ("http.body", "{regex: '^<a xmlns'}", ""),
])  # fmt: skip
def test_own_protocol_is_refused_where_the_answer_is_not_in_one(tmp_path, observable, match, more):
    rules = _site(tmp_path, acme=_own(observable, match, more))
    assert "own_protocol is for" in rules.problems[0]
    assert not rules.site_rules


@pytest.mark.parametrize(("observable", "match", "more"), [
    ("dhip.realm", "{prefix: acme}", ""), ("sadp.MAC", "{all: [{present: true}, {observable: http.status, exact: '9'}]}", ""), ("ubnt.x", "{any: [{present: true}, {observable: dvrip.x, present: true}]}", ""),
    ("http.body", "{exact: acme}", "    request: '/(?:ISAPI|PSIA)/'\n"), ("http.body", "{exact: acme}", "    request: ^GET /ISAPI/System\n"), ("http.body", f"{{regex: '^<[(]?\\(?a {BODY}'}}", ""),
])  # fmt: skip
def test_own_protocol_is_taken_where_the_answer_is_in_one(tmp_path, observable, match, more):
    rules = _site(tmp_path, acme=_own(observable, match, more))
    assert rules.problems == ()
    assert rules.site_rules == {"acme.own"}


@pytest.mark.parametrize("strength", ["strong", "conclusive", "strong\n    shared: true"])
def test_a_site_file_that_takes_the_example_of_another_maker_is_left_out(tmp_path, strength):
    wrong = GOOD.replace("acme.http.server", "acme.wrong").replace("{exact: acme}", "{prefix: App-webs}")
    rules = _site(tmp_path, wrong=wrong.replace("conclusive", strength), good=GOOD)
    assert len(rules.problems) == 1
    assert rules.problems[0].startswith("wrong.yaml: rule acme.wrong takes example 1 of hikvision.http.server.app-webs")
    assert rules.site_rules == {"acme.http.server"}
    assert identify("d", [Observation("d", "http", "http.server", ("App-webs/",), 1)], rules).maker == "Hikvision"


def test_a_site_rule_may_take_the_examples_of_its_own_maker(tmp_path):
    own = GOOD.replace("Acme", "Hikvision").replace("{exact: acme}", "{prefix: App-webs}")
    assert _site(tmp_path, own=own).problems == ()


def test_evidence_of_a_site_rule_says_so(tmp_path):
    rules = _site(tmp_path, acme=GOOD)
    found = identify("d", [Observation("d", "http", "http.server", ("acme",), 1)], rules)
    assert [item.source.split(",")[0] for item in found.evidence] == ["site rule"]
    other = identify("d", [Observation("d", "http", "http.server", ("App-webs/",), 1)], rules)
    assert not any("site rule" in item.source for item in other.evidence)


def test_missing_site_folder_is_listed(tmp_path):
    assert "is not a folder" in load_rules(extra=tmp_path / "none").problems[0]


def test_a_conclusive_site_rule_on_a_mac_is_still_only_possible(tmp_path):
    text = RULE.format(id="acme.mac", match="{regex: '^02:'}", group="mac").replace("http.server", "mac", 1)
    rules = _site(tmp_path, acme=text)
    found = identify("d", [Observation("d", "mac", "mac", ("02:00:00:00:00:01",), 1)], rules)
    assert (found.maker, found.verdict) == ("Acme", Verdict.POSSIBLE)


@pytest.mark.parametrize(("file", "text", "part"), [
    ("makers/hikvision.yaml", "{", "hikvision.yaml"), ("manifest.yaml", "version: 1", "manifest.yaml"), ("brands.yaml", "- {brand: A}", "brands.yaml"),
    ("oui/dahua.tsv", "x", "dahua.tsv:1"),
])  # fmt: skip
def test_broken_built_in_data_is_an_error_that_names_the_file(tmp_path, file, text, part):
    folder = tmp_path / "fingerprints"
    shutil.copytree(data_path("fingerprints"), folder)
    (folder / file).write_text(text)
    with pytest.raises(UsageError, match=part):
        load_rules(folder)


def test_sources_carry_a_date(rules):
    rule = next(rule for rule in rules.rules if rule.id == "hikvision.http.server.app-webs")
    assert rules.source_text(rule).startswith("NMAP nmap-service-probes 9762 (2026-08-21)")


def test_brands_spelling_relation_and_makers(rules):
    assert rules.brands.label("cpplus") == "CP Plus"
    assert rules.brands.label("CP%20PLUS") == "CP Plus"
    assert rules.brands.label("Private") is None
    assert rules.brands.label("General") is None
    assert rules.brands.makers_of("Annke") == ("Dahua", "Hikvision")
    assert rules.brands.is_own_name("Hikvision", "HIKVISION")
    assert not rules.brands.is_own_name("Hikvision", "EZVIZ")
