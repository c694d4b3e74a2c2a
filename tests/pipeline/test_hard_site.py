"""Units that break, resist or lie: none is harmed, none is forgotten, and none of them ends the audit."""

from __future__ import annotations

import pytest
from lab import Lab

from tests.pipeline.conftest import scan

pytestmark = [pytest.mark.netns, pytest.mark.slow]


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    with Lab("hard") as lab:
        return scan(lab, tmp_path_factory.mktemp("hard") / "run")


@pytest.fixture
def of(hard):
    """Return what the lab counted, and what the audit says, of a unit by its id."""
    addresses = {truth["id"]: truth["address"] for truth in hard.truth}

    def look(name):
        return hard.counters["devices"][name], hard.wire["addresses"][addresses[name]], hard.device(addresses[name])

    return look


def state(hard, address):
    return next(
        (item["state"] for item in hard.audit["coverage"]["by_address"] if item["address"] == address), "silent"
    )


def test_the_audit_ends_and_says_that_it_is_incomplete(hard):
    assert hard.done.returncode in (3, 7), hard.done.stderr
    assert "Traceback" not in hard.done.stderr
    assert "internal error" not in hard.done.stderr
    coverage = hard.audit["coverage"]
    assert sum(coverage["states"].values()) == coverage["scope_size"] == 64


def test_ordinary_units_among_them_are_identified(hard):
    makers = {
        name: hard.device(t["address"])["maker"]
        for t in hard.truth
        for name in [t["id"]]
        if name in ("hik-camera", "dahua-camera")
    }
    assert makers == {"hik-camera": "Hikvision", "dahua-camera": "Dahua"}


def test_a_fragile_unit_is_alive_at_the_end(of):
    counted, wire, _device = of("fault-fragile")
    assert not counted["died"]
    assert wire["max_syn_per_second"] <= 2


def test_a_unit_that_locks_accounts_is_not_tempted(of):
    counted, _wire, _device = of("fault-lockout")
    assert counted["authentication_attempts"] == 0
    assert not counted["locked"]


def test_a_unit_with_two_sessions_never_sees_a_third(of):
    counted, _wire, device = of("fault-two-sessions")
    assert counted["over_sessions"] == 0
    assert device is not None


def test_a_unit_that_stops_answering_is_left_alone(hard, of):
    _counted, wire, device = of("fault-silent-after-one")
    assert wire["syn"] <= 8  # two ports and one look 20 s later, each with the one repetition that a lost packet needs
    assert state(hard, device["addresses"][0]) == "stopped-for-safety"
    assert device["notes"]


def test_a_unit_that_refuses_everything_is_left_alone(hard, of):
    _counted, wire, device = of("fault-refuses-after-five")
    assert wire["syn"] - wire["opened"] <= 2
    assert state(hard, device["addresses"][0]) == "stopped-for-safety"
    assert device["notes"]


def test_a_redirect_leads_nowhere(hard):
    assert hard.wire["outside"] in ({}, [])


def test_a_tarpit_costs_little(of):
    _counted, wire, _device = of("fault-tarpit")
    assert wire["opened"] <= 4


def test_a_printer_prints_nothing(of):
    counted, wire, _device = of("hp-printer")
    assert counted["printed_bytes"] == 0
    assert not {int(port) for port in wire["tcp_ports"]} & {9100, 515}


def test_a_unit_that_counts_attempts_left_is_asked_no_more(of):
    counted, _wire, _device = of("fault-attempts-left")
    assert counted["authentication_attempts"] == 0
    assert sum(counted["soap"].values()) <= 4


def test_broken_text_reaches_no_terminal(hard):
    for stream in (hard.done.stdout, hard.done.stderr):
        assert not [char for char in stream if ord(char) < 32 and char != "\n"]
