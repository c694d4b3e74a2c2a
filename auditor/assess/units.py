"""Groups addresses into units: one device that has several addresses is one device. Pure."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.assess import wording
from auditor.model import CoverageState, Device, Identity, Location, Verdict, Zone, ZoneRole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# A recorder with two network cards and a second address on each has four; beyond that a router answers for others.
MAX_ADDRESSES = 4
_RANK = {Verdict.UNIDENTIFIED: 0, Verdict.POSSIBLE: 1, Verdict.PROBABLE: 2, Verdict.CONFIRMED: 3}
_EXPOSURE = (ZoneRole.CORE, ZoneRole.UNKNOWN, ZoneRole.MANAGEMENT, ZoneRole.GUEST, ZoneRole.ISOLATED)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one address gave.

    Attributes:
        identity: as identified from this address alone.
        mac: its own, lower case with colons, or None. Never one that was learned across a router.
        methods: discovery methods that saw it.
        first_seen: UTC, ISO 8601 with `Z`.
        state: coverage state.
        notes: sentences for the reader.
    """

    identity: Identity
    mac: str | None = None
    methods: tuple[str, ...] = ()
    first_seen: str = ""
    state: CoverageState = CoverageState.ANSWERED_UNIDENTIFIED
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Units:
    """Devices in the order of their first address, and sentences on what could not be told apart."""

    devices: tuple[Device, ...]
    warnings: tuple[str, ...]


def units(
    seen: Mapping[str, Seen],
    *,
    zone_of: Callable[[str], Zone | None],
    locations: Mapping[str, Location],
) -> Units:
    """Return the devices behind the addresses that answered.

    Args:
        seen: by address as text.
        zone_of: longest prefix; None outside every zone.
        locations: by address and by lower-case MAC.

    Addresses of one MAC become one device when there are at most `MAX_ADDRESSES` of them and their makers do not
    contradict each other. More than that is a router that answers for others: they stay apart, without the MAC, and a
    warning says so. A device in several zones is judged by the most exposed one (core first), so that a recorder with
    one leg in a core network is not hidden behind its other leg; a note says so.
    """
    by_mac: defaultdict[str, list[str]] = defaultdict(list)
    for address, facts in seen.items():
        if facts.mac is not None:
            by_mac[facts.mac.lower()].append(address)
    warnings: list[str] = []
    notes: dict[str, str] = {}
    nameless: set[str] = set()
    groups: list[list[str]] = [[address] for address, facts in seen.items() if facts.mac is None]
    for mac, addresses in sorted(by_mac.items()):
        makers = sorted({maker for address in addresses if (maker := seen[address].identity.maker) is not None})
        if len(addresses) > MAX_ADDRESSES:
            warnings.append(wording.SHARED_MAC.format(mac=mac, count=len(addresses)))
            nameless.update(addresses)
            notes |= dict.fromkeys(addresses, wording.SHARED_MAC_NOTE.format(mac=mac))
        elif len(makers) > 1:
            warnings.append(wording.CONTRADICTING_MAC.format(mac=mac, makers=", ".join(makers)))
            notes |= dict.fromkeys(addresses, wording.CONTRADICTING_NOTE)
        else:
            groups.append(addresses)
            continue
        groups += [[address] for address in addresses]
    shared = {address for address in notes if address not in nameless}
    devices = [_device(group, seen, zone_of, locations, notes, nameless, shared) for group in groups]
    return Units(tuple(sorted(devices, key=lambda device: _number(device.addresses[0]))), tuple(warnings))


def _device(
    group: Sequence[str],
    seen: Mapping[str, Seen],
    zone_of: Callable[[str], Zone | None],
    locations: Mapping[str, Location],
    notes: Mapping[str, str],
    nameless: set[str],
    shared: set[str],
) -> Device:
    zones = {address: zone_of(address) for address in group}
    roles = {address: ZoneRole.UNKNOWN if zone is None else zone.role for address, zone in zones.items()}
    ordered = sorted(
        group,
        key=lambda address: (_EXPOSURE.index(roles[address]), _weakness(seen[address].identity), _number(address)),
    )
    first = ordered[0]
    strongest = min(group, key=lambda address: (_weakness(seen[address].identity), _number(address)))
    known = seen[first].mac
    mac = known.lower() if known is not None and first not in nameless else None
    names = list(dict.fromkeys(zone.name for address in ordered if (zone := zones[address]) is not None))
    said = [note for address in ordered for note in (*seen[address].notes, notes.get(address, "")) if note]
    zone = zones[first]
    if len(names) > 1:
        said.append(wording.TWO_ZONES.format(zones=", ".join(names), zone=names[0]))
    by_mac = mac is not None and first not in shared
    return Device(
        id=f"mac-{mac.replace(':', '')}" if mac is not None and by_mac else _address_id(first),
        addresses=tuple(ordered),
        mac=mac,
        zone="" if zone is None else zone.name,
        zone_role=roles[first],
        location=_location(mac if by_mac else None, ordered, locations),
        identity=seen[strongest].identity,
        methods=tuple(dict.fromkeys(method for address in ordered for method in seen[address].methods)),
        first_seen=min((moment for address in ordered if (moment := seen[address].first_seen)), default=""),
        notes=tuple(dict.fromkeys(said)),
        state=seen[first].state,
    )


def _location(mac: str | None, addresses: Sequence[str], locations: Mapping[str, Location]) -> Location | None:
    """Return the place by MAC, which moves with the unit, before that by address, which does not."""
    for key in (mac, *addresses):
        if key is not None and (place := locations.get(key)) is not None:
            return place
    return None


def _weakness(identity: Identity) -> tuple[int, float, int]:
    return -_RANK[identity.verdict], -identity.confidence, -len(identity.evidence)


def _number(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


def _address_id(address: str) -> str:
    """Return an id that no other address has: IPv6 is written out in full."""
    return "addr-" + ipaddress.ip_address(address).exploded.replace(".", "-").replace(":", "-")
