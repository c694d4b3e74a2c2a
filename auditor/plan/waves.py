"""Which device stands in which wave, and in what order: a place is visited once."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from datetime import date
from typing import TYPE_CHECKING

from auditor.common.display import visible
from auditor.model import Decision, Device, Kind, Location, Plan, Site, Wave, ZoneRole
from auditor.plan import wording
from auditor.plan.orders import URGENT, demands, make_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from auditor.model import Identity

CONTAIN, CORE, REST = range(3)
# A zone whose role nobody has declared may be part of the core network, so its units do not wait for the last wave.
_EXPOSED = frozenset({ZoneRole.CORE, ZoneRole.UNKNOWN})
# Within a place the cameras go before the recorder that keeps their pictures.
_LATE_KINDS = {Kind.RECORDER: 1, Kind.MANAGEMENT_PLATFORM: 2}
_Natural = tuple[tuple[int, int, str], ...]


def make_plan(devices: Sequence[Device], site: Site, today: date) -> Plan:
    """Return the removal plan of a site.

    Args:
        devices: judged and marked; only `flagged` and `to_check` ones appear in the plan.
        site: has contacts, if any, to be told before the work.
        today: in the site's time zone; tells whether a deadline has passed.

    Waves: 0 contains what only has to leave the core network; 1 removes from core networks and from zones of unknown
    role; 2 removes the rest. A unit that must be removed stands in wave 1 or 2 alone, and its order begins with
    containment where it hangs on a core network. Every flagged device stands in exactly one wave; a wave without
    devices is left out. Within a wave the place with the earliest deadline comes first, then building, floor and
    switch, so that a place is visited once; within a place the earliest deadline, then cameras before recorders.
    """
    flagged = [device for device in devices if device.flagged]
    waves: list[Wave] = []
    number = 0
    for wave in (CONTAIN, CORE, REST):
        orders = []
        for device in _in_order([device for device in flagged if wave_of(device) == wave]):
            number += 1
            orders.append(make_order(device, site, today, number=number, wave=wave))
        if orders:
            waves.append(Wave(wave, wording.WAVE_NAMES[wave], wording.WAVE_GOALS[wave], tuple(orders)))
    checks = sorted((device for device in devices if device.to_check), key=lambda device: _number(device.addresses[0]))
    return Plan(tuple(waves), tuple((device.id, _why_check(device)) for device in checks))


def wave_of(device: Device) -> int:
    """Return the number of the wave of a flagged device."""
    if all(finding.decision is not Decision.REMOVE for finding in demands(device)):
        return CONTAIN
    return CORE if device.zone_role in _EXPOSED else REST


def _in_order(devices: Sequence[Device]) -> Iterable[Device]:
    places: defaultdict[tuple[object, ...], list[Device]] = defaultdict(list)
    for device in devices:
        places[_place(device)].append(device)
    ordered = sorted(places, key=lambda place: (min(map(_deadline, places[place])), place))
    for place in ordered:
        yield from sorted(places[place], key=_within)


def _place(device: Device) -> tuple[object, ...]:
    """Return building, floor and switch; units without a recorded place come last, by zone."""
    place = device.location or Location()
    building, floor, switch = _natural(place.building), _natural(place.floor), _natural(place.switch)
    unplaced = not (place.building or place.floor or place.switch)
    return (unplaced, not place.building, building, floor, switch, device.zone if unplaced else "")


def _within(device: Device) -> tuple[object, ...]:
    place = device.location or Location()
    return (
        _LATE_KINDS.get(device.identity.kind, 0),
        _deadline(device),
        _natural(place.room),
        _natural(place.port),
        _number(device.addresses[0]),
        device.id,
    )


def _deadline(device: Device) -> date:
    return min((finding.deadline for finding in demands(device) if finding.deadline), default=date.max)


def _natural(text: str) -> _Natural:
    """Sort `2` before `10` and text without regard to case."""
    parts = re.findall(r"\d+|\D+", text)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in parts)


def _number(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)


def _why_check(device: Device) -> str:
    addresses = ", ".join(device.addresses)
    if len(makers := _named_makers(device.identity)) > 1:
        return wording.TO_CHECK_RIVALS.format(makers=", ".join(map(visible, makers)), addresses=addresses)
    if device.identity.maker is None:
        return wording.TO_CHECK_UNKNOWN.format(addresses=addresses)
    return wording.TO_CHECK_MAKER.format(maker=visible(device.identity.maker), addresses=addresses)


def _named_makers(identity: Identity) -> tuple[str, ...]:
    """Return the makers that contradicting evidence names, the one of the identity first; evidence against is none."""
    names = [name for conflict in identity.conflicts if conflict.about == "maker" for name in conflict.says]
    own = (identity.maker,) if identity.maker else ()
    denied = {f"not {name}" for name in (*own, *names)}
    return tuple(dict.fromkeys(name for name in (*own, *names) if name not in denied))


__all__ = ["CONTAIN", "CORE", "REST", "URGENT", "make_plan", "wave_of"]
