"""ARP discovery: excluded MACs, proxies, conflicts, and a capture program that dies."""

from __future__ import annotations

import os
import signal

import pytest

from auditor.discover import arp, base
from auditor.model import STANDARD, Look, LookResult, Sighting
from auditor.net import capture_client
from auditor.site import Exclusion
from tests.discover.wires import context, mac_of, scope_of

pytestmark = pytest.mark.netns
LIVE = [f"10.91.0.{last}" for last in range(32, 48)]


def asked(wires, ctx):
    async def run():
        await base.survey(ctx)
        return [item async for item in arp.run(ctx)]

    found = wires.scanner(run)
    return {i.address: i for i in found if isinstance(i, Sighting)}, {
        i.address: i for i in found if isinstance(i, Look)
    }


def test_a_device_with_an_excluded_mac_is_asked_once_and_never_again(wires):
    wires.devices(wires.near).arp("n0", LIVE)
    wires.devices(wires.near).wsd("n0", ["10.91.0.36"])
    scope = scope_of("10.91.0.32/28", exclude=[Exclusion.parse(mac_of("10.91.0.36"))])
    ctx, tap = context(scope), wires.tap()
    from auditor.discover import discover_site

    async def run():
        async with ctx.network:
            return [item async for item in discover_site(ctx)]

    found = wires.scanner(run)
    assert "10.91.0.36" not in {item.address for item in found if isinstance(item, Sighting)}
    assert {(i.result, i.reason) for i in found if isinstance(i, Look) and i.address == "10.91.0.36"} == {
        (LookResult.NOT_ATTEMPTED, "excluded-mac")
    }
    assert [frame.arp_op for frame in tap.to("10.91.0.36") if frame.arp_op == 1] == [1]
    assert [frame for frame in tap.to("10.91.0.36") if frame.kind == "0800"] == []
    assert scope.is_excluded("10.91.0.36")


def test_a_proxy_is_warned_of_and_lends_its_mac_to_nobody(wires):
    wires.devices(wires.near).arp(
        "n0", LIVE, mac=lambda address: "02:00:00:00:00:fe" if address != LIVE[0] else mac_of(address)
    )
    ctx = context(scope_of("10.91.0.32/28"), STANDARD)
    sightings, _ = asked(wires, ctx)
    assert len(sightings) == 16
    assert {item.mac for address, item in sightings.items() if address != LIVE[0]} == {None}
    assert sightings[LIVE[0]].mac == mac_of(LIVE[0])
    assert any("answered ARP for 15 addresses" in warning for warning in ctx.warnings)


def test_a_machine_with_a_few_addresses_keeps_its_mac(wires):
    wires.devices(wires.near).arp("n0", LIVE[:8], mac=lambda _: "02:00:00:00:00:fe")
    ctx = context(scope_of("10.91.0.32/28"), STANDARD)
    sightings, _ = asked(wires, ctx)
    assert {item.mac for item in sightings.values()} == {"02:00:00:00:00:fe"}
    assert ctx.warnings == []


def test_two_macs_at_one_address_are_a_conflict(wires):
    wires.devices(wires.near).arp("n0", LIVE[:1], mac=lambda _: ["02:00:00:00:00:01", "02:00:00:00:00:02"])
    ctx = context(scope_of("10.91.0.32/30"), STANDARD)
    sightings, _ = asked(wires, ctx)
    assert sightings[LIVE[0]].mac is None
    assert any("address conflict" in warning for warning in ctx.warnings)


def test_a_capture_that_dies_leaves_errors_for_what_it_had_not_said(wires, monkeypatch):
    wires.devices(wires.near).arp("n0", LIVE)
    start = capture_client.Capture.start

    async def dying(*words):
        capture = await start(*words)
        arp_of = capture.arp

        def watched(*inner, **options):
            async def replies():
                async for pair in arp_of(*inner, **options):
                    yield pair
                    if capture._process.returncode is None:
                        os.kill(capture._process.pid, signal.SIGKILL)

            return replies()

        capture.arp = watched
        return capture

    monkeypatch.setattr(arp.Capture, "start", dying)
    ctx = context(scope_of("10.91.0.32/27"))
    sightings, looks = asked(wires, ctx)
    assert 0 < len(sightings) < len(LIVE)
    assert {look.result for address, look in looks.items() if address not in sightings} == {LookResult.ERROR}
    assert len(looks) == 32
    assert any("unknown" in limit for limit in ctx.limits)


def test_lost_frames_are_said(wires, monkeypatch):
    ctx = context(scope_of("10.91.0.32/31"), STANDARD)
    count = capture_client.Capture._count

    async def losing(self, *words):
        fresh = await count(self, *words)
        self.drops = 3
        return fresh

    monkeypatch.setattr(capture_client.Capture, "_count", losing)
    asked(wires, ctx)
    assert any("lost 3 ARP frames" in limit for limit in ctx.limits)
