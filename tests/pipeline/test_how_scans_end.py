"""How a scan ends: the exit codes of the contract, and what is on the wire and on disk when it ends that way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jsonschema
import pytest
from lab import Lab

from auditor import report
from tests.pipeline.conftest import ROOT, scan

pytestmark = [pytest.mark.netns]
ENV = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
FAST = {"pace": "standard"}


@pytest.fixture(scope="module")
def routed():
    """A small link and a subnet behind a router; four units to flag."""
    with Lab("routed") as built:
        yield built


def command(*words):
    return [sys.executable, "-m", "auditor", *map(str, words)]


def sent(lab):
    return lab.counters()["wire"]["frames"]


@pytest.mark.parametrize(
    ("authorisation", "says"),
    [
        (None, "authorisation"),
        (
            {"by": "A", "reference": "R", "valid_from": "2020-01-01", "valid_until": "2020-12-31"},
            "ended with 2020-12-31",
        ),
        (
            {"by": "A", "reference": "R", "valid_from": "2090-01-01", "valid_until": "2090-12-31"},
            "begins on 2090-01-01",
        ),
    ],
    ids=["none", "over", "not-yet"],
)
def test_without_authorisation_nothing_is_sent(routed, tmp_path, authorisation, says):
    audited = scan(routed, tmp_path / "run", authorisation=authorisation)
    assert audited.done.returncode == 2
    assert says in audited.done.stderr
    assert audited.wire["frames"] == 0
    assert not (tmp_path / "run").exists()


def test_doctor_and_dry_run_send_nothing(routed, tmp_path):
    site = routed.write_site(tmp_path / "site.yaml")
    routed.reset()
    doctor = routed.exec(command("doctor", site), env=ENV)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "layer 2" in doctor.stdout
    dry = routed.exec(command("scan", site, "--dry-run"), env=ENV)
    assert dry.returncode == 0, dry.stderr
    for word in ("Addresses", "Discovery", "Probes", "packets", "Zones"):
        assert word in dry.stdout
    assert sent(routed) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["site.yaml"]


def test_a_routed_site_is_audited_through_its_router(routed, tmp_path):
    audited = scan(routed, tmp_path / "run", **FAST)
    assert audited.done.returncode == 1, audited.done.stderr
    due = {t["address"] for t in audited.truth if t["flagged_maker"] and not t["excluded"] and t["evidence"] == "full"}
    assert {address for item in audited.audit["devices"] if item["flagged"] for address in item["addresses"]} == due
    assert len(due) == 4
    for truth in audited.truth:
        if truth["excluded"]:
            assert truth["address"] not in audited.wire["addresses"]
    behind = [item for item in audited.audit["devices"] if "sweep.nmap" in item["methods"]]
    assert behind
    own = {t["address"]: t["mac"] for t in audited.truth}
    for item in behind:  # across a router only what the unit says of itself counts, never what the link shows
        assert item["mac"] in {None, own[item["addresses"][0]]}, item


def test_only_narrows_the_permits_and_never_the_truth(routed, tmp_path):
    target = next(t["address"] for t in routed.truth() if t["flagged_maker"] and not t["excluded"])
    audited = scan(routed, tmp_path / "run", "--only", target, **FAST)
    assert audited.done.returncode == 3
    asked = {
        address for address, seen in audited.wire["addresses"].items() if seen["ip"] and not address.startswith("239.")
    }
    assert asked <= {target}
    coverage = audited.audit["coverage"]
    assert coverage["scope_size"] == sum(coverage["states"].values())
    assert coverage["states"]["not-attempted"] == coverage["scope_size"] - 1 - coverage["states"]["excluded"]
    assert [item["flagged"] for item in audited.audit["devices"]] == [True]


@pytest.fixture
def open_folder():
    """A folder that any user may enter; pytest's own are closed again whenever another session starts."""
    with tempfile.TemporaryDirectory(prefix="auditor-test-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


def test_an_ordinary_user_audits_by_connections_and_says_what_that_hides(routed, open_folder):
    tmp_path = open_folder
    audited = scan(routed, tmp_path / "run", user="65534", **FAST)
    assert audited.done.returncode == 1, audited.done.stderr
    assert audited.audit["run"]["profile"] == "connect-only"
    assert any("layer" in limit.lower() or "arp" in limit.lower() for limit in audited.audit["run"]["limits"])
    due = {t["address"] for t in audited.truth if t["flagged_maker"] and not t["excluded"] and t["evidence"] == "full"}
    assert {address for item in audited.audit["devices"] if item["flagged"] for address in item["addresses"]} == due
    for truth in audited.truth:
        if truth["excluded"]:
            assert truth["address"] not in audited.wire["addresses"]


def wait_for(running, file, text):
    until = time.monotonic() + 60
    while not (file.exists() and text in file.read_text("utf-8")):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interruption_before_the_first_packet_is_incomplete_too(routed, tmp_path, number):
    site = routed.write_site(tmp_path / "site.yaml")
    routed.reset()
    running = routed.popen(
        command("scan", site, "--out", tmp_path / "run"),
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(0.45)
    running.send_signal(number)
    out, err = running.communicate(timeout=20)
    # The interpreter itself may still be starting, and then ends by the signal; never with 0 or 1.
    assert running.returncode in (3, -number, 128 + number, 130), (out, err)


@pytest.mark.parametrize(
    ("number", "stage"),
    [(signal.SIGINT, "discover"), (signal.SIGTERM, "probe"), (signal.SIGHUP, "probe")],
    ids=["ctrl-c", "sigterm", "sighup"],
)
def test_an_interrupted_run_leaves_a_marked_and_valid_report(routed, tmp_path, number, stage):
    site = routed.write_site(tmp_path / "site.yaml", **FAST)
    running = routed.popen(
        command("scan", site, "--out", tmp_path / "run"),
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(running, tmp_path / "run" / "run.log", f'"name": "{stage}"')
    time.sleep(1.5)
    running.send_signal(number)
    began = time.monotonic()
    out, err = running.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert running.returncode == 3, err
    assert "Traceback" not in err
    audit = json.loads((tmp_path / "run" / "audit.json").read_bytes())
    jsonschema.Draft202012Validator(report.audit_schema()).validate(audit)
    assert audit["run"]["interrupted"] is True
    assert audit["run"]["complete"] is False
    assert audit["coverage"]["scope_size"] == sum(audit["coverage"]["states"].values())
    assert audit["coverage"]["states"]["not-attempted"] > 0
    assert "interrupted" in (tmp_path / "run" / "report.html").read_text("utf-8").lower()
    assert "interrupted" in out.lower()


def test_a_second_run_on_the_same_folder_ends_at_once_and_sends_nothing(routed, tmp_path):
    site = routed.write_site(tmp_path / "site.yaml")
    first = routed.popen(
        command("scan", site, "--out", tmp_path / "run"), env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (tmp_path / "run" / ".lock").exists():
            time.sleep(0.05)
            assert first.poll() is None
        first.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        routed.reset()
        other = routed.write_site(tmp_path / "other.yaml")
        second = routed.exec(command("scan", other, "--out", tmp_path / "run"), env=ENV)
        assert second.returncode == 4
        assert "another run holds" in second.stderr
        assert sent(routed) == 0
    finally:
        first.send_signal(signal.SIGCONT)
        first.terminate()
        first.wait(20)


def test_two_runs_of_one_site_never_add_up_even_in_two_folders(routed, tmp_path):
    site = routed.write_site(tmp_path / "site.yaml")
    first = routed.popen(
        command("scan", site, "--out", tmp_path / "one"), env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(first, tmp_path / "one" / "run.log", '"name": "discover"')
        first.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        routed.reset()
        second = routed.exec(command("scan", site, "--out", tmp_path / "two"), env=ENV)
        assert second.returncode == 4
        assert sent(routed) == 0
        assert not (tmp_path / "two").exists()
    finally:
        first.send_signal(signal.SIGCONT)
        first.terminate()
        first.wait(20)


def test_a_link_that_goes_down_in_the_middle_makes_the_audit_incomplete(routed, tmp_path):
    site = routed.write_site(tmp_path / "site.yaml", **FAST)
    running = routed.popen(
        command("scan", site, "--out", tmp_path / "run"),
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(running, tmp_path / "run" / "run.log", '"name": "probe"')
    routed.link(up=False)
    try:
        _out, err = running.communicate(timeout=120)
    finally:
        routed.link(up=True)
    assert running.returncode == 3, err
    audit = json.loads((tmp_path / "run" / "audit.json").read_bytes())
    assert audit["run"]["complete"] is False
    assert audit["coverage"]["states"]["not-attempted"] > 0


@pytest.mark.parametrize("methods", [["wsd", "http", "rtsp"], ["arp", "wsd", "http", "rtsp"]], ids=["unseen", "seen"])
def test_a_unit_excluded_by_its_mac_is_never_contacted(lab, tmp_path, methods):
    routed = lab("routed")  # its own: what a run that was cut off before still retransmits would be counted here
    unit = next(t for t in routed.truth() if t["id"] == "hik-camera")
    authorisation = {
        "by": "A",
        "reference": "R",
        "valid_from": "2020-01-01",
        "valid_until": "2090-12-31",
        "methods": methods,
    }
    audited = scan(routed, tmp_path / "run", exclude=[unit["mac"]], authorisation=authorisation, **FAST)
    seen = audited.wire["addresses"].get(unit["address"], {"ip": 0})
    assert seen["ip"] == 0, seen
    assert audited.device(unit["address"]) is None or not audited.device(unit["address"])["flagged"]
    assert audited.done.returncode in ({3} if methods[0] == "wsd" else {1, 3})


def test_an_excluded_router_is_not_even_asked_for_its_mac(lab, tmp_path):
    audited = scan(lab("routed"), tmp_path / "run", exclude=["10.88.4.1"], **FAST)
    assert audited.done.returncode == 3
    assert "10.88.4.1" not in audited.wire["addresses"]
    assert any("router" in limit for limit in audited.audit["run"]["limits"])


def test_a_scope_without_an_address_to_ask_is_no_finished_audit(routed, tmp_path):
    audited = scan(routed, tmp_path / "run", exclude=["10.88.4.0/28", "10.88.5.0/27"], **FAST)
    assert audited.done.returncode == 3
    assert audited.wire["frames"] == 0


def test_a_reader_that_goes_away_changes_neither_the_run_nor_its_exit_code(routed, tmp_path):
    site = routed.write_site(tmp_path / "site.yaml", **FAST)
    scan_line = " ".join(command("scan", site, "--only", "10.88.4.5", "--out", tmp_path / "run"))
    done = routed.exec(["bash", "-c", f"set -o pipefail; {scan_line} 2>&1 | head -1; exit ${{PIPESTATUS[0]}}"], env=ENV)
    assert done.returncode == 3
    assert (tmp_path / "run" / "status.json").is_file()


def test_no_way_to_the_scope_is_not_an_empty_site(routed, tmp_path):
    routed.link(up=False)
    try:
        audited = scan(routed, tmp_path / "run", **FAST)
    finally:
        routed.link(up=True)
    assert audited.done.returncode == 5, audited.done.stdout + audited.done.stderr
    assert audited.wire["frames"] == 0
    states = audited.audit["coverage"]["states"]
    assert states["unreachable"] + states["excluded"] >= audited.audit["coverage"]["scope_size"] - 1
    assert audited.audit["run"]["complete"] is False


def test_an_empty_subnet_without_a_control_device_is_no_zero_to_trust(routed, tmp_path):
    zones = [{"name": "empty", "role": "core", "subnets": ["10.88.4.8/29"]}]  # holds the scanner itself and nobody else
    audited = scan(routed, tmp_path / "run", zones=zones, exclude=None, **FAST)
    assert audited.done.returncode == 3, audited.done.stderr
    assert audited.audit["devices"] == []
    assert any("10.88.4.8/29" in reason for reason in audited.audit["run"]["reasons"])


@pytest.mark.parametrize(("canary", "code"), [("10.88.4.4", 3), ("10.88.4.5", 1)], ids=["missing", "there"])
def test_a_control_device_that_is_not_seen_spoils_the_run(routed, tmp_path, canary, code):
    zones = [{"name": "branch", "role": "core", "subnets": ["10.88.4.0/29"]}]
    audited = scan(routed, tmp_path / "run", zones=zones, exclude=None, canaries=[canary], **FAST)
    assert audited.done.returncode == code, audited.done.stderr
    assert any(canary in reason for reason in audited.audit["run"]["reasons"]) == (code == 3)


def test_a_full_disk_ends_in_storage_failure(routed, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=True)
    try:
        zones = [{"name": "branch", "role": "core", "subnets": ["10.88.4.0/29"]}]
        audited = scan(routed, small / "run", zones=zones, exclude=None, **FAST)
        assert audited.done.returncode == 6, audited.done.stdout + audited.done.stderr
        assert "cannot write" in audited.done.stderr
        assert "Traceback" not in audited.done.stderr
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_finished_run_is_not_overwritten(routed, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "outcomes.jsonl").write_text('{"device": "10.0.0.5", "probe": "http", "raw": ""}\n')
    audited = scan(routed, tmp_path / "run", **FAST)
    assert audited.done.returncode == 2
    assert "already holds a run" in audited.done.stderr
    assert audited.wire["frames"] == 0
