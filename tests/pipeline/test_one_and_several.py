"""A site where addresses and units are not the same number: seen on the wire, told in the audit, found by the plan."""

from __future__ import annotations

import subprocess
import sys

import jsonschema
import pytest
from lab import Lab

from auditor import report
from tests.pipeline.conftest import ROOT, scan

pytestmark = [pytest.mark.netns, pytest.mark.slow]
RECORDER, ROUTER, PROXY, FORWARDED = "10.88.6.3", "10.88.6.4", "10.88.6.5", "10.88.7.3"


@pytest.fixture(scope="module")
def annex(tmp_path_factory):
    with Lab("one-and-several") as lab:
        return scan(lab, tmp_path_factory.mktemp("annex") / "run", pace="standard")


def at(annex, address):
    return [item for item in annex.audit["devices"] if address in item["addresses"]]


def test_a_recorder_with_two_network_cards_is_one_device_of_the_core_network(annex):
    (recorder,) = at(annex, RECORDER)
    assert recorder["addresses"] == [RECORDER, "10.88.6.10"]
    assert recorder["zone_role"] == "core"
    assert recorder["id"] == "mac-3cef8c410d21"
    assert recorder["same_because"] == [
        "10.88.6.3 and 10.88.6.10 are one unit: both answered with the serial number 5M02C7EPAK9D13F."
    ]
    assert recorder["behind"] is None
    assert recorder["flagged"]


def test_two_units_behind_one_router_are_two_devices_and_both_are_flagged(annex):
    first, second = at(annex, ROUTER)
    assert [first["id"], second["id"]] == ["serial-dahua-4n0d81bpaz3e57a", "serial-dahua-nd021911054187"]
    assert {first["serial"], second["serial"]} == {"4N0D81BPAZ3E57A", "ND021911054187"}
    for camera, port in ((first, 80), (second, 8080)):
        assert camera["flagged"]
        assert f"this one at port {port}" in camera["behind"]
        assert camera["mac"] is None, "the MAC on the link is the router's"


def test_a_camera_behind_a_proxy_or_a_router_is_named_so(annex):
    (proxied,) = at(annex, PROXY)
    assert proxied["flagged"]
    assert "A proxy answered at 10.88.6.5 (Via: 1.1 gate)" in proxied["behind"]
    (forwarded,) = at(annex, FORWARDED)
    assert forwarded["flagged"]
    assert "gives 192.168.7.31 as its own address" in forwarded["behind"]


def test_coverage_counts_addresses_and_the_plan_units(annex):
    coverage = annex.audit["coverage"]
    assert coverage["states"]["identified"] == 5
    assert sum(coverage["states"].values()) == coverage["scope_size"] == 24
    orders = {order["device"]: order for wave in annex.audit["plan"]["waves"] for order in wave["orders"]}
    flagged = [item for item in annex.audit["devices"] if item["flagged"]]
    assert len(orders) == len(flagged) == 5, "five units at five addresses, but not one at each"
    for item in flagged:
        said = " ".join(orders[item["id"]]["find"])
        assert ("which is not its own network address" in said) == (item["behind"] is not None)
    jsonschema.Draft202012Validator(report.audit_schema()).validate(annex.audit)


def test_one_of_several_devices_is_explained_by_its_id(annex):
    def explain(wanted):
        return subprocess.run(
            [sys.executable, "-m", "auditor", "explain", str(annex.folder), wanted],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip

    one = explain("serial-dahua-nd021911054187")
    assert one.returncode == 0, one.stderr
    assert "Serial: ND021911054187" in one.stdout
    assert "4N0D81BPAZ3E57A" not in one.stdout.split("It rests on:")[1]
    both = explain(ROUTER)
    assert both.returncode == 2
    assert "several devices answer at" in both.stderr
    assert "One unit: 10.88.6.3 and 10.88.6.10" in explain("10.88.6.10").stdout
