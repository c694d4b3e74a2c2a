"""What the shipped packs say of a device in its zone."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.assess import judge, load_packs, mark
from auditor.assess.entities import SourceRead
from auditor.assess.packs import Source
from auditor.common.data import data_path
from auditor.model import (
    Conflict,
    Decision,
    Device,
    Finding,
    Force,
    Identity,
    Kind,
    Sensitivity,
    Site,
    Verdict,
    ZoneRole,
)

TODAY = date(2026, 11, 21)
UK, US = load_packs(("uk-2022", "us-889"))
SURVEILLANCE = [Kind.CAMERA, Kind.PTZ, Kind.THERMAL, Kind.RECORDER, Kind.ENCODER, Kind.INTERCOM]
CONFIDENCE = {Verdict.CONFIRMED: 0.995, Verdict.PROBABLE: 0.92, Verdict.POSSIBLE: 0.89, Verdict.UNIDENTIFIED: 0.2}
FORCE_WORDS = {
    Force.LAW: r"\blaw\b",
    Force.ORDER: r"\border",
    Force.INSTRUCTION: r"\binstruct",
    Force.ADVICE: r"\badvi[cs]e",
    Force.PROPOSAL: r"\bpropos",
}


def a_site(sensitivity=Sensitivity.SENSITIVE):
    return Site("Ministry HQ", sensitivity, (), ("uk-2022", "us-889"))


def a_device(maker="Hikvision", *, kind=Kind.CAMERA, verdict=Verdict.CONFIRMED, role=ZoneRole.CORE, confidence=None):
    identity = Identity(
        "10.0.0.5",
        maker=maker,
        kind=kind,
        verdict=verdict,
        confidence=CONFIDENCE[verdict] if confidence is None else confidence,
    )
    return Device("addr-10-0-0-5", ("10.0.0.5",), None, "office", role, None, identity)


def decisions(findings):
    return {finding.rule: finding.decision for finding in findings}


def test_a_hikvision_camera_on_the_core_network_of_a_sensitive_site():
    findings = judge(a_device(), a_site(), (UK, US), TODAY)
    assert decisions(findings) == {
        "us-889.part-b-surveillance": Decision.REMOVE,
        "uk-2022.sensitive-site": Decision.REMOVE,
        "uk-2022.core-network": Decision.DISCONNECT,
        "uk-2022.installed-since": Decision.ASSESS,
        "us-889.part-a": Decision.MONITOR,
    }
    assert [finding.decision for finding in findings] == [
        Decision.REMOVE, Decision.REMOVE, Decision.DISCONNECT, Decision.ASSESS, Decision.MONITOR,
    ]  # fmt: skip
    assert [finding.force for finding in findings[:2]] == [Force.LAW, Force.ADVICE], "law before advice"
    assert all(finding.sources and finding.source_read == "secondary" for finding in findings)


@pytest.mark.parametrize(
    ("sensitivity", "role", "expected"),
    [
        ("sensitive", "core", {"sensitive-site": "remove", "core-network": "disconnect", "installed-since": "assess"}),
        ("sensitive", "isolated", {"sensitive-site": "remove", "installed-since": "assess"}),
        (
            "sensitive",
            "unknown",
            {"sensitive-site": "remove", "network-unclear": "assess", "installed-since": "assess"},
        ),
        ("standard", "core", {"core-network": "disconnect", "other-site": "assess"}),
        ("standard", "unknown", {"network-unclear": "assess", "other-site": "assess"}),
        ("standard", "management", {"network-unclear": "assess", "other-site": "assess"}),
        ("standard", "guest", {"other-site": "assess"}),
        ("standard", "isolated", {"other-site": "assess"}),
    ],
)
def test_the_uk_statement_by_site_and_zone(sensitivity, role, expected):
    """Worked by hand from the four sentences of the statement."""
    findings = judge(a_device("Dahua", role=ZoneRole(role)), a_site(Sensitivity(sensitivity)), (UK,), TODAY)
    assert {f.rule.removeprefix("uk-2022."): f.decision.value for f in findings} == expected


@pytest.mark.parametrize("maker", ["Uniview", "Tiandy", "TVT", "Xiongmai", "Reolink", "TP-Link"])
@pytest.mark.parametrize("kind", [Kind.CAMERA, Kind.RECORDER, Kind.UNKNOWN])
def test_other_chinese_makers_are_assessed_and_never_flagged(maker, kind):
    device = a_device(maker, kind=kind)
    device = mark(device, judge(device, a_site(), (UK, US), TODAY))
    assert not device.flagged
    assert {finding.policy for finding in device.findings} == {"uk-2022"}
    expected = Decision.CANNOT_SAY if (maker, kind) == ("TP-Link", Kind.UNKNOWN) else Decision.ASSESS
    assert [finding.decision for finding in device.findings] == [expected]


@pytest.mark.parametrize("maker", ["Axis", "Bosch", "Hanwha", "Vivotek", "Mobotix", "Sony", "Panasonic", "Ubiquiti"])
def test_no_rule_speaks_of_other_makers(maker):
    assert judge(a_device(maker), a_site(), (UK, US), TODAY) == ()


@pytest.mark.parametrize("maker", ["Hikvision", "Dahua", "Hytera", "Huawei", "ZTE"])
@pytest.mark.parametrize("kind", [*SURVEILLANCE, Kind.ACCESS_TERMINAL, Kind.OTHER, Kind.UNKNOWN])
def test_the_us_law_flags_each_named_maker(maker, kind):
    device = a_device(maker, kind=kind, role=ZoneRole.ISOLATED)
    device = mark(device, judge(device, a_site(Sensitivity.STANDARD), (US,), TODAY))
    assert device.flagged
    assert device.findings[0].decision is Decision.REMOVE
    assert device.findings[0].force is Force.LAW


def test_an_owned_company_is_judged_as_its_owner():
    owned = a_device("EZVIZ")
    assert mark(owned, judge(owned, a_site(), (US,), TODAY)).flagged
    assert mark(owned, judge(owned, a_site(), (UK,), TODAY)).flagged
    assert decisions(judge(a_device("Luminys"), a_site(), (US,), TODAY)) == {"us-889.successor": Decision.ASSESS}
    assert judge(a_device("Luminys"), a_site(), (US,), date(2023, 12, 31)) == (), "the link has a date"


def test_a_switch_of_the_maker_is_not_a_camera_for_the_uk():
    findings = judge(a_device(kind=Kind.OTHER), a_site(), (UK,), TODAY)
    assert decisions(findings) == {"uk-2022.other-equipment": Decision.ASSESS}


def test_an_unseen_kind_is_said():
    (finding,) = [
        f for f in judge(a_device(kind=Kind.UNKNOWN), a_site(), (UK,), TODAY) if f.decision is Decision.REMOVE
    ]
    assert "No evidence shows what kind of unit this is" in finding.sentence
    (finding,) = [f for f in judge(a_device(), a_site(), (UK,), TODAY) if f.decision is Decision.REMOVE]
    assert "kind" not in finding.sentence


@pytest.mark.parametrize("role", list(ZoneRole))
@pytest.mark.parametrize("kind", [Kind.CAMERA, Kind.UNKNOWN])
def test_a_possible_identity_is_assessed_once_a_pack_and_never_flagged(role, kind):
    device = a_device(kind=kind, verdict=Verdict.POSSIBLE, role=role)
    device = mark(device, judge(device, a_site(), (UK, US), TODAY))
    assert device.to_check
    assert not device.flagged
    assert [(f.policy, f.decision) for f in device.findings] == [
        ("us-889", Decision.ASSESS),
        ("uk-2022", Decision.ASSESS),
    ]
    assert all("not strong enough to act on" in finding.sentence for finding in device.findings)


def test_the_number_alone_never_lifts_a_possible_identity():
    """A MAC prefix is at most `possible`, whatever confidence stands beside it."""
    device = a_device(verdict=Verdict.POSSIBLE, confidence=0.99)
    assert not mark(device, judge(device, a_site(), (UK, US), TODAY)).flagged


@pytest.mark.parametrize(
    ("verdict", "confidence", "enough"),
    [("confirmed", 0.995, True), ("probable", 0.96, True), ("probable", 0.94, False), ("possible", 0.99, False)],
)
def test_a_number_as_least_confidence_needs_the_verdict_as_well(verdict, confidence, enough):
    rule = next(rule for rule in UK.pack.rules if rule.id == "uk-2022.sensitive-site")
    when = rule.when.model_copy(update={"least_confidence": 0.95})
    assert when.is_sure_enough(Verdict(verdict), confidence) is enough
    pack = UK.model_copy(
        update={"pack": UK.pack.model_copy(update={"rules": (rule.model_copy(update={"when": when}),)})}
    )
    device = a_device(verdict=Verdict(verdict), confidence=confidence)
    assert mark(device, judge(device, a_site(), (pack,), TODAY)).flagged is enough


def test_possible_is_always_to_check_and_certain_never():
    axis = a_device("Axis", verdict=Verdict.POSSIBLE)
    assert mark(axis, ()).to_check
    assert not mark(a_device("Axis"), ()).to_check
    assert not mark(a_device(None, verdict=Verdict.UNIDENTIFIED), ()).to_check


def a_doubtful_device(maker, *rivals, **more):
    device = a_device(maker, **more)
    conflict = Conflict("maker", (maker, *rivals), ("a.rule",) * (1 + len(rivals)), "Evidence names both.")
    return dataclasses.replace(device, identity=dataclasses.replace(device.identity, conflicts=(conflict,)))


@pytest.mark.parametrize("rival", ["Hikvision", "Dahua"])
@pytest.mark.parametrize("maker", ["Axis", "HP", "Uniview", "Newcomer Vision"])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_covered_rival_is_assessed_and_checked_by_hand(maker, rival, kind):
    device = a_doubtful_device(maker, rival, kind=kind, verdict=Verdict.PROBABLE)
    device = mark(device, judge(device, a_site(), (UK, US), TODAY))
    about = [finding for finding in device.findings if f"also names {rival}" in finding.sentence]
    assert [(f.policy, f.decision, f.deadline) for f in about] == [
        ("us-889", Decision.ASSESS, None),
        ("uk-2022", Decision.ASSESS, None),
    ]
    assert all(finding.sentence.endswith("applies.") and finding.sentence.count(". ") == 0 for finding in about)
    assert device.to_check
    assert not device.flagged, "a rival is a question, never a demand"


def test_the_rival_finding_names_the_most_urgent_rule_that_covers_it():
    device = a_doubtful_device("Axis", "Hikvision", verdict=Verdict.PROBABLE)
    uk, us = sorted(judge(device, a_site(), (UK, US), TODAY), key=lambda finding: finding.policy)
    assert (uk.rule, us.rule) == ("uk-2022.sensitive-site", "us-889.part-b-surveillance")
    assert uk.sentence == (
        "Evidence on this unit also names Hikvision as its maker: a person must look at the unit, and if it is so, the "
        "advice “Sensitive sites” applies."
    )
    scanner = a_doubtful_device("Axis", "Hikvision", kind=Kind.SCANNER, verdict=Verdict.PROBABLE)
    assert decisions(judge(scanner, a_site(), (UK,), TODAY)) == {"uk-2022.other-equipment": Decision.ASSESS}
    core = a_doubtful_device("Axis", "Dahua", verdict=Verdict.PROBABLE)
    assert "uk-2022.core-network" in decisions(judge(core, a_site(Sensitivity.STANDARD), (UK,), TODAY))
    guest = a_doubtful_device("Axis", "Dahua", verdict=Verdict.PROBABLE, role=ZoneRole.GUEST)
    assert decisions(judge(guest, a_site(Sensitivity.STANDARD), (UK,), TODAY)) == {
        "uk-2022.other-site": Decision.ASSESS
    }
    assert judge(guest, a_site(Sensitivity.STANDARD), (UK,), date(2022, 11, 23)) == ()


def test_a_flagged_device_with_a_covered_rival_keeps_its_flag_and_is_checked():
    device = a_doubtful_device("Dahua", "Hikvision", verdict=Verdict.PROBABLE)
    device = mark(device, judge(device, a_site(), (UK, US), TODAY))
    assert device.flagged
    assert device.to_check
    assert device.findings[0].decision is Decision.REMOVE
    assert sum("also names Hikvision" in finding.sentence for finding in device.findings) == 2


def test_a_rival_that_no_rule_covers_asks_for_nothing():
    device = a_doubtful_device("Axis", "Bosch", verdict=Verdict.CONFIRMED)
    assert judge(device, a_site(), (UK, US), TODAY) == ()
    assert not mark(device, ()).to_check
    flagged = a_doubtful_device("Hikvision", "Bosch", verdict=Verdict.CONFIRMED)
    assert not mark(flagged, judge(flagged, a_site(), (UK, US), TODAY)).to_check


def test_evidence_against_a_maker_and_other_conflicts_are_no_rivals():
    denied = a_doubtful_device("Hikvision", "not Hikvision")
    assert not mark(denied, judge(denied, a_site(), (UK, US), TODAY)).to_check
    same = a_doubtful_device("Hikvision", "HIKVISION")
    assert not mark(same, judge(same, a_site(), (UK, US), TODAY)).to_check
    kind = a_device("Axis")
    conflict = Conflict("kind", ("camera", "Hikvision"), ("a", "b"), "S.")
    kind = dataclasses.replace(kind, identity=dataclasses.replace(kind.identity, conflicts=(conflict,)))
    assert judge(kind, a_site(), (UK, US), TODAY) == ()


def test_hostile_text_in_a_rival_still_marks_the_device():
    entities = UK.entities.model_copy(
        update={"makers": UK.entities.makers | {"Odd\nName": UK.entities.makers["Hikvision"]}}
    )
    pack = UK.model_copy(update={"entities": type(entities).model_validate(entities.model_dump())})
    device = a_doubtful_device("Axis", "Odd\nName", verdict=Verdict.PROBABLE)
    (finding,) = judge(device, a_site(), (pack,), TODAY)
    assert "Odd\\x0aName" in finding.sentence
    assert mark(device, (finding,)).to_check


@pytest.mark.parametrize("kind", [Kind.CAMERA, Kind.UNKNOWN])
@pytest.mark.parametrize(
    ("maker", "checked"), [("Uniview", True), ("Xiongmai", True), ("Tiandy", False), ("TVT", False)]
)
def test_a_country_that_nobody_checked_is_said(maker, checked, kind):
    (finding,) = judge(a_device(maker, kind=kind), a_site(), (UK,), TODAY)
    assert ("which nobody has checked" in finding.sentence) is not checked
    assert ("is recorded as a Chinese company" in finding.sentence) is checked
    assert ("No evidence shows what kind" in finding.sentence) is (kind is Kind.UNKNOWN)
    assert finding.source_read == ("secondary" if checked else "unsourced")


def test_the_country_of_a_maker_covered_by_name_does_not_weaken_the_finding():
    hikvision = UK.entities.makers["Hikvision"].model_copy(update={"country_read": SourceRead.UNSOURCED})
    entities = UK.entities.model_copy(update={"makers": UK.entities.makers | {"Hikvision": hikvision}})
    pack = UK.model_copy(update={"entities": entities})
    assert {f.source_read for f in judge(a_device(), a_site(), (pack,), TODAY)} == {"secondary"}


def test_part_b_tells_of_the_duty_to_report():
    for maker in ("Hikvision", "Huawei"):
        for kind in (Kind.CAMERA, Kind.UNKNOWN):
            first = judge(a_device(maker, kind=kind), a_site(), (US,), TODAY)[0]
            assert "within 1 business day and follow up within 10 (FAR 52.204-25)" in first.sentence


def test_a_joint_venture_is_left_to_a_lawyer():
    device = a_device("Prama")
    device = mark(device, judge(device, a_site(), (US,), TODAY))
    assert decisions(device.findings) == {"us-889.successor": Decision.ASSESS}
    assert not device.flagged


def with_rule(**changes):
    rule = next(rule for rule in UK.pack.rules if rule.id == "uk-2022.sensitive-site").model_copy(update=changes)
    return UK.model_copy(update={"pack": UK.pack.model_copy(update={"rules": (rule,)})})


def test_a_deadline_belongs_to_the_decision_of_the_rule_alone():
    day = date(2027, 4, 30)
    pack = with_rule(deadline=day)
    assert [f.deadline for f in judge(a_device(), a_site(), (pack,), TODAY)] == [day]
    (doubtful,) = judge(a_device(verdict=Verdict.POSSIBLE), a_site(), (pack,), TODAY)
    assert (doubtful.decision, doubtful.deadline) == (Decision.ASSESS, None)
    (rival,) = judge(a_doubtful_device("Axis", "Hikvision"), a_site(), (pack,), TODAY)
    assert (rival.decision, rival.deadline) == (Decision.ASSESS, None)
    assessing = with_rule(deadline=day, decision=Decision.ASSESS)
    assert [f.deadline for f in judge(a_device(), a_site(), (assessing,), TODAY)] == [day]
    (unsure,) = judge(a_device(verdict=Verdict.POSSIBLE), a_site(), (assessing,), TODAY)
    assert unsure.deadline is None, "the question has no deadline, even where the rule only asks"
    when = pack.pack.rules[0].when.model_copy(
        update={"entity": pack.pack.rules[0].when.entity.model_copy(update={"law": None, "country": ("CN",)})}
    )
    (cannot,) = judge(a_device("TP-Link", kind=Kind.UNKNOWN), a_site(), (with_rule(deadline=day, when=when),), TODAY)
    assert (cannot.decision, cannot.deadline) == (Decision.CANNOT_SAY, None)


def test_the_sources_and_reading_of_a_rule_stand_before_those_of_its_pack():
    source = Source(address="https://example.gov.uk/live", title="T", read=SourceRead.PRIMARY, checked_on=TODAY)
    (own,) = judge(a_device(), a_site(), (with_rule(sources=(source,), source_read=SourceRead.PRIMARY),), TODAY)
    assert (own.sources, own.source_read) == (("https://example.gov.uk/live",), "primary")
    (pack,) = judge(a_device(), a_site(), (with_rule(),), TODAY)
    assert pack.sources == tuple(source.address for source in UK.pack.sources)
    assert pack.source_read == "secondary"


def test_an_unidentified_device_matters_only_when_it_looks_like_a_camera():
    camera = a_device(None, verdict=Verdict.UNIDENTIFIED)
    assert [f.decision for f in judge(camera, a_site(), (UK, US), TODAY)] == [Decision.CANNOT_SAY] * 2
    printer = a_device(None, kind=Kind.OTHER, verdict=Verdict.UNIDENTIFIED)
    silent = a_device(None, kind=Kind.UNKNOWN, verdict=Verdict.UNIDENTIFIED)
    assert judge(printer, a_site(), (UK, US), TODAY) == ()
    assert judge(silent, a_site(), (UK, US), TODAY) == ()


def test_a_maker_that_the_data_does_not_hold_is_said():
    findings = judge(a_device("Newcomer Vision"), a_site(), (UK,), TODAY)
    assert decisions(findings) == {"uk-2022.maker-unknown": Decision.CANNOT_SAY}
    assert "no entry for Newcomer Vision" in findings[0].sentence
    assert judge(a_device("Newcomer Vision", kind=Kind.OTHER), a_site(), (UK,), TODAY) == ()


def test_a_rule_waits_for_its_first_day():
    assert judge(a_device(), a_site(), (UK,), date(2022, 11, 23)) == ()
    assert len(judge(a_device(), a_site(), (UK,), date(2022, 11, 24))) == 3
    before = judge(a_device(), a_site(), (US,), date(2020, 8, 12))
    assert decisions(before) == {"us-889.part-a": Decision.MONITOR}


def test_device_text_in_a_sentence_is_made_visible():
    findings = judge(a_device("Evil\nMaker\u202e"), a_site(), (UK,), TODAY)
    assert "Evil\\x0aMaker\\u202e" in findings[0].sentence


def test_mark_orders_by_urgency_then_deadline_then_force():
    def finding(rule, decision, force, deadline=None):
        return Finding("p", rule, decision, force, "S.", deadline)

    late = finding("p.late", Decision.REMOVE, Force.LAW)
    soon = finding("p.soon", Decision.REMOVE, Force.ADVICE, date(2027, 1, 1))
    look = finding("p.look", Decision.ASSESS, Force.LAW)
    assert mark(a_device(), (look, late, soon)).findings == (soon, late, look)


@pytest.mark.parametrize(
    ("decision", "flagged"),
    [(d, d in (Decision.REMOVE, Decision.DISCONNECT)) for d in Decision],
)
def test_flagged_is_remove_or_disconnect_whatever_the_force(decision, flagged):
    for force in Force:
        assert mark(a_device(), (Finding("p", "p.r", decision, force, "S."),)).flagged is flagged


@given(
    maker=st.sampled_from([None, "Hikvision", "Dahua", "Huawei", "Uniview", "TP-Link", "Axis", "Luminys", "Nobody"]),
    kind=st.sampled_from(list(Kind)),
    verdict=st.sampled_from(list(Verdict)),
    role=st.sampled_from(list(ZoneRole)),
    sensitivity=st.sampled_from(list(Sensitivity)),
)
def test_every_sentence_can_be_read_out(maker, kind, verdict, role, sensitivity):
    device = a_device(maker, kind=kind, verdict=verdict, role=role)
    findings = judge(device, a_site(sensitivity), (UK, US), TODAY)
    for finding in findings:
        assert finding.sentence[0].isupper() or finding.sentence.startswith(maker or "?")
        assert finding.sentence.endswith(".")
        assert finding.sentence.count(". ") == 0, "one sentence"
        assert not re.search(r"[{}\n]|\b(clean|safe|secure)\b", finding.sentence)
        assert re.search(FORCE_WORDS[finding.force], finding.sentence), "the force is told"
    flagged = mark(device, findings).flagged
    if verdict in (Verdict.POSSIBLE, Verdict.UNIDENTIFIED) or maker in (None, "Uniview", "TP-Link", "Axis", "Nobody"):
        assert not flagged
    assert len({finding.rule for finding in findings}) == len(findings)


def test_the_schema_of_audit_json_knows_every_reading():
    schema = json.loads((data_path("reports") / "schema" / "audit.schema.json").read_text(encoding="utf-8"))
    (found,) = [
        node["source_read"]["enum"]
        for node in _mappings(schema)
        if isinstance(node.get("source_read"), dict) and "enum" in node["source_read"]
    ]
    assert set(found) == {reading.value for reading in SourceRead}


def _mappings(node):
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _mappings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _mappings(value)
