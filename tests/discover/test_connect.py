"""The connect sweep agrees with nmap, keeps off what it may not touch, and notices a full neighbour table."""

from __future__ import annotations

import collections

import pytest

from auditor.discover import base, connect, sweep
from auditor.model import GENTLE, STANDARD, Look, LookResult, Ports, Sighting
from auditor.net.interfaces import NeighbourTable
from auditor.site import Exclusion
from tests.discover.wires import SCANNER, busiest, context, mac_of, scope_of

pytestmark = pytest.mark.netns


def swept(wires, ctx, method=connect.run):
    async def run():
        looks = {look.address: look for look in await base.survey(ctx)}
        found = [item async for item in method(ctx)]
        return found, looks | {item.address: item for item in found if isinstance(item, Look)}

    found, looks = wires.scanner(run)
    return {item.address: item for item in found if isinstance(item, Sighting)}, looks


def test_it_agrees_with_nmap_through_a_router(wires):
    wires.devices(wires.far).tcp(554)
    wires.filter(
        wires.near, "forward", "ip daddr 10.92.0.121 drop", "ip daddr 10.92.0.122 reject with icmp type admin-prohibited",
        "ip daddr 10.92.0.123 reject with icmp type host-unreachable",
        "ip daddr 10.92.0.124 reject with icmp type net-unreachable", "ip daddr 10.92.0.125 tcp dport 80 drop",
    )  # fmt: skip
    scope = scope_of("10.92.0.112/28", "10.92.0.128/29")
    tap = wires.tap()
    sightings, looks = swept(wires, context(scope))
    frames = tap.frames()
    assert busiest([frame.at for frame in frames]) <= 110
    syns = collections.defaultdict(list)
    for frame in frames:
        if frame.syn:
            syns[frame.to].append(frame.at)
    assert max(busiest(times) for times in syns.values()) <= GENTLE.new_connections
    assert max(len(times) for times in syns.values()) == 4
    assert len(syns["10.92.0.113"]) == 1, "one refusal is an answer"
    seen, by_nmap = swept(wires, context(scope, STANDARD), sweep.run)
    assert sightings.keys() == seen.keys()
    assert {a: look.result for a, look in looks.items()} == {a: look.result for a, look in by_nmap.items()}
    assert looks["10.92.0.122"].reason == "admin-prohibited"
    assert looks["10.92.0.125"].reason == "syn-ack"


def test_on_the_link_silence_is_arp_silence_and_macs_are_the_kernels(wires):
    near = wires.devices(wires.near)
    near.arp("n0", ["10.91.0.40", "10.91.0.41", "10.91.0.201"])  # the last has a MAC and drops everything
    near.tcp(80)
    wires.nft(
        wires.near,
        "table ip d {\n chain c {\n type filter hook prerouting priority 0;\n ip daddr 10.91.0.201 drop\n}\n}\n",
    )
    tap = wires.tap()
    sightings, looks = swept(
        wires, context(scope_of("10.91.0.40/30", "10.91.0.200/30", "10.91.0.255/32", "10.91.0.2/32"))
    )
    assert {address: item.mac for address, item in sightings.items()} == {
        address: mac_of(address) for address in ("10.91.0.40", "10.91.0.41", "10.91.0.201")
    }
    assert looks["10.91.0.201"].reason == "arp-reply"
    assert looks["10.91.0.42"].result is LookResult.SILENT
    assert looks["10.91.0.255"].reason == "broadcast-address"
    assert looks[SCANNER].reason == "this-machine"
    assert tap.to("10.91.0.255") == []
    assert {frame.kind for frame in tap.to("10.91.0.42")} == {"0806"}


def test_a_big_silent_link_stays_below_the_arp_limit(wires):
    tap = wires.tap()
    _, looks = swept(wires, context(scope_of("10.91.0.192/27")))
    requests = [frame.at for frame in tap.frames() if frame.arp_op == 1]
    assert busiest(requests) <= 55
    assert {look.result for look in looks.values()} == {LookResult.SILENT}


def test_an_excluded_mac_cannot_be_spared_without_raw_sockets_so_nobody_unknown_is_contacted(wires):
    near = wires.devices(wires.near)
    near.arp("n0", ["10.91.0.40", "10.91.0.41"])
    scope = scope_of("10.91.0.40/30", exclude=[Exclusion.parse(mac_of("10.91.0.40"))])
    for address in ("10.91.0.40", "10.91.0.41"):
        wires.run(wires.scan, "bash", "-c", f"echo x > /dev/udp/{address}/9")  # the kernel knows both already
    tap, ctx = wires.tap(), context(scope)
    sightings, looks = swept(wires, ctx)
    assert {a[-2:]: look.reason for a, look in looks.items()} == {
        "40": "excluded-mac", "41": "conn-refused", "42": "excluded-mac-unknown", "43": "excluded-mac-unknown",
    }  # fmt: skip
    assert sightings.keys() == {"10.91.0.41"}
    assert scope.is_excluded("10.91.0.40")
    assert {frame.to for frame in tap.frames()} == {"10.91.0.41"}
    assert any("exclude by address" in limit for limit in ctx.limits)


def table(monkeypatch, *lost):
    values = iter(lost)
    monkeypatch.setattr(connect, "neighbour_table", lambda: NeighbourTable(1024, 1024, next(values, lost[-1])))
    monkeypatch.setattr(connect, "_TABLE_REST", 0.1)


def test_addresses_the_kernel_lost_are_asked_again(wires, monkeypatch):
    table(monkeypatch, 0, 7, 7, 7)
    ctx = context(scope_of("10.91.0.200/32"))
    _, looks = swept(wires, ctx)
    assert looks["10.91.0.200"].result is LookResult.SILENT
    assert ctx.network.counters.arp_requests == 6, "asked twice, three requests each; no SYN left without a MAC"
    assert ctx.network.counters.connections_tried == 0
    assert any("7 packets were dropped" in warning for warning in ctx.warnings)


def test_addresses_the_kernel_keeps_losing_are_an_error(wires, monkeypatch):
    table(monkeypatch, 0, 7, 7, 9)
    ctx = context(scope_of("10.91.0.200/32"))
    _, looks = swept(wires, ctx)
    assert (looks["10.91.0.200"].result, looks["10.91.0.200"].reason) == (LookResult.ERROR, "neighbour-table-full")


def test_an_ordinary_sweep_loses_nothing(wires):
    from auditor.net.interfaces import neighbour_table

    before = neighbour_table().lost
    ctx = context(scope_of("10.91.0.192/27"))
    swept(wires, ctx)
    assert neighbour_table().lost == before
    assert ctx.warnings == []


def test_on_loopback_only_listeners_count(wires):
    wires.devices(wires.scan).tcp(8081, address="127.0.9.4")
    ports = Ports(http=(8081,), rtsp=(8554,))
    sightings, looks = swept(wires, context(scope_of("127.0.9.0/29"), ports=ports))
    assert sightings.keys() == {"127.0.9.4"}
    assert {look.result for address, look in looks.items() if address != "127.0.9.4"} == {LookResult.SILENT}


def test_a_lost_route_is_unreachable_and_not_silent(wires):
    ctx = context(scope_of("10.92.0.112/30"))

    async def run():
        await base.survey(ctx)
        wires.ip(wires.scan, "route", "delete", "default")
        return {item.address: item.result async for item in connect.run(ctx) if isinstance(item, Look)}

    assert set(wires.scanner(run).values()) == {LookResult.UNREACHABLE}


def test_two_ports_are_knocked_on_and_they_are_the_sites_own():
    ctx = context(scope_of("10.92.0.112/30"))
    assert connect.knocked_ports(ctx) == (80, 554)
    ctx.ports = Ports(http=(8081, 8082), rtsp=(), https=())
    assert connect.knocked_ports(ctx) == (8081, 8082)
