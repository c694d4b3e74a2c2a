"""What the shipped packs say of a device in its zone."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.assess import judge, load_packs, mark
from auditor.model import (
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
