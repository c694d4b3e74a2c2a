"""What to compare on the unit, and what a label is worth."""

from __future__ import annotations

import dataclasses

import pytest

from auditor.identify import unit
from auditor.identify.schema import Brand, UnitSigns
from auditor.model import Kind, Verdict


def line(**changes):
    return Brand.model_validate(
        {"brand": "Lorex", "maker": "Dahua", "relation": "reseller", "part": "most", "state": "mixed", "grade": "B", "source": ["B-DC"]} | changes
    )  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), [
    ({}, "Dahua (most units)"), ({"until": "2022-11"}, "Dahua (most units, until November 2022)"), ({"from": "2024-01-05"}, "Dahua (most units, from 5 January 2024)"),
    ({"from": "2013", "until": "2016"}, "Dahua (most units, from 2013 until 2016)"), ({"part": "part", "range": "recorders"}, "Dahua (recorders)"),
    ({"part": "unknown"}, "Dahua"), ({"part": "part", "state": "contested"}, "Dahua (some units, contested)"),
])  # fmt: skip
def test_who_builds_under_a_label_is_told_with_part_and_time(changes, said):
    assert unit.builder(line(**changes)) == said


@pytest.mark.parametrize("text", ["22", "2022-13", "2022-11-32", "November 2022", "2022/11"])
def test_a_time_is_a_year_a_month_or_a_day(text):
    with pytest.raises(ValueError, match="until"):
        line(until=text)


def test_the_note_on_a_label_follows_what_is_known(rules):
    assert unit.label_note(None, "Dahua", rules) is None
    assert unit.label_note("Imou", "Dahua", rules) is None, "a brand of the maker's own"
    assert unit.label_note("Axis", "Axis", rules) is None
    assert (
        unit.label_note("Lorex", "Dahua", rules)
        == "The label Lorex is also put on units of other makers; only technical evidence was used."
    )
    assert unit.label_note("Bosch", "Bosch", rules), "its recorders are on record as built by another"
    alone = unit.label_note("Lorex", None, rules)
    assert alone.startswith("The label Lorex proves nothing: look at the unit.")
    assert "Dahua (most units, until November 2022); Hikvision (a few models)." in alone
    assert unit.label_note("Nobody knows", None, rules) is None


def look(rules, *makers, verdict=Verdict.POSSIBLE, kind=Kind.CAMERA, brand=None, doubted=False):
    return unit.look_for(makers, verdict=verdict, kind=kind, brand=brand, doubted=doubted, rules=rules)


def test_a_possible_hikvision_is_compared_by_firm_model_serial_and_approval(rules):
    told = "\n".join(look(rules, "Hikvision"))
    for part in ("Find the label: look under the base", "do not climb and do not open the unit", "Hangzhou Hikvision Digital Technology", "EZVIZ",
                 "Another name on the label does not clear the unit", "DS-", "nine characters", "date (year, month, day)", "begin with 2ADTD",
                 "Take a photograph"):  # fmt: skip
        assert part in told, part
    assert "2AVYF" not in told


def test_a_possible_dahua_has_fifteen_characters_and_a_recorder_is_looked_at_elsewhere(rules):
    told = look(rules, "Dahua", kind=Kind.RECORDER)
    assert told[0] == unit.WHERE_BOX
    assert any("Fifteen characters" in sentence for sentence in told)
    assert any("begin with 2AVYF" in sentence for sentence in told)


def test_every_candidate_is_told_once_and_no_more_than_three(rules):
    told = "\n".join(look(rules, "Hikvision", "Dahua", "Axis", "Bosch", doubted=True))
    assert told.count("The label of a unit made by") == 3
    assert "made by Bosch" not in told


@pytest.mark.parametrize(("verdict", "makers", "more", "needed"), [
    (Verdict.CONFIRMED, ["Hikvision"], {}, False), (Verdict.PROBABLE, ["Hikvision"], {}, False), (Verdict.POSSIBLE, ["HP"], {"kind": Kind.OTHER}, True),
    (Verdict.CONFIRMED, ["Hikvision", "Axis"], {"doubted": True}, True), (Verdict.UNIDENTIFIED, [], {}, True),
    (Verdict.UNIDENTIFIED, [], {"kind": Kind.UNKNOWN}, False), (Verdict.UNIDENTIFIED, [], {"kind": Kind.UNKNOWN, "brand": "Lorex"}, True),
    (Verdict.UNIDENTIFIED, [], {"kind": Kind.OTHER}, False),
])  # fmt: skip
def test_it_is_filled_where_somebody_has_to_look(rules, verdict, makers, more, needed):
    assert bool(look(rules, *makers, verdict=verdict, **more)) == needed


def test_the_label_gives_candidates_only_where_evidence_gives_none(rules):
    alone = "\n".join(look(rules, verdict=Verdict.UNIDENTIFIED, brand="Lorex"))
    assert "made by Dahua" in alone
    assert "made by Hikvision" in alone
    assert "made by Hikvision" not in "\n".join(look(rules, "Dahua", brand="Lorex"))


def test_a_maker_without_an_entry_is_told_by_its_own_name(rules):
    told = look(rules, "Zyxel", kind=Kind.OTHER)
    assert "The label of a unit made by Zyxel may name Zyxel as the manufacturer." in told
    assert not any("Compare the model number" in sentence for sentence in told)


def test_sentences_are_short_and_the_same_for_all_devices_alike(rules):
    assert look(rules, "Hikvision") is look(rules, "Hikvision")
    for sentence in look(rules, "Hikvision", "Dahua", "Axis"):
        assert all(len(part.split()) <= 32 for part in sentence.replace(": ", ". ").split(". ")), sentence


def test_a_data_pack_without_the_file_still_tells_what_the_other_files_know(rules):
    bare = dataclasses.replace(rules, unit_signs={})
    told = "\n".join(unit._sentences(["Hikvision"], Kind.CAMERA, bare))
    assert "DS-" in told
    assert "2ADTD" not in told


def test_an_entry_says_something():
    with pytest.raises(ValueError, match="must say something"):
        UnitSigns.model_validate({"maker": "Axis"})
