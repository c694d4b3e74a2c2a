"""ARP through the capture program: who answers, at what pace, and that a dead program is never silence."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from auditor.common.errors import NotPermitted
from auditor.model import GENTLE
from auditor.net import capture_client
from auditor.net.capture_client import Capture, CaptureFailed, CaptureUnavailable
from auditor.net.interfaces import route_to
from auditor.net.network import Network
from auditor.site import Exclusion
from tests.discover.wires import NEAR, SCANNER, Wires, busiest, mac_of, scope_of

pytestmark = pytest.mark.netns
MANY = [f"10.91.0.{last}" for last in range(130, 170)]


@pytest.fixture
def wires():
    with Wires() as built:
        yield built


@pytest.fixture
def scope():
    return scope_of(NEAR, exclude=[Exclusion.parse("10.91.0.140-10.91.0.143")])


async def started(permits, **changed):
    route = route_to("10.91.0.77")
    given = {"interface": route.interface, "source": route.source, "source_mac": route.interface_mac, **changed}
    return await Capture.start(given["interface"], given["source"], given["source_mac"], permits)


def asked(wires, permits, *, network=None, settle=0.5, during=None, **options):
    """Ask for all permits; return the pairs seen."""
    network = network or Network(GENTLE)

    async def run():
        pairs = []
        async with await started(permits) as capture:
            async for pair in capture.arp(network, permits, settle=settle, **options):
                pairs.append(pair)
                if during:
                    during(capture)
        return pairs

    return wires.scanner(run)


def test_every_device_is_found_with_its_own_mac(wires, scope):
    wires.devices(wires.near).arp("n0", MANY)
    permits = [permit for permit in scope.permits() if permit.address != SCANNER]
    pairs = asked(wires, permits)
    expected = {
        (address, mac_of(address)) for address in MANY if address not in {f"10.91.0.{n}" for n in range(140, 144)}
    }
    assert {pair for pair in pairs if pair[0] != "10.91.0.1"} == expected
    assert len(pairs) == len(set(pairs))


def test_excluded_and_foreign_addresses_are_never_asked_for_and_the_pace_holds(wires, scope):
    wires.devices(wires.near).arp("n0", MANY)
    permits = [permit for permit in scope.permits() if permit.address != SCANNER]
    tap, network = wires.tap(), Network(GENTLE)
    asked(wires, permits, network=network)
    requests = [frame for frame in tap.frames() if frame.arp_op == 1]
    assert {frame.to for frame in requests} == {permit.address for permit in permits}
    assert not any(frame.to in {f"10.91.0.{n}" for n in range(140, 144)} for frame in tap.frames())
    assert busiest([frame.at for frame in requests]) <= GENTLE.arp
    assert network.counters.arp_requests == len(requests)
    live = len(MANY) - 4 + 1  # and the router
    assert len(requests) == 2 * len(permits) - live, "two requests for silence, one for an answer"
    assert {frame.raw[22:28] for frame in requests} == {frame.raw[6:12] for frame in requests}, "no forged sender"


@pytest.mark.parametrize("wrong", ["10.91.0.77", None])
def test_without_a_permit_nothing_is_asked(wires, scope, wrong):
    tap = wires.tap()
    good = [scope.permit("10.91.0.130")]

    async def run():
        with pytest.raises(NotPermitted):
            await started([wrong])
        async with await started(good) as capture:
            with pytest.raises(NotPermitted):
                async for _ in capture.arp(Network(GENTLE), [wrong]):
                    pass

    wires.scanner(run)
    assert [frame for frame in tap.frames() if frame.arp_op == 1] == []


def test_the_program_itself_refuses_what_was_not_permitted_at_its_start(wires, scope):
    tap = wires.tap()

    async def run():
        async with await started([scope.permit("10.91.0.130")]) as capture:
            with pytest.raises(CaptureFailed, match=r"refused to ask for 10\.91\.0\.131"):
                async for _ in capture.arp(Network(GENTLE), [scope.permit("10.91.0.131")], settle=0.3):
                    pass

    wires.scanner(run)
    assert tap.to("10.91.0.131") == []


def test_a_permit_withdrawn_meanwhile_is_not_asked_again(wires):
    scope = scope_of(NEAR, exclude=[Exclusion.parse("02:00:00:00:00:aa")])
    permits = [scope.permit(f"10.91.0.{last}") for last in range(200, 210)]
    tap, network = wires.tap(), Network(GENTLE)

    async def run():
        async with await started(permits) as capture:
            asking = asyncio.create_task(anext(capture.arp(network, permits, settle=0.5), None))
            await asyncio.sleep(0.45)  # the first round is over
            scope.learn_mac("10.91.0.205", "02:00:00:00:00:aa")
            await asking

    wires.scanner(run)
    assert len(tap.to("10.91.0.205")) == 1
    assert len(tap.to("10.91.0.206")) == 2


def test_a_permit_withdrawn_while_waiting_for_the_pace_is_not_asked_at_all(wires):
    scope = scope_of(NEAR, exclude=[Exclusion.parse("02:00:00:00:00:aa")])
    permits = [scope.permit("10.91.0.200"), scope.permit("10.91.0.201")]
    tap, network = wires.tap(), Network(GENTLE)

    async def run():
        async with await started(permits) as capture:
            network.requests.charge(40)  # the first request has to wait
            asking = asyncio.create_task(anext(capture.arp(network, permits, settle=0.2, tries=1), None))
            await asyncio.sleep(0.3)
            scope.learn_mac("10.91.0.200", "02:00:00:00:00:aa")
            await asking

    wires.scanner(run)
    assert tap.to("10.91.0.200") == []
    assert len(tap.to("10.91.0.201")) == 1


def test_two_macs_for_one_address_are_both_reported(wires, scope):
    wires.devices(wires.near).arp("n0", ["10.91.0.150"], mac=lambda _: ["02:00:00:00:00:01", "02:00:00:00:00:02"])
    pairs = asked(wires, [scope.permit("10.91.0.150")])
    assert sorted(pairs) == [("10.91.0.150", "02:00:00:00:00:01"), ("10.91.0.150", "02:00:00:00:00:02")]


def proc(capture, name):
    return Path(f"/proc/{capture._process.pid}/{name}").read_text()


def test_the_program_runs_as_nobody_without_any_capability(wires, scope):
    async def run():
        async with await started([scope.permit("10.91.0.130")]) as capture:
            status, limits = proc(capture, "status"), proc(capture, "limits")
            return capture.uid, status, limits

    uid, status, limits = wires.scanner(run)
    status = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert uid == 65534
    assert status["Uid"].split() == ["65534"] * 4
    assert status["Gid"].split() == ["65534"] * 4
    assert status["NoNewPrivs"] == "1"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    bounds = {line[:26].strip(): line[26:47].strip() for line in limits.splitlines()}
    assert bounds["Max processes"] == "0"
    assert bounds["Max open files"] == "0"
    assert int(bounds["Max address space"]) < 1 << 30
    assert int(bounds["Max cpu time"]) <= 900


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_program_that_dies_is_an_error_and_never_silence(wires, scope, how):
    wires.devices(wires.near).arp("n0", MANY)
    permits = [scope.permit(f"10.91.0.{last}") for last in range(144, 250)]
    with pytest.raises(CaptureFailed, match=r"ended before its work was done|is not running"):
        asked(
            wires,
            permits,
            during=lambda capture: capture._process.returncode is None and os.kill(capture._process.pid, how),
        )


def test_a_link_that_goes_down_is_an_error(wires, scope):
    wires.devices(wires.near).arp("n0", MANY)
    permits = [scope.permit(f"10.91.0.{last}") for last in range(144, 250)]
    with pytest.raises(CaptureFailed, match="s0"):
        asked(wires, permits, during=lambda _: wires.ip(wires.scan, "link", "set", "s0", "down"))


SCRIPTS = {
    "nothing": "import sys; sys.stdin.readline()",
    "half a line": "import sys; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}'); sys.stdin.readline();"
    " sys.stdout.write('{\"reply\": {\"addr'); sys.stdout.flush()",
    "not json": "import sys; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}', flush=True); sys.stdin.readline(); print('hello', flush=True); sys.stdin.read()",
    "wrong type": "import sys; sys.stdin.readline(); print('[]', flush=True); sys.stdin.read()",
    "bad address": "import sys; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}', flush=True); sys.stdin.readline(); print('{\"reply\": {\"address\": \"x\", \"mac\": \"y\"}}', flush=True); sys.stdin.read()",
    "bad mac": "import sys; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}', flush=True); sys.stdin.readline(); print('{\"reply\": {\"address\": \"10.91.0.130\", \"mac\": \"y\"}}', flush=True); sys.stdin.read()",
    "endless line": "import sys; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}', flush=True); sys.stdin.readline(); sys.stdout.write('x' * 300000); sys.stdout.flush(); sys.stdin.read()",
    "miscounts": "import sys; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}', flush=True)\nfor line in sys.stdin:\n if 'count' in line: print('{\"count\": {\"sent\": 0, \"drops\": 0, \"outside\": 0, \"unreadable\": 0}}', flush=True)",
    "counts nonsense": "import sys; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}', flush=True)\nfor line in sys.stdin:\n if 'count' in line: print('{\"count\": {\"sent\": \"many\"}}', flush=True)",
    "stalls": "import sys, time; sys.stdin.readline(); print('{\"ready\": {\"uid\": 1}}', flush=True); time.sleep(60)",
    "crashes": "import sys; sys.stdin.readline(); raise MemoryError('out of it')",
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_whatever_a_broken_program_says_is_an_error(wires, scope, script, tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text(script)
    monkeypatch.setattr(capture_client, "_PROGRAM", program)
    monkeypatch.setattr(capture_client, "_ANSWER_DEADLINE", 1.0)
    with pytest.raises(CaptureFailed):
        asked(wires, [scope.permit("10.91.0.130")], settle=0.2)


def test_a_program_that_will_not_end_is_killed(wires, scope, tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text(
        'import sys, time; sys.stdin.readline(); print(\'{"ready": {"uid": 1}}\', flush=True); time.sleep(60)'
    )
    monkeypatch.setattr(capture_client, "_PROGRAM", program)

    async def run():
        capture = await started([scope.permit("10.91.0.130")])
        began = time.monotonic()
        await capture.close()
        await capture.close()
        return capture._process.returncode, time.monotonic() - began

    code, seconds = wires.scanner(run)
    assert code == -signal.SIGKILL
    assert seconds < 3


def test_a_missing_scapy_is_said_in_a_sentence(wires, scope, tmp_path, monkeypatch):
    real = capture_client._PROGRAM
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys, runpy; sys.modules['scapy'] = None; runpy.run_path({str(real)!r}, run_name='__main__')"
    )
    monkeypatch.setattr(capture_client, "_PROGRAM", program)
    with pytest.raises(CaptureUnavailable, match="scapy is not installed"):
        asked(wires, [scope.permit("10.91.0.130")])


def test_missing_privileges_are_said_in_a_sentence(wires, scope, tmp_path, monkeypatch):
    launcher = tmp_path / "python"
    launcher.write_text(f'#!/bin/sh\nexec setpriv --bounding-set=-all --inh-caps=-all {sys.executable} "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setattr(capture_client.sys, "executable", str(launcher))
    with pytest.raises(CaptureUnavailable, match="CAP_NET_RAW"):
        asked(wires, [scope.permit("10.91.0.130")])


def test_a_python_that_cannot_be_started_is_said_in_a_sentence(wires, scope, monkeypatch):
    monkeypatch.setattr(capture_client.sys, "executable", "/nonexistent/python")
    with pytest.raises(CaptureUnavailable, match="cannot be started"):
        asked(wires, [scope.permit("10.91.0.130")])


def test_a_mac_that_is_not_the_interfaces_own_is_refused(wires, scope):
    async def run():
        with pytest.raises(CaptureFailed, match="no MAC is ever forged"):
            await started([scope.permit("10.91.0.130")], source_mac="02:00:00:00:00:07")

    wires.scanner(run)


def test_an_interface_that_does_not_exist_is_said(wires, scope):
    async def run():
        with pytest.raises(CaptureUnavailable, match="no raw socket on gone0"):
            await started([scope.permit("10.91.0.130")], interface="gone0")

    wires.scanner(run)
