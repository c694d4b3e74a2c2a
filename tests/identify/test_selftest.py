"""The self-test finds what it is there to find."""

import shutil

import pytest

from auditor.common.data import data_path
from auditor.identify.selftest import check

GOOD = """maker: Sunell
reviewed: '2026-11-21'
rules:
  - id: sunell.http.server
    observable: http.server
    match: {regex: '^sun (?P<model>[a-z]+)$'}
    says: {maker: Sunell, model: '{model}'}
    strength: strong
    group: web
    source: [{key: FACTS}]
    examples: [{input: sun abc, says: {model: abc}}]
    counter_examples: [{input: App-webs/, of: Hikvision}]
"""


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """Return a copy of the data with the rules of three makers only: the self-test of all takes seconds each time."""
    folder = tmp_path_factory.mktemp("few") / "fingerprints"
    shutil.copytree(data_path("fingerprints"), folder)
    for path in (folder / "makers").iterdir():
        if path.name not in {"hikvision.yaml", "sunell.yaml", "axis.yaml"}:
            path.unlink()
    return folder


def _problems(tmp_path, text, folder=None):
    (tmp_path / "site.yaml").write_text(text)
    return check(folder, extra=tmp_path)


def test_sound_rules_have_no_problem(tmp_path):
    assert _problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(("old", "new", "part"), [
    ("input: sun abc", "input: sunabc", "example 1 does not match"), ("model: abc", "model: abd", "yields model 'abc', not 'abd'"),
    ("App-webs/", "sun moon", "counter-example 1 matches"), ("key: FACTS", "key: NOWHERE", "source NOWHERE"),
    ("maker: Sunell, model", "maker: Sunnel, model", "not in vocabulary"), ("observable: http.server", "observable: http.sever", "unknown fact key"),
    ("'^sun (?P<model>[a-z]+)$'", "'^sun (?P<model>[a-z]+)(?=$)'", "not RE2 syntax"), ("'^sun (?P<model>[a-z]+)$'", "'^sun (?P<model>(?:[a-z]+)+)$'", "repeats a repeat"),
    ("input: App-webs/, of: Hikvision", "input: moon", "needs the nearest published answer of another maker"),
    ("model: '{model}'}", "model: '{modell}'}", "no expression captures"), ("examples: [{input: sun abc, says: {model: abc}}]", "examples: []", "at least 1 item"),
    ("[{input: App-webs/, of: Hikvision}]", "[]", "at least 1 item"), ("source: [{key: FACTS}]", "source: []", "at least 1 item"),
    ("{regex: '^sun (?P<model>[a-z]+)$'}", "{oui: Nobody}", "no block of family Nobody"), ("{regex: '^sun (?P<model>[a-z]+)$'}", "{model_of: Nobody}", "no grammar of Nobody"),
    ("{regex: '^sun (?P<model>[a-z]+)$'}\n    says: {maker: Sunell, model: '{model}'}", "{exact: App-webs/}\n    says: {maker: Sunell}", "sunell.http.server takes example 1 of hikvision.http.server"),
])  # fmt: skip
def test_each_fault_is_found(tmp_path, few, old, new, part):
    assert old in GOOD
    problems = _problems(tmp_path, GOOD.replace(old, new), few)
    assert any(part in problem for problem in problems), problems


def test_an_example_that_a_rule_of_another_maker_takes_is_found(tmp_path):
    folder = tmp_path / "fingerprints"
    shutil.copytree(data_path("fingerprints"), folder)
    rule = GOOD.replace("{regex: '^sun (?P<model>[a-z]+)$'}", "{exact: App-webs/}").replace(", model: '{model}'", "")
    (folder / "makers" / "zz.yaml").write_text(rule)
    assert any(problem.endswith("is taken by sunell.http.server of Sunell") for problem in check(folder))


def test_a_name_that_is_a_label_of_another_maker_may_not_name_its_owner_strongly(tmp_path):
    rule = (
        GOOD.replace("maker: Sunell", "maker: Bosch")
        .replace("sunell.http.server", "bosch.test.name")
        .replace("observable: http.server", "observable: onvif.manufacturer")
    )
    assert any("at most moderate" in problem for problem in _problems(tmp_path, rule))


def test_rules_of_one_observable_stand_together(tmp_path):
    rule = GOOD.split("rules:\n")[1]
    other = rule.replace("sunell.http.server", "sunell.http.title").replace(
        "observable: http.server", "observable: http.title"
    )
    assert any(
        "stands apart" in problem
        for problem in _problems(tmp_path, GOOD + other + rule.replace("sunell.http.server", "sunell.http.server2"))
    )


@pytest.mark.parametrize(("file", "old", "new", "part"), [
    ("schema/fingerprint.schema.json", "{", '{"x": 1, ', "write it anew"), ("schema/fingerprint.schema.json", "{", "", "cannot be read"),
    ("vocabulary.yaml", "makers:", "words:", "vocabulary.yaml cannot be read"), ("vocabulary.yaml", "  - Axis\n", "  - Axis\n  - Nobody\n", "nothing uses maker Nobody"),
    ("models.yaml", "examples: [DS-2TD2636B-10/P", "examples: [DS-2CD2636B-10/P", "by another line"), ("models.yaml", "key: HIKFW", "key: NOWHERE", "source NOWHERE"),
    ("brands.yaml", "- {brand: LTS", "- {brand: Hikvision", "own name"), ("brands.yaml", "source: [B-IEEE]", "source: [NOWHERE]", "source NOWHERE"),
    ("makers/axis.yaml", "maker:", "makr:", "axis.yaml"),
])  # fmt: skip
def test_faults_of_the_data_folder_are_found(tmp_path, few, file, old, new, part):
    folder = tmp_path / "fingerprints"
    shutil.copytree(few, folder)
    path = folder / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    problems = check(folder)
    assert any(part in problem for problem in problems), problems
