"""ARP on the links this machine stands on: the only method that sees a device whatever its firewall says.

The requests are raw packets of the capture program, so the kernel's neighbour table stays as it is (fact M1).
"""

from __future__ import annotations

import importlib.util
from contextlib import aclosing
from typing import TYPE_CHECKING

from auditor.discover.base import DiscoverContext, Found, Target, believed_macs, chunks
from auditor.model import LookResult
from auditor.net.capture_client import Capture, CaptureFailed, CaptureUnavailable
from auditor.net.interfaces import raw_packets_allowed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

METHOD = "arp"
TRIES = 2
SETTLE = 1.5  # s after each round
CHUNK = 1024  # addresses per report: a proxy that answers for a whole /24 shows before its MAC is believed


def eligible(target: Target) -> bool:
    """Whether a target stands on a link with MACs."""
    return target.route.on_link and target.route.interface_mac is not None


def possible() -> bool:
    """Whether ARP can be asked here at all; sends nothing."""
    return raw_packets_allowed() and importlib.util.find_spec("scapy") is not None


async def run(ctx: DiscoverContext) -> AsyncGenerator[Found, None]:
    """Ask for every waiting address on every link; what cannot be asked stays waiting for the next method."""
    if METHOD not in ctx.methods:
        return
    links: dict[tuple[str, str, str], list[Target]] = {}
    for target in ctx.take(eligible):
        route = target.route
        links.setdefault((route.interface, route.source, str(route.interface_mac)), []).append(target)
    for (interface, source, mac), targets in links.items():
        try:
            capture = await Capture.start(interface, source, mac, [target.permit for target in targets])
        except (CaptureUnavailable, CaptureFailed) as error:
            ctx.limit(
                f"No ARP on {interface}: {error} Devices there whose firewall drops connections cannot be seen, and "
                "MACs are known only as far as the kernel learned them."
            )
            continue
        async with capture:
            ctx.layer2 = True
            ctx.say(f"ARP on {interface}: {len(targets)} addresses")
            for chunk in chunks(targets, CHUNK):
                try:
                    async with aclosing(_ask(ctx, capture, chunk)) as finds:
                        async for found in finds:
                            yield found
                except CaptureFailed as error:
                    ctx.limit(str(error))
                    for target in chunk:
                        if target.address in ctx.waiting:
                            yield ctx.done(target.address, METHOD, LookResult.ERROR, "capture-failed")
                    break
            if capture.drops:
                ctx.limit(
                    f"The kernel lost {capture.drops} ARP frames on {interface}: some silent addresses there may exist."
                )


async def _ask(ctx: DiscoverContext, capture: Capture, chunk: list[Target]) -> AsyncGenerator[Found, None]:
    pairs: list[tuple[str, str]] = []
    failure: CaptureFailed | None = None
    try:
        async for address, mac in capture.arp(
            ctx.network, [target.permit for target in chunk], tries=TRIES, settle=SETTLE
        ):
            if not ctx.scope.learn_mac(address, mac):
                pairs.append((address, mac))
                ctx.cleared.add(address)
    except CaptureFailed as error:
        failure = error  # what was said before the end stands
    macs = believed_macs(ctx, pairs, capture.interface)
    for target in chunk:
        address = target.address
        if target.permit.withdrawn:
            yield ctx.done(address, METHOD, LookResult.NOT_ATTEMPTED, "excluded-mac")
        elif address in macs:
            own = None if address in capture.disagreeing else macs[address]
            yield ctx.sighted(address, METHOD, mac=own, interface=capture.interface)
            yield ctx.done(address, METHOD, LookResult.ANSWERED, "arp-reply")
        elif failure is None:
            yield ctx.done(address, METHOD, LookResult.SILENT, "no-response")
    if failure is not None:
        raise failure
