"""The connect sweep: complete, paced TCP connections to two ports, for whoever has no raw sockets or no nmap."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from auditor.common.errors import CannotScan, NotPermitted
from auditor.discover.base import DiscoverContext, Found, Target, believed_macs, chunks
from auditor.model import LookResult
from auditor.net.interfaces import neighbour_table, neighbours
from auditor.net.network import DialError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

METHOD = "sweep.connect"
AUTHORISED_AS = "sweep"
_CHUNK = 128
_AT_ONCE = 48
_TABLE_REST = 5.0  # s after which the kernel may drop entries that nobody answered
_KNOWN = {
    "connection-refused": (LookResult.ANSWERED, "conn-refused"),
    "reset": (LookResult.ANSWERED, "reset"),
    "admin-prohibited": (LookResult.FILTERED, "admin-prohibited"),
    "net-unreachable": (LookResult.UNREACHABLE, "net-unreachable"),
    "no-route": (LookResult.UNREACHABLE, "no-route"),
    "budget-spent": (LookResult.NOT_ATTEMPTED, "budget-spent"),
    "local-error": (LookResult.ERROR, "local-error"),
}
_Result = tuple[LookResult, str]
_SILENT: _Result = (LookResult.SILENT, "no-response")


def knocked_ports(ctx: DiscoverContext) -> tuple[int, ...]:
    """Return the ports a sweep knocks on: two, because two silent ports end an address (design, section 6)."""
    wanted = (*ctx.ports.http[:1], *ctx.ports.rtsp[:1], *ctx.ports.https[:1], *ctx.ports.http[1:])
    return tuple(dict.fromkeys(wanted))[:2]


async def run(ctx: DiscoverContext) -> AsyncGenerator[Found, None]:
    """Knock on every waiting address."""
    if AUTHORISED_AS not in ctx.methods:
        return
    targets = ctx.take(lambda _: True)
    if not targets:
        return
    ctx.say(f"Connect sweep: {len(targets)} addresses, ports {', '.join(map(str, knocked_ports(ctx)))}")
    if any(not target.route.on_link for target in targets):
        warn_of_macs(ctx)
    for chunk in chunks(targets, _CHUNK):
        async with aclosing(_sweep(ctx, chunk)) as finds:
            async for found in finds:
                yield found


async def _sweep(ctx: DiscoverContext, chunk: list[Target]) -> AsyncGenerator[Found, None]:
    asked: list[Target] = []
    known = _neighbours(chunk) if ctx.scope.excluded_macs else {}
    for target in chunk:
        if target.route.broadcast:
            yield ctx.done(target.address, METHOD, LookResult.SILENT, "broadcast-address")
        elif target.route.on_link and ctx.scope.excluded_macs and target.address not in known:
            ctx.limit(
                "Excluded MACs cannot be recognised before the first packet without raw sockets, so unknown addresses "
                "on this machine's own links were not contacted: run with CAP_NET_RAW, or exclude by address."
            )
            yield ctx.done(target.address, METHOD, LookResult.NOT_ATTEMPTED, "excluded-mac-unknown")
        elif target.address in known and ctx.scope.learn_mac(target.address, known[target.address]):
            yield ctx.done(target.address, METHOD, LookResult.NOT_ATTEMPTED, "excluded-mac")
        else:
            if target.address in known:
                ctx.cleared.add(target.address)
            asked.append(target)
    results = await _knock_all(ctx, asked)
    seen = _neighbours(asked)
    # What the kernel learned by its own ARP: believed only on the link itself, and only for addresses we asked.
    macs = believed_macs(ctx, [(target.address, seen[target.address]) for target in asked if target.address in seen],
                         "this link")  # fmt: skip
    for target in asked:
        result, reason = results[target.address]
        if result is LookResult.SILENT and target.address in seen:
            result, reason = LookResult.ANSWERED, "arp-reply"
        if result is LookResult.ANSWERED:
            interface = target.route.interface if target.route.on_link else None
            yield ctx.sighted(target.address, METHOD, mac=macs.get(target.address), interface=interface)
        yield ctx.done(target.address, METHOD, result, reason)


async def _knock_all(ctx: DiscoverContext, targets: list[Target]) -> dict[str, _Result]:
    """Knock on all, and once more on the silent ones when the kernel lost packets meanwhile (fact M1)."""
    results: dict[str, _Result] = {}
    again = targets
    for _ in range(2):
        before = _lost(ctx)
        results |= await _knock_round(ctx, again)
        after = _lost(ctx)
        again = [target for target in again if target.route.on_link and results[target.address][0] is LookResult.SILENT]
        if after <= before or not again:
            return results
        ctx.warn(
            f"The kernel's neighbour table was full and {after - before} packets were dropped; the silent addresses "
            "were asked again. Raise net.ipv4.neigh.default.gc_thresh3, or audit fewer addresses of a link at once."
        )
        await asyncio.sleep(_TABLE_REST)
    return results | {target.address: (LookResult.ERROR, "neighbour-table-full") for target in again}


async def _knock_round(ctx: DiscoverContext, targets: list[Target]) -> dict[str, _Result]:
    places = asyncio.Semaphore(_AT_ONCE)
    results: dict[str, _Result] = {}

    async def one(target: Target) -> None:
        async with places:
            results[target.address] = await _knock(ctx, target)

    ctx.network.expect_on_link([target.address for target in targets])
    async with asyncio.TaskGroup() as group:
        for target in targets:
            group.create_task(one(target))
    return results


async def _knock(ctx: DiscoverContext, target: Target) -> _Result:
    """Connect to the ports in turn until one answers, refuses, or says why not."""
    loopback = target.address.startswith("127.")
    result = _SILENT
    for port in knocked_ports(ctx):
        try:
            async with ctx.network.connect(target.permit, port):
                return LookResult.ANSWERED, "syn-ack"
        except NotPermitted:
            return LookResult.NOT_ATTEMPTED, "excluded-mac"
        except DialError as error:
            if loopback and error.reason == "connection-refused":
                continue  # on loopback the kernel refuses for addresses that nobody listens on
            if error.reason in _KNOWN:
                return _KNOWN[error.reason]
            result = (LookResult.SILENT, error.reason)
            if error.reason == "host-unreachable" or target.route.on_link:
                # A router says that nobody is there, or nobody answered ARP: another port would say the same, and
                # a device that answered ARP shows in the neighbour table.
                return result
    return result


def _neighbours(targets: list[Target]) -> dict[str, str]:
    """Return the MACs that the kernel learned for targets on their links."""
    found: dict[str, str] = {}
    for interface in {target.route.interface for target in targets if target.route.on_link}:
        try:
            on_link = neighbours(interface)
        except CannotScan:
            continue  # the interface went away; the connections have said so already
        found |= {
            target.address: on_link[target.address]
            for target in targets
            if target.route.on_link and target.route.interface == interface and target.address in on_link
        }
    return found


def _lost(ctx: DiscoverContext) -> int:
    try:
        return neighbour_table().lost
    except CannotScan as error:
        ctx.limit(f"{error}, so packets that a full table swallowed cannot be told from silence.")
        return 0


def warn_of_macs(ctx: DiscoverContext) -> None:
    """Say, where MACs are excluded, that a sweep across a router cannot heed them."""
    if ctx.scope.excluded_macs:
        ctx.limit(
            "Excluded MACs cannot be recognised across a router: devices there are spared only if excluded by address."
        )
