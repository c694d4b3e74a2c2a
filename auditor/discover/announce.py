"""What discovery is going to send, worked out from the same constants, without sending anything."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.common.errors import NotPermitted
from auditor.discover import arp, connect, sweep, wsd
from auditor.discover.base import DiscoverContext, Target, survey
from auditor.net.interfaces import raw_packets_allowed
from auditor.net.network import CLOSING_PACKETS, NEIGHBOUR_REQUESTS, OPENING_PACKETS
from auditor.net.pace import SHARE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Nobody knows beforehand how many addresses answer, and an answer saves the repetitions. One in eight is typical of a
# camera subnet; between none and one in four the announced packets are within a tenth of what is sent.
EXPECTED_LIVE = 1 / 8
_HALF_OPEN = 32
_SYN_WAIT = 2.0
_WHOLE = OPENING_PACKETS + CLOSING_PACKETS


@dataclass(frozen=True, slots=True)
class Announced:
    """What one method will do in one declared subnet.

    Attributes:
        method: as in `Sighting.method`, or `none` for addresses that nothing will be sent to.
        subnet: CIDR as text, or the interface for multicast.
        addresses: how many.
        packets: expected.
        least, most: if every address answers at once, if none does (or the reverse).
        seconds: expected, at the pace in force.
    """

    method: str
    subnet: str
    addresses: int
    packets: int
    least: int
    most: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Announcement:
    """What discovery will do in all.

    Attributes:
        lines: by method and subnet.
        packets, least, most, seconds: their sums.
        limits: sentences: what cannot be done here.
    """

    lines: tuple[Announced, ...]
    packets: int
    least: int
    most: int
    seconds: float
    limits: tuple[str, ...]


async def announce(ctx: DiscoverContext) -> Announcement:
    """Work out what `discover_site` will send for the same context; sends nothing.

    The context is left as after a survey: make a new one for the run itself.

    Raises:
        CannotScan: the kernel does not tell about interfaces and routes.
    """
    await survey(ctx)
    lines: list[Announced] = []
    by_subnet: dict[str, list[Target]] = {}
    for target in ctx.waiting.values():
        subnet = ctx.scope.subnet_of(target.address)
        by_subnet.setdefault(subnet.cidr if subnet else "", []).append(target)
    chosen = _choose(ctx, await asyncio.to_thread(sweep.possible))
    for cidr, targets in by_subnet.items():
        methods: dict[str, list[Target]] = {}
        for target in targets:
            methods.setdefault(chosen(target), []).append(target)
        lines += [_line(ctx, method, cidr, members) for method, members in methods.items()]
    lines += _wsd_lines(ctx, lines)
    return Announcement(
        tuple(lines), sum(line.packets for line in lines), sum(line.least for line in lines),
        sum(line.most for line in lines), sum(line.seconds for line in lines), tuple(ctx.limits),
    )  # fmt: skip


def _choose(ctx: DiscoverContext, no_nmap: str) -> Callable[[Target], str]:
    """Return the choice of method for a target, as `registry.METHODS` will make it."""
    by_arp = arp.METHOD in ctx.methods and arp.possible()
    if not raw_packets_allowed():
        ctx.limit(
            "This process may not open raw sockets: no ARP, and no nmap; devices that drop connections are not seen."
        )

    def choose(target: Target) -> str:
        if by_arp and arp.eligible(target):
            return arp.METHOD
        if connect.AUTHORISED_AS not in ctx.methods:
            return "none"
        return sweep.METHOD if sweep.eligible(target) and not no_nmap else connect.METHOD

    return choose


def _line(ctx: DiscoverContext, method: str, cidr: str, targets: list[Target]) -> Announced:
    pace = ctx.network.pace
    number = len(targets)
    if method == arp.METHOD:
        silent, live = float(arp.TRIES), 1.0
        rate = SHARE * min(pace.arp, pace.packets)
        spare = arp.TRIES * arp.SETTLE * math.ceil(number / arp.CHUNK)
    elif method == sweep.METHOD:
        knocks = len(connect.knocked_ports(ctx))
        edges = sum(target.edge for target in targets)
        silent = sweep.TRIES * (1 + knocks) - sweep.TRIES * edges / number
        live = 1.0
        echo = sweep.TRIES / sweep.ECHO_SHARE
        rate = pace.packets * sweep.TRIES * (1 + knocks) / (echo + knocks * sweep.TRIES / sweep.SYN_SHARE)
        spare = sweep.RUN_OVERHEAD * (1 + knocks) * math.ceil(number / sweep.CHUNK)
    elif method == connect.METHOD:
        asked = [target for target in targets if not target.route.broadcast]
        on_link = sum(target.route.on_link for target in asked)
        silent = _mean(asked, on_link, NEIGHBOUR_REQUESTS, 2.0 * len(connect.knocked_ports(ctx))) * len(asked) / number
        # Most that answer have the first port open: ARP, then a whole connection.
        live = _mean(asked, on_link, 1 + _WHOLE, _WHOLE) * len(asked) / number
        rate = SHARE * min(pace.packets, pace.arp if on_link else pace.packets, silent * _HALF_OPEN / _SYN_WAIT)
        spare = _SYN_WAIT
    else:
        return Announced(method, cidr, number, 0, 0, 0, 0.0)
    expected = number * (silent * (1 - EXPECTED_LIVE) + live * EXPECTED_LIVE)
    least, most = sorted((round(number * silent), round(number * live)))
    if method == connect.METHOD:  # an open port costs a whole connection
        most = max(most, number * (1 + _WHOLE))
    return Announced(method, cidr, number, round(expected), least, most, round(expected / rate + spare, 1))


def _mean(targets: list[Target], on_link: int, there: float, routed: float) -> float:
    return (on_link * there + (len(targets) - on_link) * routed) / max(1, len(targets))


def _wsd_lines(ctx: DiscoverContext, lines: Iterable[Announced]) -> list[Announced]:
    if wsd.METHOD not in ctx.methods:
        return []
    found: list[Announced] = []
    for interface, (source, prefixes) in wsd.multicast_links(ctx).items():
        try:
            ctx.scope.multicast_permit(interface, source, prefixes)
        except NotPermitted as error:
            ctx.limit(str(error))
            continue
        packets = wsd.ROUNDS * len(wsd.FORMS)
        seconds = 0.5 * wsd.ROUNDS + wsd.LISTEN
        found.append(Announced(wsd.MULTICAST, interface, 0, packets, packets, packets, seconds))
    addresses = sum(line.addresses for line in lines if line.method != "none")
    live = round(addresses * EXPECTED_LIVE)
    # A live address costs one to three messages; on a link the kernel asks for its MAC once before.
    found.append(
        Announced(
            wsd.UNICAST, "live addresses", live, live * 2, 0, addresses * (len(wsd.FORMS) + 1),
            round(live / _WSD_AT_ONCE * wsd.UNICAST_WAIT * 2, 1),
        )
    )  # fmt: skip
    return found


_WSD_AT_ONCE = 16
