"""Which addresses may be sent to, and the only place where permits are made.

Sets are netaddr's; look-ups run on the sorted ranges of those sets, so that a /16 costs a few numbers and not 65,536
objects. An address belongs to the longest prefix that holds it, so every address has exactly one zone.
"""

from __future__ import annotations

import bisect
import copy
import difflib
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, NoReturn

from netaddr import IPAddress, IPNetwork, IPSet

from auditor.common.display import visible
from auditor.common.errors import NotPermitted, UsageError
from auditor.site.addresses import Exclusion, Problem, read_address, read_mac, read_prefix, read_scope_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.model import Zone

_SCOPE_ONLY = object()
_IPV4 = 4


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send to one address. Only `Scope.permit` and `Scope.permits` make one.

    Attributes:
        address: canonical text of the address.
    """

    address: str
    _learned: dict[str, str] = field(repr=False, compare=False, default_factory=dict)
    token: InitVar[object] = None

    def __post_init__(self, token: object) -> None:
        _demand(token)

    def __init_subclass__(cls) -> None:
        raise NotPermitted("a permit cannot be subclassed: only the scope makes permits")

    def __reduce__(self) -> NoReturn:
        raise NotPermitted("a permit cannot be copied or stored: ask the scope for it")

    @property
    def withdrawn(self) -> bool:
        """Whether an excluded MAC has been seen at the address since; then nothing may be sent to it any more."""
        return self.address in self._learned


@dataclass(frozen=True, slots=True)
class MulticastPermit:
    """Leave to send multicast on one link. Only `Scope.multicast_permit` makes one.

    Attributes:
        interface: name of the local interface.
        source: local address to send from.
    """

    interface: str
    source: str
    token: InitVar[object] = None

    def __post_init__(self, token: object) -> None:
        _demand(token)

    def __init_subclass__(cls) -> None:
        raise NotPermitted("a permit cannot be subclassed: only the scope makes permits")

    def __reduce__(self) -> NoReturn:
        raise NotPermitted("a permit cannot be copied or stored: ask the scope for it")


def _demand(token: object) -> None:
    if token is not _SCOPE_ONLY:
        raise NotPermitted("only the scope makes permits; ask Scope.permit() for one")


class _Ranges:
    """The sorted, disjoint ranges of a set, for quick look-up and for counting up without keeping the addresses."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, members: IPSet) -> None:
        self._starts: dict[int, list[int]] = {4: [], 6: []}
        self._ends: dict[int, list[int]] = {4: [], 6: []}
        for span in members.iter_ipranges():
            self._starts[span.version].append(span.first)
            self._ends[span.version].append(span.last)

    def holds(self, address: IPAddress) -> bool:
        starts = self._starts[address.version]
        place = bisect.bisect_right(starts, int(address)) - 1
        return place >= 0 and int(address) <= self._ends[address.version][place]

    def ipv4(self) -> Iterator[str]:
        for first, last in zip(self._starts[_IPV4], self._ends[_IPV4], strict=True):
            for number in range(first, last + 1):
                yield f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    @property
    def size(self) -> int:
        """Number of IPv4 addresses."""
        return sum(
            last - first + 1 for first, last in zip(self._starts[_IPV4], self._ends[_IPV4], strict=True)
        )  # fmt: skip


class Subnet:
    """One declared prefix and the addresses that belong to it and to no longer prefix of the scope.

    Attributes:
        cidr: canonical text.
        zone: the zone that declares it.
        size: number of its own addresses; 0 when longer prefixes cover all of it.
    """

    __slots__ = ("_own", "_ranges", "cidr", "size", "zone")

    def __init__(self, network: IPNetwork, zone: Zone, own: IPSet) -> None:
        self.cidr = str(network)
        self.zone = zone
        self._own = own
        self._ranges = _Ranges(own)
        self.size = int(own.size)

    def addresses(self) -> Iterator[str]:
        """Yield its own IPv4 addresses, ascending, excluded ones too."""
        return self._ranges.ipv4()

    def __repr__(self) -> str:
        return f"Subnet({self.cidr!r}, zone={self.zone.name!r}, size={self.size})"


class Scope:
    """The addresses of an audit: zones, exclusions, selection, and the permits that follow from them.

    Attributes:
        zones: in the order of the site file.
        exclusions: as given.
        size: number of IPv4 addresses in the union of the zones' subnets; network and broadcast addresses count.
        ipv6_prefixes: declared IPv6 prefixes; they are listed apart and never swept.
        excluded_macs: lower case with colons.
    """

    def __init__(self, zones: Sequence[Zone], exclusions: Sequence[Exclusion] = ()) -> None:
        """Build the scope.

        Raises:
            UsageError: a prefix is unreadable, has host bits, can hold no device, or is given twice.
        """
        self.zones = tuple(zones)
        self.exclusions = tuple(exclusions)
        self._all = _subnets(self.zones)
        self._by_prefix: dict[tuple[int, int], dict[int, Subnet]] = {}
        for network, subnet in self._all:
            self._by_prefix.setdefault((network.version, network.prefixlen), {})[network.first] = subnet
        self._lengths = {
            version: sorted((length for family, length in self._by_prefix if family == version), reverse=True)
            for version in (4, 6)
        }
        self.ipv6_prefixes = tuple(subnet.cidr for network, subnet in self._all if network.version != _IPV4)
        self._union = IPSet(network for network, _ in self._all)
        self._excluded = IPSet()
        for exclusion in self.exclusions:
            if exclusion.members is not None:
                self._excluded |= exclusion.members
        self._excluded_ranges = _Ranges(self._excluded)
        self.excluded_macs = frozenset(item.mac for item in self.exclusions if item.mac is not None)
        self.size = _Ranges(self._union).size
        # Shared with every scope that `only` makes and every permit, so that a MAC learned late counts everywhere.
        self._learned: dict[str, str] = {}
        self._selected: IPSet | None = None
        self._selected_ranges: _Ranges | None = None

    # --- what belongs where ---

    def subnets(self) -> tuple[Subnet, ...]:
        """Return the declared IPv4 prefixes in the order of the site file; their sizes add up to `size`."""
        return tuple(subnet for network, subnet in self._all if network.version == _IPV4)

    def subnet_of(self, address: str) -> Subnet | None:
        """Return the longest declared prefix (IPv4 or IPv6) that holds an address, or None."""
        found = _address(address)
        if found is None:
            return None
        number, bits = int(found), 32 if found.version == _IPV4 else 128
        for length in self._lengths[found.version]:
            subnet = self._by_prefix[found.version, length].get(number >> (bits - length) << (bits - length))
            if subnet is not None:
                return subnet
        return None

    def zone_of(self, address: str) -> Zone | None:
        """Return the zone of the longest prefix that holds an address, or None outside the scope."""
        subnet = self.subnet_of(address)
        return subnet.zone if subnet else None

    def contains(self, address: str) -> bool:
        """Return whether an address lies in a zone's prefix, excluded or not."""
        return self.subnet_of(address) is not None

    def is_excluded(self, address: str) -> bool:
        """Return whether an address is excluded by the site file, or by an excluded MAC that was seen there."""
        found = _address(address)
        return found is not None and (self._excluded_ranges.holds(found) or str(found) in self._learned)

    def exclusion_of(self, address: str) -> Exclusion | None:
        """Return the first exclusion that covers an address, for its reason; None when it is not excluded."""
        found = _address(address)
        if found is None:
            return None
        mac = self._learned.get(str(found))
        for exclusion in self.exclusions:
            if (exclusion.mac is not None and exclusion.mac == mac) or (
                exclusion.members and found in exclusion.members
            ):
                return exclusion
        return None

    def overlaps(self, exclusion: Exclusion) -> bool:
        """Return whether an exclusion by address covers anything of the scope."""
        return exclusion.members is not None and not exclusion.members.isdisjoint(self._union)

    @property
    def excluded_size(self) -> int:
        """Number of IPv4 addresses of the scope that are excluded at this moment; with `permits()` it makes `size`."""
        learned = sum(
            1
            for text in self._learned
            if ":" not in text and self.contains(text) and not self._excluded_ranges.holds(IPAddress(text))
        )
        return _Ranges(self._union & self._excluded).size + learned

    def learn_mac(self, address: str, mac: str) -> bool:
        """Take note of a MAC that was seen at an address.

        Returns:
            True when that MAC is excluded; the address is excluded from now on, and permits already given for it say
            `withdrawn`.

        Raises:
            Problem: the address or the MAC is not one.
        """
        known = read_mac(mac)
        found = str(read_address(address))
        if known not in self.excluded_macs:
            return False
        self._learned[found] = known
        return True

    # --- selection (`--only`) ---

    def only(self, selectors: Sequence[str]) -> Scope:
        """Return the same scope with permits for a part of it.

        Args:
            selectors: names of zones, addresses or CIDR prefixes; none at all leaves the selection as it is.

        Raises:
            UsageError: a selector is none of these, or lies outside the scope.
        """
        if not selectors:
            return self
        chosen = IPSet()
        for selector in selectors:
            chosen |= self._select(selector)
        narrowed = copy.copy(self)
        narrowed._narrow(chosen)  # noqa: SLF001  (same class)
        return narrowed

    def _narrow(self, chosen: IPSet) -> None:
        self._selected = chosen if self._selected is None else chosen & self._selected
        self._selected_ranges = _Ranges(self._selected)

    def _select(self, selector: str) -> IPSet:
        own = [subnet._own for _, subnet in self._all if subnet.zone.name == selector]  # noqa: SLF001  (same module)
        if own:
            chosen = IPSet()
            for members in own:
                chosen |= members
            return chosen
        try:
            chosen = IPSet([read_prefix(selector) if "/" in selector else read_address(selector)])
        except Problem as error:
            names = [zone.name for zone in self.zones]
            near = difflib.get_close_matches(selector, names, n=1)
            meant = f"did you mean `{near[0]}`? The zones are" if near else "the zones are"
            detail = f" ({error})" if "/" in selector else ""
            raise UsageError(
                f"`--only {visible(selector, 60)}` is neither a zone nor an address nor a CIDR prefix{detail}; {meant} "
                f"{', '.join(names)}"
            ) from error
        inside = chosen & self._union
        if not inside:
            raise UsageError(
                f"`--only {visible(selector, 60)}` lies outside the scope; name addresses, prefixes or zones of the "
                "site file"
            )
        return inside

    def is_selected(self, address: str) -> bool:
        """Return whether an address of the scope is selected; without `only` every address of the scope is."""
        found = _address(address)
        if found is None or not self.contains(address):
            return False
        return self._selected_ranges is None or self._selected_ranges.holds(found)

    # --- permits ---

    def permit(self, address: str) -> Permit:
        """Return leave to send to one address.

        Raises:
            NotPermitted: not an address, outside the scope, excluded, or not selected; one sentence says which.
        """
        found = _address(address)
        shown = visible(str(address), 60)
        if found is None:
            raise NotPermitted(f"`{shown}` is not an IP address, so nothing is sent to it.")
        if not self.contains(address):
            raise NotPermitted(f"{found} is outside the scope of the site file, so nothing is sent to it.")
        if self.is_excluded(address):
            exclusion = self.exclusion_of(address)
            why = (
                f" by `{exclusion.text}`" + (f" ({exclusion.reason})" if exclusion.reason else "") if exclusion else ""
            )
            raise NotPermitted(f"{found} is excluded{why}, so nothing is sent to it.")
        if not self.is_selected(address):
            raise NotPermitted(f"{found} is in the scope but was not selected with --only, so nothing is sent to it.")
        return Permit(str(found), self._learned, _SCOPE_ONLY)

    def permits(self, subnet: Subnet | None = None) -> Iterator[Permit]:
        """Yield a permit for every permitted IPv4 address of the scope, or of one subnet, ascending.

        An excluded MAC that is learned while the iteration runs is respected from the next address on.
        """
        members = self._union if subnet is None else subnet._own  # noqa: SLF001  (same module)
        if self._selected is not None:
            members = members & self._selected
        for address in _Ranges(members - self._excluded).ipv4():
            if address not in self._learned:
                yield Permit(address, self._learned, _SCOPE_ONLY)

    def multicast_permit(self, interface: str, source: str, link_subnets: Sequence[str]) -> MulticastPermit:
        """Return leave to send multicast on one link.

        Args:
            interface: name of the local interface.
            source: local address to send from.
            link_subnets: CIDR prefixes of the link; the interface's own address with a length will do.

        Raises:
            NotPermitted: a quiet exclusion lies on the link (a quiet MAC may be on any), or no permitted address does.
        """
        link = IPSet(IPNetwork(prefix).cidr for prefix in link_subnets)
        for exclusion in self.exclusions:
            if not exclusion.quiet:
                continue
            if exclusion.members is None:
                raise NotPermitted(
                    f"{exclusion.text} must be left quiet and may be on {interface}: no multicast there."
                )
            if not exclusion.members.isdisjoint(link):
                raise NotPermitted(f"{exclusion.text} must be left quiet and lies on {interface}: no multicast there.")
        reachable = (self._union if self._selected is None else self._selected) & link
        if not reachable - self._excluded:
            raise NotPermitted(f"No permitted address of the scope lies on {interface}: no multicast there.")
        return MulticastPermit(interface, str(read_address(source)), _SCOPE_ONLY)


def _address(text: str) -> IPAddress | None:
    try:
        return read_address(text)
    except Problem:
        return None


def _subnets(zones: Sequence[Zone]) -> list[tuple[IPNetwork, Subnet]]:
    """Return every declared prefix with the set of addresses that no longer prefix takes from it."""
    declared: list[tuple[IPNetwork, Zone]] = []
    seen: dict[IPNetwork, Zone] = {}
    for zone in zones:
        for text in zone.subnets:
            try:
                network = read_scope_prefix(text)
            except Problem as error:
                raise UsageError(f"zone `{zone.name}`: {error}") from error
            if network in seen:
                raise UsageError(
                    f"{network} is given twice, in zone `{seen[network].name}` and in zone `{zone.name}`; keep one"
                )
            seen[network] = zone
            declared.append((network, zone))
    own = {network: IPSet([network]) for network, _ in declared}
    # In this order a prefix comes after every prefix that holds it, and the innermost holder is on top of the stack.
    holders: list[IPNetwork] = []
    for network in sorted(own, key=lambda item: (item.version, item.first, item.prefixlen)):
        while holders and not (holders[-1].version == network.version and holders[-1].last >= network.last):
            holders.pop()
        if holders:
            own[holders[-1]] -= IPSet([network])
        holders.append(network)
    return [(network, Subnet(network, zone, own[network])) for network, zone in declared]
