"""The loader refuses what it would otherwise misread, and says where and how to put it right."""

from __future__ import annotations

import re
import shutil

import pytest

from auditor.assess import available, load_packs
from auditor.common.data import data_path
from auditor.common.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    for name in ("uk-2022.yaml", "us-889.yaml", "entities.yaml"):
        shutil.copy(data_path("policies") / name, tmp_path / name)
    return tmp_path


def refused(folder, old, new, pack="uk-2022"):
    file = folder / f"{pack}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_packs(("uk-2022" if pack == "entities" else pack,), folder)
    return str(caught.value), text[: text.index(old)].count("\n") + 1


def test_packs_come_in_the_order_asked_for():
    assert [pack.id for pack in load_packs(("us-889", "uk-2022"))] == ["us-889", "uk-2022"]
    assert load_packs(()) == ()
    assert set(available()) >= {"uk-2022", "us-889"}
    assert "entities" not in available()


def test_an_unknown_id_lists_the_available_ones(folder):
    with pytest.raises(UsageError, match=r"no policy `uk-2023`; available: uk-2022, us-889"):
        load_packs(("uk-2023",), folder)
    with pytest.raises(UsageError, match="named twice"):
        load_packs(("uk-2022", "uk-2022"), folder)
    with pytest.raises(UsageError, match="no policy `entities`"):
        load_packs(("entities",), folder)


def test_an_unknown_key_names_file_line_and_fix(folder):
    text, line = refused(folder, "    force: advice", "    forse: advice\n    force: advice")
    assert f"uk-2022.yaml:{line}:" in text
    assert "forse" in text
    assert "no such key" in text


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("format: 1", "format: 2", "format", "Input should be 1"),
        ("id: uk-2022\n", "id: uk-2023\n", "id", "use `uk-2022`"),
        ("    force: advice\n", "", "force", "is missing; add it"),
        ("    decision: remove", "    decision: removal", "decision", "remove"),
        ("    decision: remove", "    decision: remove\n    decision: remove", None, "not valid YAML"),
        ("      sensitivity: [sensitive]", "      sensitivity: sensitive", "sensitivity", "tuple"),
        ("id: uk-2022.core-network", "id: uk-2022.sensitive-site", "id", "stands twice"),
        ("id: uk-2022.core-network", "id: us-889.core-network", "id", "must begin with `uk-2022.`"),
        ("id: prc-national-intelligence-law", "id: prc-law", "law", "no law `prc-law`"),
        ("standing: applied}}", "standing: applied}, country: [CN]}", "entity", "exactly one of"),
        ("kinds: [camera,", "kinds: [unknown, camera,", "when", "`kind_unseen` decides"),
        ("made by {maker} from", "made by {mkaer} from", "sentence", "`{mkaer}` is not known here"),
        ("least_confidence: probable", "least_confidence: possible", "least_confidence", "never flagged"),
        ("least_confidence: probable", "least_confidence: 0.89", "least_confidence", "never flagged"),
        ("    act: [use]", "    act: [procure]", "act", "asks nothing of an installed unit"),
        ("    act: [connect]", "    act: [deploy]", "act", "asks nothing of an installed unit"),
        ("    force: advice", "    force: proposal", "decision", "not in force never demands action"),
        ("status: in-force", "status: proposed", "decision", "not in force never demands action"),
        ("source_read: secondary", "source_read: unsourced", "decision", "unsourced rule never demands action"),
        ("standing: applied", "standing: by-country", "law", "a country alone never flags"),
        ("    decision: cannot-say", "    decision: assess", "decision", "the decision is `cannot-say`"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_key_and_fix(folder, old, new, key, says):
    text, _ = refused(folder, old, new)
    assert re.search(r"uk-2022\.yaml:\d+:", text)
    assert says in text
    if key is not None:
        assert re.search(rf"`[\w.]*\b{key}`:", text), text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("      kind_unseen: by-business", "      purpose: [government-facility]\n      kind_unseen: by-business"),
        ("      kind_unseen: by-business", "      acquired: {after: 2023-12-21}\n      kind_unseen: by-business"),
        ("      kind_unseen: by-business", "      owner: [landlord]\n      kind_unseen: by-business"),
        ("      kind_unseen: by-business", "      component: [chipset]\n      kind_unseen: by-business"),
        ("      kind_unseen: by-business", "      certification: STQC\n      kind_unseen: by-business"),
        ("relabel: by-maker", "relabel: by-label"),
        ("relabel: by-maker", "relabel: either"),
        ("standing: applied}}", "standing: applied}, data_location: [CN]}"),
        ("    force: advice", "    force: advice\n    waiver: {by: the minister}"),
        ("    force: advice", "    force: advice\n    controls: [keep it off the internet]"),
        ("    force: advice", "    force: advice\n    report_within: {days: 1, to: the contracting officer}"),
    ],
)
def test_a_field_that_nothing_acts_on_is_refused_not_ignored(folder, old, new):
    text, _ = refused(folder, old, new)
    assert "take the rule out" in text


def test_a_rule_for_some_kinds_must_say_what_it_thinks_of_the_rest(folder):
    file = folder / "us-889.yaml"
    text = file.read_text(encoding="utf-8")
    start = text.index("    sentence_when_kind_unseen")
    file.write_text(text[:start] + text[text.index("    examples:", start) :], encoding="utf-8")
    with pytest.raises(UsageError, match="needs `sentence_when_kind_unseen`"):
        load_packs(("us-889",), folder)


def test_a_named_maker_must_be_known(folder):
    text, _ = refused(folder, "named: [Hikvision,", "named: [Hikvison,", pack="us-889")
    assert "no maker `Hikvison` in entities.yaml" in text


def test_faults_of_the_makers_file_are_told_alike(folder):
    text, line = refused(folder, "  Uniview:\n", "  Uniview:\n    contry: CN\n", pack="entities")
    assert f"entities.yaml:{line + 1}:" in text
    assert "contry" in text


def test_a_spelling_belongs_to_one_maker(folder):
    text, _ = refused(folder, "aliases: [UNV]", "aliases: [UNV, hikvision]", pack="entities")
    assert "also stands under `Hikvision`" in text


def test_a_law_is_applied_only_with_a_source(folder):
    text, _ = refused(folder, "- law: prc-national-intelligence-law", "- law: some-other-law", pack="entities")
    assert "no law `some-other-law`" in text


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"a: [1\n", b"\xff\xfe", b"a: 1\na: 2\n"])
def test_a_file_that_is_no_pack(folder, content):
    (folder / "broken.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=r"broken\.yaml"):
        load_packs(("broken",), folder)


def test_the_version_tells_date_and_reading():
    (pack,) = load_packs(("uk-2022",))
    assert re.fullmatch(r"uk-2022 checked \d{4}-\d\d-\d\d \(secondary\)", pack.version)
