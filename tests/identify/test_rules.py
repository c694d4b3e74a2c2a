import shutil

import pytest

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.identify import identify, load_rules
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
