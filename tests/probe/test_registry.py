"""Every probe keeps the contract of probes."""

from __future__ import annotations

import inspect
import pkgutil
import re

import pytest

import auditor.probe
from auditor.common.limits import LISTEN_ONLY_PORTS, NEVER_PORTS
from auditor.model import GENTLE, STANDARD, Ports
from auditor.net.soap import READ_OPERATIONS
from auditor.probe import PROBES, sequence, upper_bound
from auditor.probe.base import Probe
from auditor.probe.visit import Visit

WORDS = {"mac", "http", "rtsp", "onvif", "tcp"}
each = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: type(probe).__name__)


def test_every_probe_of_the_package_is_registered_once():
    found = set()
    for module in pkgutil.iter_modules(auditor.probe.__path__, "auditor.probe."):
        loaded = __import__(module.name, fromlist=["x"])
        found |= {
            member
            for _, member in inspect.getmembers(loaded, inspect.isclass)
            if issubclass(member, Probe) and member is not Probe
        }
    assert {type(probe) for probe in PROBES} == found
    assert len(PROBES) == len(found) == 6


@each
def test_probe_names_its_word_questions_and_cost(probe):
    assert probe.word in WORDS
    assert isinstance(probe.asks, tuple)
    assert isinstance(probe.sends, tuple)
    assert probe.per_port >= 0
    assert probe.per_device >= 0
    wanted = probe.ports(Ports())
    assert bool(wanted) <= (probe.per_port > 0)
    assert set(wanted) <= {*Ports().http, *Ports().https, *Ports().rtsp, *Ports().listen}
    assert type(probe).__doc__


@each
def test_probe_sends_only_reading_requests_without_credentials(probe):
    for template in probe.sends:
        assert re.match(r"(GET|OPTIONS|DESCRIBE) |POST /onvif/device_service ", template)
        assert not re.search(r"(?i)authorization|cookie|password|\bauth=", template)
    if probe.word == "onvif":
        assert set(probe.asks) <= READ_OPERATIONS
    if probe.word in ("tcp", "mac"):
        assert probe.sends == ()


@each
def test_probe_talks_only_through_the_visit(probe):
    """The rules of safety live in the visit; a probe that went round it would go round them."""
    source = inspect.getsource(inspect.getmodule(type(probe)))
    assert not re.search(r"import (?:asyncio|socket)|\.connect\(|http\.get\(|rtsp\.ask\(", source)
    for method in (type(probe).ask, type(probe).follow_up):
        assert list(inspect.signature(method).parameters)[1] == "visit"
    assert inspect.iscoroutinefunction(Visit.get)


def test_no_port_on_which_printers_print_is_ever_planned():
    assert not {port for _, port in sequence(Ports())} & NEVER_PORTS


def test_listen_only_ports_are_planned_for_listening_alone():
    for probe, port in sequence(Ports()):
        assert (port in LISTEN_ONLY_PORTS) == (probe.word == "tcp")


def test_the_bound_grows_with_the_ports_and_shrinks_with_a_faster_pace():
    small, whole = upper_bound(Ports(http=(80,), https=(), rtsp=(), listen=())), upper_bound(Ports())
    assert small.connections < whole.connections <= GENTLE.connections
    assert small.packets < whole.packets
    assert small.seconds < whole.seconds
    assert upper_bound(Ports(), STANDARD).seconds < whole.seconds
