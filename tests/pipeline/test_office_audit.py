"""What an audit of the emulated office says, held against what is there and against what the wire counted."""

from __future__ import annotations

import csv
import json
import stat

import jsonschema
import pytest

from auditor import report
from auditor.identify import identify_lines, load_rules
from auditor.observe import observe, read_lines

pytestmark = [pytest.mark.netns]


def flagged(audit):
    return {address for item in audit["devices"] if item["flagged"] for address in item["addresses"]}


def test_it_ends_complete_with_something_flagged(office_audit):
    assert office_audit.done.returncode == 1, office_audit.done.stderr
    assert office_audit.audit["run"]["complete"] is True
    assert "internal error" not in office_audit.done.stderr


def test_every_unit_that_shows_its_maker_is_flagged_whatever_its_label(office_audit):
    due = {
        t["address"] for t in office_audit.truth if t["flagged_maker"] and not t["excluded"] and t["evidence"] == "full"
    }
    assert len(due) == 10
    assert flagged(office_audit.audit) == due


def test_maker_and_label_are_the_true_ones(office_audit):
    wrong = []
    for truth in office_audit.truth:
        device = office_audit.device(truth["address"])
        if truth["excluded"] or not truth["flagged_maker"] or truth["evidence"] != "full":
            continue
        if device["maker"] != truth["maker"] or (truth["rebrand"] and device["brand"] not in (truth["brand"], None)):
            wrong.append((truth, device["maker"], device["brand"]))
    assert not wrong


def test_no_other_maker_is_named_for_a_unit_than_its_own(office_audit):
    for truth in office_audit.truth:
        device = office_audit.device(truth["address"])
        if device is not None and device["verdict"] in ("confirmed", "probable") and truth["maker"]:
            assert device["maker"] == truth["maker"], truth


def test_a_mac_prefix_alone_is_a_question_and_not_an_accusation(office_audit):
    only_mac = [
        t["address"] for t in office_audit.truth if t["flagged_maker"] and t["evidence"] != "full" and not t["excluded"]
    ]
    assert only_mac
    for address in only_mac:
        device = office_audit.device(address)
        assert device["to_check"] or device["verdict"] == "unidentified", device
        assert not device["flagged"]


def test_every_unit_that_answers_is_listed(office_audit):
    expected = {t["address"] for t in office_audit.truth if not t["excluded"] and t["id"] != "fault-silent"}
    seen = {address for item in office_audit.audit["devices"] for address in item["addresses"]}
    assert seen == expected


def test_the_macs_are_the_units_own(office_audit):
    for truth in office_audit.truth:
        device = office_audit.device(truth["address"])
        if device is not None:
            assert device["mac"] == truth["mac"], truth


def test_states_add_up_to_the_scope(office_audit):
    coverage = office_audit.audit["coverage"]
    assert coverage["scope_size"] == 256
    assert sum(coverage["states"].values()) == 256
    assert coverage["states"]["excluded"] == 3
    assert sum(sum(subnet["states"].values()) for subnet in coverage["by_subnet"]) == 256


def test_excluded_addresses_get_nothing_not_even_arp(office_audit):
    excluded = [t["address"] for t in office_audit.truth if t["excluded"]]
    assert len(excluded) == 3
    for address in excluded:
        assert address not in office_audit.wire["addresses"], office_audit.wire["addresses"].get(address)
        assert office_audit.device(address) is None


def test_nothing_leaves_the_scope(office_audit):
    assert office_audit.wire["outside"] in ({}, [])
    assert office_audit.wire["dropped"] == 0


def test_the_gentle_pace_holds_on_the_wire(office_audit):
    wire = office_audit.wire
    assert wire["max_per_second"] <= 110
    assert wire["max_arp_per_second"] <= 55
    for address, seen in wire["addresses"].items():
        assert seen["max_syn_per_second"] <= 2, address
        assert seen["peak_open"] <= 1, address
        assert seen["opened"] <= 30, address
        assert seen["arp"] <= 3, address


def test_no_login_no_write_no_odd_packet(office_audit):
    for name, device in office_audit.counters["devices"].items():
        assert device["authentication_attempts"] == 0, name
        assert device["printed_bytes"] == 0, name
        assert device["payload_bytes"] == 0, name
        assert {ask.split()[0] for ask in device["http"]} <= {"GET", "POST"}, name
        assert {ask.split()[0] for ask in device["rtsp"]} <= {"OPTIONS", "DESCRIBE"}, name
        assert set(device["soap"]) <= {"GetSystemDateAndTime", "GetServices", "GetScopes", "GetDeviceInformation"}, name
    wire = office_audit.wire
    assert not wire["odd"]
    assert not wire["odd_flags"]
    assert wire["fragments"] == wire["ip_options"] == wire["bad_checksums"] == 0


def test_printer_ports_are_never_touched(office_audit):
    for address, seen in office_audit.wire["addresses"].items():
        assert not {int(port) for port in seen["tcp_ports"]} & {*range(9100, 9108), 515}, address


def test_the_counters_in_the_report_are_those_of_the_wire(office_audit):
    counters = office_audit.audit["run"]["counters"]
    assert counters["authentication_attempts"] == 0
    assert counters["packets_sent"] == pytest.approx(office_audit.wire["frames"], rel=0.1)
    assert counters["most_connections_to_one_device"] == max(
        device["connections"] for device in office_audit.counters["devices"].values()
    )


def test_audit_json_follows_its_published_schema(office_audit):
    jsonschema.Draft202012Validator(report.audit_schema()).validate(office_audit.audit)


def test_observations_follow_their_schema_and_give_the_same_identities_again(office_audit):
    validator = jsonschema.Draft202012Validator(report.observation_schema())
    lines = (office_audit.folder / "observations.jsonl").read_bytes().splitlines()
    for line in lines:
        validator.validate(json.loads(line))
    with (office_audit.folder / "observations.jsonl").open("rb") as stream:
        again = {item.device: item for item in identify_lines(read_lines(stream), load_rules(), observe=observe)}
    for device in office_audit.audit["devices"]:
        if len(device["addresses"]) == 1:
            identity = again[device["addresses"][0]]
            assert (identity.maker, identity.verdict) == (device["maker"], device["verdict"])


def test_raw_outcomes_are_kept(office_audit):
    lines = [json.loads(line) for line in (office_audit.folder / "outcomes.jsonl").read_bytes().splitlines()]
    assert any("raw_base64" in line for line in lines)
    assert {line["device"] for line in lines} == {
        address for item in office_audit.audit["devices"] for address in item["addresses"]
    }


def test_files_are_private_and_complete(office_audit):
    assert stat.S_IMODE(office_audit.folder.stat().st_mode) == 0o700
    names = {path.name for path in office_audit.folder.iterdir()}
    assert {
        "audit.json",
        "outcomes.jsonl",
        "observations.jsonl",
        "report.html",
        "plan.csv",
        "run.log",
        "status.json",
    } <= names
    assert {oct(stat.S_IMODE((office_audit.folder / name).stat().st_mode)) for name in names} == {"0o600"}


def test_every_flagged_unit_has_one_work_order_in_one_wave(office_audit):
    orders = [order["device"] for wave in office_audit.audit["plan"]["waves"] for order in wave["orders"]]
    assert sorted(orders) == sorted(item["id"] for item in office_audit.audit["devices"] if item["flagged"])
    with (office_audit.folder / "plan.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    assert len(rows) == 1 + len(orders) + len(office_audit.audit["plan"]["to_check"])


def test_core_units_come_before_the_rest(office_audit):
    roles = {item["id"]: item["zone_role"] for item in office_audit.audit["devices"]}
    waves = [{roles[order["device"]] for order in wave["orders"]} for wave in office_audit.audit["plan"]["waves"]]
    assert waves == [{"core"}, {"isolated"}]


def test_the_status_file_has_the_counts(office_audit):
    status = json.loads((office_audit.folder / "status.json").read_bytes())
    assert status["exit_code"] == 1
    assert status["counts"]["flagged"] == 10
    assert sum(status["counts"]["states"].values()) == status["counts"]["scope"] == 256


def test_the_log_is_json_lines_and_names_the_authorisation(office_audit):
    lines = [json.loads(line) for line in (office_audit.folder / "run.log").read_bytes().splitlines()]
    started = next(line for line in lines if line["event"] == "started")
    assert started["reference"] == office_audit.audit["authorisation"]["reference"]
    assert lines[-1]["event"] == "finished"


def test_the_terminal_gets_plain_lines_and_the_path_of_the_report(office_audit):
    assert "\x1b" not in office_audit.done.stdout + office_audit.done.stderr
    assert f"Report: {office_audit.folder / 'report.html'}" in office_audit.done.stdout
    assert "probe:" in office_audit.done.stderr
