"""Discovery of a whole scope: every permitted address gets a look, and nobody else gets a packet."""

from __future__ import annotations

import asyncio
import collections
import json
import subprocess
import sys
import textwrap
import time
from contextlib import aclosing
from pathlib import Path

import pytest

import auditor
from auditor.discover import announce, discover_site
from auditor.model import GENTLE, STANDARD, Look, LookResult, Sighting
from auditor.site import Exclusion
from tests.discover.wires import FAR, NEAR, ROUTER, SCANNER, busiest, context, mac_of, scope_of

pytestmark = pytest.mark.netns
LINK = [f"10.91.0.{last}" for last in range(32, 52)]
ROUTED = [f"10.92.0.{last}" for last in range(128)]


def discover(wires, ctx, during=None):
    """Run discovery; return sightings and looks, each by address."""

    async def run():
        found = []
        async with ctx.network:
            async for item in discover_site(ctx):
                found.append(item)
                if during:
                    during(item)
        return found

    found = wires.scanner(run)
    sightings, looks = collections.defaultdict(list), collections.defaultdict(list)
    for item in found:
        (sightings if isinstance(item, Sighting) else looks)[item.address].append(item)
    return sightings, looks


def results(looks):
    return {address: {look.result for look in items} for address, items in looks.items()}


@pytest.mark.slow
def test_a_whole_site_is_looked_at_once_and_gently(wires):
    near, far = wires.devices(wires.near), wires.devices(wires.far)
    near.arp("n0", [*LINK, "10.91.0.130"])
    near.wsd("n0", ["10.91.0.33"])
    far.wsd("f0", ["10.92.0.7"])
    scope = scope_of(NEAR, FAR, exclude=[Exclusion.parse(text) for text in ("10.91.0.40", "10.92.0.9", "10.92.0.200")])
    ctx, tap = context(scope), wires.tap()
    foretold = wires.scanner(lambda: announce(context(scope)))
    assert tap.frames() == [], "announcing sends nothing"
    sightings, looks = discover(wires, ctx)
    frames = tap.frames()

    permitted = {permit.address for permit in scope.permits()}
    assert looks.keys() == permitted
    assert [(look.result, look.reason) for look in looks[SCANNER]] == [(LookResult.ANSWERED, "this-machine")]
    assert SCANNER not in sightings

    live = {*LINK, "10.91.0.130", ROUTER, *ROUTED} & permitted
    assert sightings.keys() == live
    macs = {address: {item.mac for item in items if item.method == "arp"} for address, items in sightings.items()}
    assert {a: m for a, m in macs.items() if a.startswith("10.91.") and a != ROUTER} == {
        address: {mac_of(address)} for address in live if address.startswith("10.91.") and address != ROUTER
    }
    assert all(item.mac is None for address in ROUTED for item in sightings[address]), "no MAC across a router"
    assert {
        address for address, found in results(looks).items() if found == {LookResult.SILENT}
    } == permitted - live - {SCANNER}

    asked = {item.outcome.device: item for items in sightings.values() for item in items if item.outcome}
    assert asked.keys() == {"10.91.0.33", "10.92.0.7"}
    assert asked["10.91.0.33"].method == "wsd.multicast"
    assert asked["10.92.0.7"].method == "wsd.unicast"
    assert asked["10.92.0.7"].outcome.request == "Probe NetworkVideoTransmitter"

    for excluded in ("10.91.0.40", "10.92.0.9", "10.92.0.200"):
        assert [frame for frame in frames if frame.to == excluded] == []
    assert {frame.to for frame in frames} <= permitted | {"239.255.255.250"}
    assert busiest([frame.at for frame in frames]) <= 110
    assert busiest([frame.at for frame in frames if frame.arp_op == 1]) <= 55
    syns = collections.defaultdict(list)
    for frame in frames:
        if frame.syn:
            syns[frame.to].append(frame.at)
    assert max(busiest(times) for times in syns.values()) <= GENTLE.new_connections
    assert {len(times) for times in syns.values()} <= {1, 2, 3, 4}
    # The lab answers more often than a site; the announcement says between which bounds it moves.
    assert foretold.least <= len(frames) <= foretold.most
    assert ctx.layer2
    assert abs(ctx.network.counters.packets_sent - len(frames)) <= 0.1 * len(frames)


def test_the_announcement_is_within_a_tenth_at_an_ordinary_site(wires):
    near = wires.devices(wires.near)
    near.arp("n0", LINK[:18])
    wires.ip(wires.far, "route", "delete", "local", "10.92.0.0/25", "dev", "lo")
    wires.ip(wires.far, "route", "add", "local", "10.92.0.0/27", "dev", "lo")
    wires.ip(wires.far, "route", "add", "blackhole", "10.92.0.0/24")
    scope = scope_of(NEAR, FAR)
    foretold = wires.scanner(lambda: announce(context(scope, STANDARD)))
    tap, ctx = wires.tap(), context(scope, STANDARD)
    began = time.monotonic()
    discover(wires, ctx)
    seconds = time.monotonic() - began
    sent = len(tap.frames())
    assert abs(foretold.packets - sent) <= 0.1 * sent, (foretold, sent)
    assert abs(foretold.seconds - seconds) <= 0.35 * seconds, (foretold, seconds)
    assert {line.method for line in foretold.lines} == {"arp", "sweep.nmap", "wsd.multicast", "wsd.unicast"}


def test_outside_the_scope_nothing_is_sent(wires):
    wires.devices(wires.near).arp("n0", LINK)
    wires.devices(wires.near).wsd("n0", ["10.91.0.33", "10.91.0.45"])
    scope = scope_of("10.91.0.32/29", "10.92.0.0/30")
    tap, ctx = wires.tap(), context(scope)
    sightings, _ = discover(wires, ctx)
    allowed = {permit.address for permit in scope.permits()} | {"239.255.255.250", ROUTER}
    assert {frame.to for frame in tap.frames() if frame.protocol != 1} <= allowed
    assert [f for f in tap.to(ROUTER) if f.arp_op is None] == [], "the router is only asked for its MAC"
    assert "10.91.0.45" not in sightings
    assert ctx.network.counters.outside_scope >= 1


def test_without_a_route_or_a_link_addresses_are_unreachable(wires):
    wires.ip(wires.scan, "route", "delete", "default")
    wires.ip(wires.near, "link", "set", "n0", "down")
    _, looks = discover(wires, context(scope_of("10.91.0.32/30", "10.92.0.0/30")))
    assert {look.reason for items in looks.values() for look in items} == {"no-carrier", "no-route"}
    assert set.union(*results(looks).values()) == {LookResult.UNREACHABLE}


def test_what_the_authorisation_does_not_name_is_not_done(wires):
    tap = wires.tap()
    ctx = context(scope_of("10.91.0.32/30", "10.92.0.0/30"), methods=())
    _, looks = discover(wires, ctx)
    assert len(looks) == 8
    assert {(look.result, look.reason) for items in looks.values() for look in items} == {
        (LookResult.NOT_ATTEMPTED, "method not authorised")
    }
    assert tap.frames() == []
    ctx = context(scope_of("10.91.0.32/30", "10.92.0.0/30"), methods=("arp",))
    _, looks = discover(wires, ctx)
    assert results(looks)["10.92.0.1"] == {LookResult.NOT_ATTEMPTED}
    assert {frame.kind for frame in tap.frames()} == {"0806"}


def test_only_a_selection_is_asked(wires):
    tap = wires.tap()
    _, looks = discover(wires, context(scope_of(NEAR, FAR).only(["10.91.0.34"])))
    assert looks.keys() == {"10.91.0.34"}
    assert {frame.to for frame in tap.frames()} <= {"10.91.0.34", "239.255.255.250"}


def test_ipv6_prefixes_are_never_swept(wires):
    wires.ip(wires.scan, "address", "add", "fd00:91::2/64", "dev", "s0", "nodad")
    _, looks = discover(wires, context(scope_of("10.91.0.34/32", "fd00:91::/64")))
    assert looks.keys() == {"10.91.0.34"}


def children():
    """The processes that this one started."""
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


@pytest.mark.parametrize("prefix", ["10.91.0.128/25", "10.92.0.128/25"], ids=["arp", "nmap"])
@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_an_interrupted_discovery_leaves_no_child_and_sends_nothing_more(wires, prefix, how):
    ctx, before = context(scope_of(prefix)), children()
    tap = wires.tap()

    async def go_on(started):
        async with aclosing(discover_site(ctx)) as finds:
            async for _ in finds:
                if started.is_set() and how == "left":
                    return

    async def run():
        started = asyncio.Event()
        running = asyncio.create_task(go_on(started))
        await asyncio.sleep(2.5)
        assert children() - before
        started.set()
        began = time.monotonic()
        if how == "cancelled":
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert time.monotonic() - began < 2
        else:
            await running

    wires.scanner(run)
    assert not children() - before
    tap.clear()
    time.sleep(1)
    assert [frame for frame in tap.frames() if frame.protocol is not None or frame.arp_op == 1] == []


UNPRIVILEGED = """
import asyncio, json, os, sys
from auditor.discover import DiscoverContext, discover_site
from auditor.model import GENTLE, STANDARD, Look, Ports, Zone, ZoneRole
from auditor.net.network import Network
from auditor.site import Scope

async def run():
    scope = Scope([Zone("a", ZoneRole.CORE, ("10.91.0.32/27",)), Zone("b", ZoneRole.CORE, ("10.92.0.120/29", "10.92.0.128/30"))])
    ctx = DiscoverContext(scope, Network(GENTLE), Ports(), frozenset({"arp", "sweep", "wsd"}))
    looks, sighted = {}, {}
    async with ctx.network:
        async for item in discover_site(ctx):
            if isinstance(item, Look):
                looks.setdefault(item.address, [item.method, item.result, item.reason])
            else:
                sighted.setdefault(item.address, item.mac)
    caps = [line for line in open("/proc/self/status") if line.startswith("CapEff")][0].split()[1]
    print(json.dumps({"uid": os.getuid(), "caps": caps, "looks": looks, "sighted": sighted, "limits": ctx.limits, "layer2": ctx.layer2}))

asyncio.run(run())
"""


def test_without_privileges_the_connect_sweep_serves_and_says_what_it_cannot_see(wires):
    near = wires.devices(wires.near)
    near.arp("n0", LINK)
    root = str(Path(auditor.__file__).parents[1])
    done = subprocess.run(
        ["ip", "netns", "exec", wires.scan, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
         "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", textwrap.dedent(UNPRIVILEGED)],
        capture_output=True, text=True, check=False, cwd="/", env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["uid"], told["caps"], told["layer2"]) == (65534, "0" * 16, False)
    assert told["sighted"].keys() == {*LINK, *(f"10.92.0.{last}" for last in range(120, 128))}
    assert {told["sighted"][address] == mac_of(address) for address in LINK} == {True}, (
        "the kernel's own ARP on the link"
    )
    assert {told["sighted"][f"10.92.0.{last}"] for last in range(120, 128)} == {None}
    assert {look[0] for address, look in told["looks"].items() if address.startswith("10.92.")} == {"sweep.connect"}
    assert told["looks"]["10.92.0.129"][1] == "silent"
    limits = " ".join(told["limits"])
    assert "CAP_NET_RAW" in limits
    assert "firewall" in limits
    assert "nmap" in limits


def test_blocking_the_imports_of_scapy_or_nmap_is_noticed(wires, monkeypatch):
    """The other tests call the real things; this one shows what happens without them."""
    wires.devices(wires.near).arp("n0", LINK)
    monkeypatch.setitem(sys.modules, "nmap", None)
    from auditor.net import capture_client

    real = capture_client._PROGRAM
    blocked = f"import sys, runpy; sys.modules['scapy'] = None; runpy.run_path({str(real)!r}, run_name='__main__')"
    program = Path(
        str(subprocess.run(["mktemp", "--suffix=.py"], capture_output=True, text=True, check=True).stdout.strip())
    )
    program.write_text(blocked)
    monkeypatch.setattr(capture_client, "_PROGRAM", program)
    try:
        ctx = context(scope_of("10.91.0.32/29", "10.92.0.120/29"))
        sightings, looks = discover(wires, ctx)
    finally:
        program.unlink()
    assert {item.method for items in sightings.values() for item in items} == {"sweep.connect"}
    assert any("scapy is not installed" in limit for limit in ctx.limits)
    assert any("python-nmap is not installed" in limit for limit in ctx.limits)
    assert all(isinstance(look, Look) for items in looks.values() for look in items)


def test_only_the_named_interface_is_sent_from(wires):
    tap, ctx = wires.tap(), context(scope_of("10.91.0.32/30", "10.92.0.0/30"))
    ctx.interface = "lo"
    _, looks = discover(wires, ctx)
    assert {look.reason for items in looks.values() for look in items} == {"other-interface"}
    assert set.union(*results(looks).values()) == {LookResult.UNREACHABLE}
    assert tap.frames() == []
