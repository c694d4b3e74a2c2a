# ruff: noqa: TID251  (this package is where sockets are opened and routes are read)
"""What the kernel knows: interfaces, the route to an address, and how full the neighbour table is.

Nothing here sends a packet: all of it is netlink and /proc.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import errno
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from auditor.common.errors import CannotScan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Answer = TypeVar("_Answer")
_LOCAL, _BROADCAST = 2, 3  # RTN_LOCAL and RTN_BROADCAST of linux/rtnetlink.h; 1 is unicast
_REFUSING = frozenset({6, 7, 8})  # blackhole, unreachable, prohibit: routes that say no
_ETH_P_ARP = 0x0806
_NLA_HEADER = 4
_HEARD = 0x02 | 0x04 | 0x08 | 0x10  # NUD_REACHABLE, STALE, DELAY, PROBE of linux/neighbour.h


@dataclass(frozen=True, slots=True)
class Route:
    """How the kernel would send to one address.

    Attributes:
        interface: name of the outgoing interface.
        source: own address that it would send from.
        gateway: next hop, or None when the address is on the link itself.
        interface_mac: MAC of the interface, or None where it has none (tunnels, loopback).
        local: the address is this machine's own.
        broadcast: the kernel takes the address for a broadcast address; it is never connected to.
    """

    interface: str
    source: str
    gateway: str | None
    interface_mac: str | None
    local: bool = False
    broadcast: bool = False

    @property
    def on_link(self) -> bool:
        """Whether the address is asked for by ARP rather than sent to a router."""
        return self.gateway is None and not self.local


@dataclass(frozen=True, slots=True)
class Interface:
    """One network interface.

    Attributes:
        name: as the kernel names it.
        mac: lower case with colons, or None.
        addresses: IPv4 and IPv6 addresses with prefix length, e.g. `10.88.0.2/24`.
        up: administratively up.
        carrier: the link is there.
    """

    name: str
    mac: str | None
    addresses: tuple[str, ...]
    up: bool
    carrier: bool


@dataclass(frozen=True, slots=True)
class NeighbourTable:
    """The kernel's table of IPv4 neighbours: one for the whole machine, not for a namespace (fact M2).

    Attributes:
        limit: entries that fit.
        entries: in it now.
        lost: packets that were dropped because it was full, since the machine started. A rise during a run means
            that some addresses look silent and were never asked (fact M1).
    """

    limit: int
    entries: int
    lost: int


def route_to(address: str) -> Route:
    """Ask the kernel for its route to one address.

    Raises:
        CannotScan: there is no route.
    """
    route = routes_to([address])[address]
    if route is None:
        raise CannotScan(f"this machine has no route to {address}: connect it to that network or add a route")
    return route


def routes_to(addresses: Iterable[str]) -> dict[str, Route | None]:
    """Ask the kernel for its route to each address; None where it has none. About half a millisecond each."""
    wanted = list(addresses)

    def look(kernel: Any) -> dict[str, Route | None]:
        links = {link["index"]: (link.get_attr("IFLA_IFNAME"), _mac(link)) for link in kernel.get_links()}
        return {address: _route(kernel, address, links) for address in wanted}

    return _ask(look) if wanted else {}


def _route(kernel: Any, address: str, links: dict[int, tuple[str, str | None]]) -> Route | None:
    try:
        found = kernel.route("get", dst=address)[0]
    except NetlinkError as error:
        if error.code in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL, errno.EACCES, errno.ENETDOWN):
            return None
        raise CannotScan(f"the kernel did not look up the route to {address}: {error}") from error
    if found["type"] in _REFUSING:
        return None
    name, mac = links.get(found.get_attr("RTA_OIF"), ("", None))
    via = found.get_attr("RTA_VIA")  # a gateway of the other family
    gateway = found.get_attr("RTA_GATEWAY") or (str(via.get("addr")) if via else None)
    return Route(
        interface=name, source=found.get_attr("RTA_PREFSRC") or "", gateway=gateway, interface_mac=mac,
        local=found["type"] == _LOCAL, broadcast=found["type"] == _BROADCAST,
    )  # fmt: skip


def interfaces() -> tuple[Interface, ...]:
    """Return every interface but the loopback, in the kernel's order."""

    def look(kernel: Any) -> tuple[Interface, ...]:
        addresses: dict[int, list[str]] = {}
        for entry in kernel.get_addr():
            own = entry.get_attr("IFA_LOCAL") or entry.get_attr("IFA_ADDRESS")
            addresses.setdefault(entry["index"], []).append(f"{own}/{entry['prefixlen']}")
        return tuple(
            Interface(
                name=link.get_attr("IFLA_IFNAME"), mac=_mac(link), addresses=tuple(addresses.get(link["index"], ())),
                up=bool(link["flags"] & 1), carrier=bool(link.get_attr("IFLA_CARRIER")),
            )
            for link in kernel.get_links()
            if not link["flags"] & 8  # IFF_LOOPBACK
        )  # fmt: skip

    return _ask(look)


def neighbour_table() -> NeighbourTable:
    """Return how full the kernel's IPv4 neighbour table is, and how often it was too full.

    Raises:
        CannotScan: the kernel does not tell.
    """

    def look(kernel: Any) -> NeighbourTable:
        for table in kernel.get_ntables():
            statistics = table.get_attr("NDTA_STATS")
            if table.get_attr("NDTA_NAME") == "arp_cache" and statistics is not None:
                lost = 0
                # pyroute2 0.9 knows the first ten counters; the eleventh is ndts_table_fulls of linux/neighbour.h.
                if statistics.length >= _NLA_HEADER + 11 * 8:
                    (lost,) = struct.unpack_from("=Q", statistics.data, statistics.offset + _NLA_HEADER + 10 * 8)
                return NeighbourTable(
                    limit=table.get_attr("NDTA_THRESH3"), entries=table.get_attr("NDTA_CONFIG")["entries"], lost=lost
                )
        raise CannotScan("the kernel does not show its neighbour table")

    return _ask(look)


def neighbours(interface: str) -> dict[str, str]:
    """Return the IPv4 neighbours that answered the kernel's own ARP on an interface: address to MAC, lower case.

    Entries that somebody typed in (permanent ones) are left out: they say nothing about what is on the link.
    """

    def look(kernel: Any) -> dict[str, str]:
        index = kernel.link_lookup(ifname=interface)
        entries = kernel.get_neighbours(family=socket.AF_INET, ifindex=index[0]) if index else ()
        return {
            entry.get_attr("NDA_DST"): entry.get_attr("NDA_LLADDR").lower()
            for entry in entries
            if entry["state"] & _HEARD and entry.get_attr("NDA_LLADDR") and entry["ifindex"] == index[0]
        }

    return _ask(look)


def raw_packets_allowed() -> bool:
    """Whether this process may open packet sockets: ARP and the SYN sweep need it. Opens one and closes it."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP)).close()
    except OSError:
        return False
    return True


def _mac(link: Any) -> str | None:
    mac = link.get_attr("IFLA_ADDRESS")
    return mac.lower() if isinstance(mac, str) and mac != "00:00:00:00:00:00" and mac.count(":") == 5 else None  # noqa: PLR2004


def _ask(question: Callable[[Any], _Answer]) -> _Answer:
    """Run a netlink conversation in a thread of its own.

    pyroute2 drives its sockets with an event loop, and refuses to start one in a thread that already runs one (tried
    with 0.9.7). A fresh thread also stands in the network namespace of its creator.
    """

    def run() -> _Answer:
        with contextlib.closing(IPRoute()) as kernel:
            return question(kernel)

    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as worker:
        try:
            return worker.submit(run).result()
        except OSError as error:
            raise CannotScan(f"cannot ask the kernel about routes and interfaces: {error}") from error
