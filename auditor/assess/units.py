"""Places units in their zones: one with several addresses is judged by the most exposed of them. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.assess import wording
from auditor.model import CoverageState, Device, Location, Unit, Zone, ZoneRole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_EXPOSURE = (ZoneRole.CORE, ZoneRole.UNKNOWN, ZoneRole.MANAGEMENT, ZoneRole.GUEST, ZoneRole.ISOLATED)


@dataclass(frozen=True, slots=True)
class Seen:
    """How one address was seen.

    Attributes:
        methods: discovery methods that saw it.
        first_seen: UTC, ISO 8601 with `Z`.
        state: coverage state.
        notes: sentences for the reader.
    """

    methods: tuple[str, ...] = ()
    first_seen: str = ""
    state: CoverageState = CoverageState.ANSWERED_UNIDENTIFIED
    notes: tuple[str, ...] = ()


def place(
    units: Iterable[Unit],
    seen: Mapping[str, Seen],
    *,
    zone_of: Callable[[str], Zone | None],
    locations: Mapping[str, Location],
) -> tuple[Device, ...]:
    """Return the devices that units are in this site, in the order of their first address.

    Args:
        units: as identified; two of them may have an address in common.
        seen: by address as text; an address that is missing was seen by nothing.
        zone_of: longest prefix; None outside every zone.
        locations: by address and by lower-case MAC.

    A device in several zones is judged by the most exposed one (core first), so that a recorder with one leg in a core
    network is not hidden behind its other leg; a note says so. Its place is looked up by what is known to be its own: a
    unit behind an address is not where that address is.
    """
    devices = [_device(unit, seen, zone_of, locations) for unit in units]
    return tuple(sorted(devices, key=lambda device: (_number(device.addresses[0]), device.id)))


def _device(
    unit: Unit,
    seen: Mapping[str, Seen],
    zone_of: Callable[[str], Zone | None],
    locations: Mapping[str, Location],
) -> Device:
    zones = {address: zone_of(address) for address in unit.addresses}
    roles = {address: ZoneRole.UNKNOWN if zone is None else zone.role for address, zone in zones.items()}
    own = set(unit.places)
    ordered = sorted(
        unit.addresses, key=lambda address: (_EXPOSURE.index(roles[address]), address not in own, _number(address))
    )
    first = ordered[0]
    names = list(dict.fromkeys(zone.name for address in ordered if (zone := zones[address]) is not None))
    sights = [seen.get(address, Seen()) for address in ordered]
    said = [note for sight in sights for note in sight.notes] + list(unit.notes)
    zone = zones[first]
    if len(names) > 1:
        said.append(wording.TWO_ZONES.format(zones=", ".join(names), zone=names[0]))
    return Device(
        id=unit.id,
        addresses=tuple(ordered),
        mac=unit.mac,
        zone="" if zone is None else zone.name,
        zone_role=roles[first],
        location=next((known for key in unit.places if (known := locations.get(key)) is not None), None),
        identity=unit.identity,
        methods=tuple(dict.fromkeys(method for sight in sights for method in sight.methods)),
        first_seen=min((sight.first_seen for sight in sights if sight.first_seen), default=""),
        notes=tuple(dict.fromkeys(said)),
        state=sights[0].state,
        same_because=unit.same_because,
        behind=unit.behind,
    )


def _number(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)
