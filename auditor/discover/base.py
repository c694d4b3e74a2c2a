"""What the discovery methods share: the context, the targets still to be looked at, and when a MAC is believed."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, TypeVar

from auditor.common.clock import stamp
from auditor.model import Look, LookResult, Sighting
from auditor.net.interfaces import Interface, Route, interfaces, neighbours, routes_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from auditor.model import Outcome, Ports
    from auditor.net.network import Network
    from auditor.site import Permit, Scope, Subnet

Found = Sighting | Look
_Item = TypeVar("_Item")
_ROUTES_AT_ONCE = 512  # about a quarter of a second of the kernel's time
# A router that answers ARP for others, or a machine with that many addresses: its MAC is nobody's own.
MOST_ADDRESSES_OF_A_MAC = 8
_SMALLEST_WITH_BROADCAST = 30  # a /31 or /32 has no network or broadcast address


@dataclass(frozen=True, slots=True)
class Target:
    """One permitted address and how it is reached.

    Attributes:
        permit: of the scope.
        route: the kernel's own.
        edge: network or broadcast address of its declared subnet: an echo request to it may be answered, or
            passed on, by more than one machine, so it gets none.
    """

    permit: Permit
    route: Route
    edge: bool

    @property
    def address(self) -> str:
        """Address as text."""
        return self.permit.address


@dataclass(slots=True)
class DiscoverContext:
    """What discovery may do, what it has found so far, and what it could not do.

    Attributes:
        scope: gives the permits.
        network: the only way to send.
        ports: of the site file; the first HTTP and RTSP port are the ones a sweep knocks on.
        methods: discovery methods that the authorisation allows: `arp`, `sweep`, `wsd`.
        interface: the only one that may be sent from, or None for any.
        say: takes a line of progress for a person.
        live: addresses that answered something, in the order of answering.
        waiting: address to target: permitted addresses that no method has looked at yet.
        links: interfaces by name, as they were at the start.
        limits: sentences: what could not be done here and what that hides.
        warnings: sentences: what was seen and needs a person's eye.
        layer2: at least one link was asked by ARP.
        cleared: addresses whose MAC was seen on the link and is not an excluded one.
        reached: interface to the declared subnets that the routes put on its link.
    """

    scope: Scope
    network: Network
    ports: Ports
    methods: frozenset[str]
    say: Callable[[str], None] = lambda _: None
    interface: str | None = None
    live: dict[str, None] = field(default_factory=dict)
    waiting: dict[str, Target] = field(default_factory=dict)
    links: dict[str, Interface] = field(default_factory=dict)
    limits: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    layer2: bool = False
    cleared: set[str] = field(default_factory=set)
    reached: dict[str, set[str]] = field(default_factory=dict)

    def limit(self, sentence: str) -> None:
        """Keep a limit once."""
        if sentence not in self.limits:
            self.limits.append(sentence)

    def warn(self, sentence: str) -> None:
        """Keep a warning once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def done(self, address: str, method: str, result: LookResult, reason: str) -> Look:
        """Take an address off the waiting list and return what was learned."""
        self.waiting.pop(address, None)
        return Look(address, method, result, reason)

    def sighted(
        self, address: str, method: str, *, mac: str | None = None, interface: str | None = None,
        outcome: Outcome | None = None,
    ) -> Sighting:  # fmt: skip
        """Remember an address as live and return its sighting."""
        self.live[address] = None
        self.network.expect_alive(address)
        return Sighting(address, method, stamp(), mac, interface, outcome)

    def may_contact(self, address: str) -> bool:
        """Return whether a packet may go to an address as far as excluded MACs tell.

        An address on this machine's own link whose MAC nobody has seen may be the excluded device: an ARP reply can
        be lost, and a device can speak by multicast before it is asked. Behind a router no MAC can be seen at all.
        """
        if not self.scope.excluded_macs or address in self.cleared:
            return True
        route = routes_to([address])[address]
        if route is None or not route.on_link or route.local:
            return True
        mac = neighbours(route.interface).get(address)
        if mac is None or self.scope.learn_mac(address, mac):
            self.limit(
                "Addresses on this machine's own links whose MAC was not seen were not contacted: one of them may be "
                "an excluded MAC. Exclude by address where that is possible."
            )
            return False
        self.cleared.add(address)
        return True

    def take(self, wanted: Callable[[Target], bool]) -> list[Target]:
        """Return the waiting targets that fit; those whose permit was withdrawn meanwhile are left waiting."""
        return [target for target in self.waiting.values() if not target.permit.withdrawn and wanted(target)]


async def survey(ctx: DiscoverContext) -> tuple[Look, ...]:
    """Ask the kernel how every permitted address is reached; sends nothing.

    Fills `ctx.waiting` and `ctx.links`, and returns the looks of addresses that need no packet: this machine's own,
    those without a route or link, and broadcast addresses of this machine's own links.
    """
    ctx.links = {link.name: link for link in await asyncio.to_thread(interfaces)}
    looks: list[Look] = []
    for subnet in ctx.scope.subnets():
        for permits in chunks(ctx.scope.permits(subnet), _ROUTES_AT_ONCE):
            routes = await asyncio.to_thread(routes_to, [permit.address for permit in permits])
            for permit in permits:
                look = _place(ctx, permit, routes[permit.address], subnet)
                if look is not None:
                    looks.append(look)
    gateways = {target.route.gateway for target in ctx.waiting.values() if target.route.gateway}
    for gateway in sorted(gateways):
        if not ctx.scope.is_excluded(gateway):
            continue
        ctx.limit(
            f"{gateway} is excluded and also the router to other subnets. Nothing behind it was asked: even to find "
            "the router this machine would have to ask for its MAC. Take it off the exclusions to go through it."
        )
        behind = [address for address, target in ctx.waiting.items() if target.route.gateway == gateway]
        looks += [ctx.done(address, "route", LookResult.NOT_ATTEMPTED, "excluded-router") for address in behind]
    return tuple(looks)


def _place(ctx: DiscoverContext, permit: Permit, route: Route | None, subnet: Subnet) -> Look | None:
    address = permit.address
    if route is None:
        return Look(address, "route", LookResult.UNREACHABLE, "no-route")
    if route.local and not address.startswith("127."):
        return Look(address, "route", LookResult.ANSWERED, "this-machine")
    if ctx.interface is not None and route.interface != ctx.interface:
        return Look(address, "route", LookResult.UNREACHABLE, "other-interface")
    link = ctx.links.get(route.interface)
    if link is not None and not (link.up and link.carrier):
        return Look(address, "route", LookResult.UNREACHABLE, "no-carrier")
    if route.on_link:
        ctx.reached.setdefault(route.interface, set()).add(subnet.cidr)
    ctx.waiting[address] = Target(permit, route, _is_edge(address, subnet.cidr))
    return None


def _is_edge(address: str, cidr: str) -> bool:
    network = IPv4Network(cidr)
    return network.prefixlen <= _SMALLEST_WITH_BROADCAST and address in (
        str(network.network_address), str(network.broadcast_address),
    )  # fmt: skip


def believed_macs(ctx: DiscoverContext, pairs: Iterable[tuple[str, str]], where: str) -> dict[str, str | None]:
    """Decide for each address whether the MAC seen there is its own.

    Args:
        ctx: takes the warnings.
        pairs: `(address, mac)` as seen on the link itself.
        where: name of the interface, for the warning.

    Returns:
        Address to MAC; None where one MAC stood for too many addresses, or two MACs for one address.
    """
    macs: dict[str, list[str]] = {}
    for address, mac in pairs:
        macs.setdefault(address, []).append(mac)
    addresses = Counter(mac for found in macs.values() for mac in found)
    for mac, number in addresses.items():
        if number > MOST_ADDRESSES_OF_A_MAC:
            ctx.warn(
                f"On {where} the MAC {mac} answered ARP for {number} addresses: it answers for others (proxy ARP), or "
                "is one machine with many addresses. Which of them exist, and their own MACs, cannot be said."
            )
    for address, found in macs.items():
        if len(found) > 1:
            ctx.warn(
                f"On {where} {len(found)} MACs answered ARP for {address} ({', '.join(found)}): an address conflict."
            )
    return {
        address: found[0] if len(found) == 1 and addresses[found[0]] <= MOST_ADDRESSES_OF_A_MAC else None
        for address, found in macs.items()
    }


def chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield lists of at most `size` items, in order."""
    remaining = iter(items)
    while chunk := list(itertools.islice(remaining, size)):
        yield chunk
