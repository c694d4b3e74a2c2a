"""The sentence, the status and the terminal: never more than the audit can say."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report.build import audit, device, devices, identity
from report.hostile import hostile_audit
from report.payloads import PAYLOADS

from auditor.model import CoverageState, Kind, ZoneRole
from auditor.report import headline, status, summary_text

NO_CAMERA = tuple(unit for unit in devices() if unit.identity.kind in {Kind.OTHER, Kind.UNKNOWN} and not unit.to_check)
AXIS_ONLY = tuple(unit for unit in devices() if unit.identity.maker == "Axis")
TO_CHECK = tuple(unit for unit in devices() if unit.to_check)
CASES = {
    "flagged": audit(), "incomplete": audit(missed=4), "interrupted": audit(missed=4, interrupted=True), "empty": audit(units=()),
    "empty incomplete": audit(units=(), missed=4), "empty interrupted": audit(units=(), missed=4, interrupted=True), "no camera": audit(units=NO_CAMERA),
    "nothing flagged": audit(units=AXIS_ONLY), "only to check": audit(units=TO_CHECK), "emulated": audit(emulated=True), "unfinished": audit(finished=None, complete=False),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_headline_always_says_scope_vantage_time_coverage_and_certainty(case):
    whole = CASES[case]
    sentence = headline(whole)
    assert f"Of {whole.coverage.scope_size} addresses in scope" in sentence
    assert whole.run.vantage in sentence
    assert "21 November 2026" in sentence
    assert "(Europe/London)" in sentence
    assert re.search(
        r"\d+ answered \(\d+ identified\), \d+ gave no answer, \d+ were excluded in the site file and \d+ were not "
        r"covered\.",
        sentence,
    )
    assert "is confirmed for" in sentence or "no device whose identity could be judged" in sentence
    assert not re.search(r"\b(clean|safe|secure)\b", sentence)
    for part in re.split(r"(?<=\.) ", sentence):
        assert re.match(r"[A-Z0-9]", part), "each part begins as a sentence"
        assert part.endswith(".")


def test_numbers_of_the_headline():
    assert headline(audit()).startswith(
        "7 devices at Ministry HQ are flagged for removal or disconnection: 4 Hikvision, 3 Dahua. 3 of them carry another "
        "label than their maker's. 3 of them are on core networks. 2 devices must still be checked by hand. Of 512 "
    )
    assert "The maker of the flagged devices is confirmed for 5, probable for 2 and possible for 0." in headline(
        audit()
    )
    one = audit(units=devices()[:1])
    assert headline(one).startswith(
        "1 device at Ministry HQ is flagged for removal or disconnection: 1 Hikvision. It is not known to carry another "
        "label than its maker's. It is on a core network. Of 512 addresses in scope"
    )
    assert headline(CASES["only to check"]).startswith(
        "No device at Ministry HQ is flagged yet, but 2 devices must be checked by hand first. Of 512 addresses"
    )


def flagged_units(number, maker=lambda index: "Dahua", role=ZoneRole.ISOLATED, **more):
    pattern = devices()[0]
    return tuple(
        dataclasses.replace(
            pattern, id=f"addr-{index}", addresses=(f"10.88.0.{10 + index}",), zone_role=role,
            identity=dataclasses.replace(pattern.identity, maker=maker(index), **more),
        )
        for index in range(number)
    )  # fmt: skip


def test_the_headline_tells_labels_and_networks_for_one_and_for_many():
    one = headline(audit(units=flagged_units(1, brand="LTS", rebrand=True)))
    assert "It carries another label than its maker's. It is not on a core network. Of" in one
    assert "It is in a zone whose role nobody has declared." in headline(
        audit(units=flagged_units(1, role=ZoneRole.UNKNOWN))
    )
    many = headline(audit(units=flagged_units(3)))
    assert (
        "None of them is known to carry another label than its maker's. None of them is on a core network. Of" in many
    )
    unknown = headline(audit(units=flagged_units(3, role=ZoneRole.UNKNOWN)))
    assert "3 of them are in zones whose role nobody has declared." in unknown
    assert "core network" not in unknown, "nobody knows"
    mixed = headline(audit(units=flagged_units(2) + devices()[1:2]))
    assert "1 of them carries another label than its maker's. 1 of them is on a core network." in mixed


def test_the_headline_names_six_makers_and_counts_the_rest():
    assert "1 of a maker not known" in headline(audit(units=flagged_units(1, lambda index: None)))
    seven = headline(audit(units=flagged_units(7, lambda index: f"Maker {index}")))
    assert "1 Maker 0, 1 Maker 1, 1 Maker 2, 1 Maker 3, 1 Maker 4, 1 Maker 5, 1 Maker 6." in seven
    eight = headline(audit(units=flagged_units(8, lambda index: f"Maker {index}")))
    assert "1 Maker 5, 2 of other makers." in eight


def test_nothing_found_is_never_worded_as_absence():
    assert headline(CASES["empty"]).startswith(
        "No camera was seen at Ministry HQ, which does not show that there is none"
    )
    assert headline(CASES["no camera"]).startswith("No camera was seen")
    assert headline(CASES["nothing flagged"]).startswith("No device that the rules flag was seen")
    assert headline(CASES["empty incomplete"]).startswith(
        "The audit of Ministry HQ is incomplete: it flagged no device, and cannot say that there is none"
    )
    assert "interrupted before it flagged a device" in headline(CASES["empty interrupted"])


def test_incomplete_interrupted_and_emulated_are_said_first():
    assert headline(CASES["incomplete"]).startswith("INCOMPLETE AUDIT: 7 devices")
    assert headline(CASES["interrupted"]).startswith("INTERRUPTED AUDIT: 7 devices")
    assert headline(CASES["emulated"]).startswith("EMULATED: 7 devices")
    assert "not finished" in headline(CASES["unfinished"])


def test_time_is_in_the_zone_of_the_site():
    whole = audit()
    hanoi = dataclasses.replace(whole, site=dataclasses.replace(whole.site, timezone="Asia/Ho_Chi_Minh"))
    assert "from 15:14 to 15:41 (Asia/Ho_Chi_Minh)" in headline(hanoi)
    unknown = dataclasses.replace(whole, site=dataclasses.replace(whole.site, timezone="Mars/Olympus"))
    assert "from 08:14 to 08:41 (UTC)" in headline(unknown)


def test_an_audit_over_midnight_names_both_days():
    whole = audit()
    long = dataclasses.replace(whole, run=dataclasses.replace(whole.run, finished=whole.run.finished.replace(day=22)))
    assert "21 November 2026 08:14 to 22 November 2026 08:41" in headline(long)


@pytest.mark.parametrize("case", CASES)
def test_status_holds_the_counts(case):
    whole = CASES[case]
    found = status(whole)
    counts = found["counts"]
    assert sum(counts["states"].values()) == counts["scope"] == whole.coverage.scope_size
    assert list(counts["states"]) == list(CoverageState)
    assert counts["devices"] == len(whole.devices) == sum(zone["devices"] for zone in counts["by_zone"].values())
    assert (
        counts["flagged"]
        == sum(counts["flagged_by_maker"].values())
        == sum(zone["flagged"] for zone in counts["by_zone"].values())
    )
    assert counts["to_check"] == len(whole.plan.to_check)
    assert found["exit_code"] == whole.run.exit_code
    assert found["complete"] is whole.run.complete
    assert found["reasons"] == list(whole.run.reasons)


def test_a_short_audit_is_told_with_seconds():
    whole = audit()
    short = dataclasses.replace(
        whole, run=dataclasses.replace(whole.run, finished=whole.run.started.replace(second=52))
    )
    assert "21 November 2026 from 08:14:07 to 08:14:52 (Europe/London)" in headline(short)


def test_status_in_full():
    found = status(audit())
    assert found["run"] == "0193503a-8c10-7d2e-9f44-5a1b2c3d4e5f"
    assert (found["started"], found["finished"]) == ("2026-11-21T08:14:07.250Z", "2026-11-21T08:41:55.000Z")
    assert found["counts"]["flagged_by_maker"] == {"Dahua": 3, "Hikvision": 4}
    assert found["counts"]["by_zone"] == {
        "office": {"devices": 5, "flagged": 3, "to_check": 0},
        "cctv": {"devices": 10, "flagged": 4, "to_check": 2},
    }
    assert status(CASES["unfinished"])["finished"] is None


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("case", CASES)
def test_summary_fits_the_terminal(case, width):
    text = summary_text(CASES[case], width, folder="audit-2026-11-21")
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= max(width, 40)


def test_summary_says_what_matters():
    text = " ".join(summary_text(audit(missed=4), 100, folder="audit-2026-11-21").split())
    for needle in ("INCOMPLETE AUDIT: 7 devices", "4 addresses of 10.88.1.0/24 were not attempted", "Flagged (7)", "10.88.0.21 Remove: Hikvision, camera DS-2CD2143G2-I, confirmed",
                   "To check by hand (2)", "490 Silent", "4 Not attempted", "What this audit could not see", "VLAN 30 was not in scope", "Files in audit-2026-11-21",
                   "report.html", "plan.csv", "audit.json", "observations.jsonl"):  # fmt: skip
        assert needle in text, needle


def test_summary_lists_no_files_without_a_folder():
    assert "report.html" not in summary_text(audit(), 80)


def test_a_long_list_is_cut_with_its_rest_counted():
    what = identity("10.88.0.1", "Dahua", "X", Kind.CAMERA)
    units = tuple(
        dataclasses.replace(
            device(f"10.88.0.{number}", None, ("office", ZoneRole.CORE), what),
            flagged=True,
            findings=devices()[0].findings,
        )
        for number in range(10, 50)
    )
    text = summary_text(audit(units=units), 120)
    assert "Flagged (40)" in text
    assert "and 15 more, in the report" in text


def test_hostile_text_reaches_the_terminal_without_control_characters():
    for whole in (
        hostile_audit(),
        *(hostile_audit(PAYLOADS[start:] + PAYLOADS[:start]) for start in range(0, len(PAYLOADS), 7)),
    ):
        for text in (summary_text(whole, 80, folder=PAYLOADS[5]), headline(whole) + "\n"):
            assert not re.search(
                "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text
            )


@given(st.text(st.characters(exclude_categories=[]), max_size=80))
def test_any_vantage_and_site_name_is_shown_on_one_line(text):
    whole = audit()
    odd = dataclasses.replace(
        whole, site=dataclasses.replace(whole.site, name=text), run=dataclasses.replace(whole.run, vantage=text)
    )
    assert "\n" not in headline(odd)
    headline(odd).encode("utf-8")
