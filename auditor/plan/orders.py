"""The work order of one unit: how to find it, what to do, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.common.display import visible
from auditor.model import Decision, Device, Finding, Kind, Location, Site, WorkOrder, ZoneRole
from auditor.plan import wording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from auditor.model import Identity

URGENT = frozenset({Decision.REMOVE, Decision.DISCONNECT})
_CORE_LIKE = frozenset({ZoneRole.CORE, ZoneRole.UNKNOWN})
_VIEWS = frozenset({Kind.CAMERA, Kind.PTZ, Kind.THERMAL, Kind.UNKNOWN})
_KEEPERS = frozenset({Kind.RECORDER, Kind.MANAGEMENT_PLATFORM})
_DOORS = frozenset({Kind.ACCESS_TERMINAL, Kind.INTERCOM})
_SERIAL_TAIL = 6  # characters: enough to tell units apart, too few to be of use to others


def demands(device: Device) -> tuple[Finding, ...]:
    """Return the findings that make a device flagged."""
    return tuple(finding for finding in device.findings if finding.decision in URGENT)


def make_order(device: Device, site: Site, today: date, *, number: int, wave: int) -> WorkOrder:
    """Return the work order of a flagged device.

    Args:
        device: has at least one finding that says remove or disconnect.
        site: for its contacts.
        today: to see whether the deadline has passed.
        number: of the order within the run, from 1.
        wave: number of its wave.
    """
    findings = demands(device)
    remove = any(finding.decision is Decision.REMOVE for finding in findings)
    decision = Decision.REMOVE if remove else Decision.DISCONNECT
    deadline = min((finding.deadline for finding in findings if finding.deadline), default=None)
    order = f"WO-{number:04d}"
    before = list(_before(device, site, deadline, today))
    work = _removal(device, order) if remove else _disconnection(device)
    return WorkOrder(
        id=order,
        device=device.id,
        wave=wave,
        decision=decision,
        title=wording.TITLES[decision][device.identity.kind].format(address=device.addresses[0]),
        find=tuple(_find(device)),
        steps=(*before, *work),
        rollback=tuple(_rollback(device, remove=remove)),
        deadline=deadline,
        reasons=tuple(finding.rule for finding in findings),
    )


def _find(device: Device) -> Iterator[str]:
    place = device.location or Location()
    if place.building:
        yield wording.BUILDING.format(building=visible(place.building))
    if place.floor:
        yield wording.FLOOR.format(floor=visible(place.floor))
    if place.room:
        yield wording.ROOM.format(room=visible(place.room))
    if place.mounting:
        yield wording.MOUNTING.format(mounting=visible(place.mounting))
    if not _is_placed(place):
        yield wording.PLACE_NOT_RECORDED
    if place.switch:
        template = wording.SWITCH_AND_PORT if place.port else wording.SWITCH_ONLY
        yield template.format(switch=visible(place.switch), port=visible(place.port))
        if place.vlan:
            yield wording.VLAN.format(vlan=visible(place.vlan))
    elif device.behind:
        yield wording.PLACE_BEHIND.format(address=device.addresses[0])
    elif device.mac is not None:
        yield wording.PLACE_BY_MAC.format(mac=device.mac)
        yield wording.PLACE_BY_LEASE.format(address=device.addresses[0])
    else:
        yield wording.PLACE_BY_ADDRESS.format(address=device.addresses[0])
    if device.behind:
        yield device.behind
    template = wording.THROUGH_ADDRESS if device.behind else wording.ADDRESS
    yield template.format(addresses=", ".join(device.addresses))
    yield from _label(device)


def _is_placed(place: Location) -> bool:
    """A building or floor alone does not lead to a unit."""
    return bool(place.room or place.mounting)


def _label(device: Device) -> Iterator[str]:
    identity = device.identity
    maker = visible(identity.maker or "")
    if device.mac is not None:
        yield wording.LABEL_MAC.format(mac=device.mac)
    if identity.brand and identity.rebrand:
        yield wording.LABEL_BRAND.format(brand=visible(identity.brand), maker=maker)
    elif identity.maker:
        yield wording.LABEL_MAKER.format(maker=maker)
    if identity.label_note:
        yield identity.label_note
    if identity.model:
        yield wording.LABEL_MODEL.format(model=visible(identity.model))
    if identity.serial:
        yield wording.LABEL_SERIAL.format(tail=visible(identity.serial[-_SERIAL_TAIL:]))
    if identity.manufactured:
        yield wording.LABEL_MADE.format(day=identity.manufactured)
    if not identity.model and not identity.serial:
        yield wording.LABEL_PROVES_NOTHING if device.mac is None else wording.LABEL_NOTHING
    yield wording.LABEL_DIFFERS


def _before(device: Device, site: Site, deadline: date | None, today: date) -> Iterator[str]:
    place = device.location or Location()
    if device.mac is None and not place.switch:
        yield wording.FIND_FIRST.format(address=device.addresses[0])
    if deadline is not None and deadline < today:
        yield wording.OVERDUE.format(deadline=deadline.isoformat())
    yield wording.TELL_PEOPLE if site.contacts else wording.TELL_OWNER


def _removal(device: Device, order: str) -> Iterator[str]:
    kind = device.identity.kind
    address = device.addresses[0]
    yield from _people_first(kind)
    if device.zone_role in _CORE_LIKE:
        yield from _containment(device)
    yield wording.CHECK_LABEL
    yield wording.PHOTOGRAPH
    if kind is Kind.UNKNOWN:
        yield wording.IDENTIFY_KIND
    yield from _preparation(device.identity)
    yield from _taking_down(kind)
    if kind is not Kind.MANAGEMENT_PLATFORM:
        yield wording.MARK_UNIT.format(order=order)
        yield wording.FREE_PORT.format(address=address)
    yield wording.VERIFY_REMOVED.format(address=address)


def _people_first(kind: Kind) -> Iterator[str]:
    """What must be settled even before containment, because people depend on the unit at that moment."""
    if kind in _DOORS:
        yield wording.DOOR_TEST
        yield wording.DOOR_OTHER_WAY
    if kind is Kind.THERMAL:
        yield wording.THERMAL_PROCEDURE
    if kind is Kind.SCANNER:
        yield wording.SCANNER_PROCEDURE


def _containment(device: Device) -> Iterator[str]:
    kind = device.identity.kind
    yield _port(device, wording.CONTAIN_PORT, wording.CONTAIN_UNIT)
    if kind in _VIEWS:
        yield wording.MAY_BLOCK
    elif kind in _KEEPERS:
        yield wording.MOVE_TOGETHER_RECORDER


def _taking_down(kind: Kind) -> Iterator[str]:
    if kind is Kind.SCANNER:
        yield wording.SCANNER_SPECIALIST
    elif kind is Kind.MANAGEMENT_PLATFORM:
        yield wording.PLATFORM_NOT_PULLED
        yield wording.PLATFORM_DISKS
    else:
        yield wording.UNPLUG
        yield wording.CAP_CABLE
    if kind in _VIEWS:
        yield wording.MEMORY_CARD
    if kind is Kind.RECORDER:
        yield wording.RECORDER_SANITISE
        yield wording.RECORDER_RECORD
    if kind in _DOORS:
        yield wording.DOOR_AFTER


def _preparation(identity: Identity) -> Iterator[str]:
    """What must be done for that kind of unit before it loses its power."""
    kind = identity.kind
    if kind in _VIEWS:
        yield wording.NOTE_SETTINGS
    if kind is Kind.PTZ:
        yield wording.PTZ_TOURS
    if kind is Kind.RECORDER:
        yield wording.RECORDER_HOLD
        yield wording.RECORDER_EXPORT
        yield wording.RECORDER_ISOLATE
    yield from _alike(identity)
    if kind in _VIEWS:
        yield wording.REPLACE_VIEW
    if kind is Kind.RECORDER:
        yield wording.RECORDER_REPLACEMENT
        yield wording.RECORDER_CAMERAS_FIRST
        yield wording.RECORDER_RETENTION
    if kind is Kind.ENCODER:
        yield wording.ENCODER_CHANNELS
    if kind in _DOORS:
        yield wording.DOOR_DATA
    if kind is Kind.MANAGEMENT_PLATFORM:
        yield wording.PLATFORM_INVENTORY


def _alike(identity: Identity) -> Iterator[str]:
    """What the replacement has to match, as far as anything says it."""
    if identity.megapixels is not None:
        yield wording.LIKE_MEGAPIXELS.format(megapixels=f"{identity.megapixels:g}")
    if identity.lens is not None:
        yield wording.LIKE_LENS.get(identity.lens) or wording.LIKE_WORD.format(word=visible(identity.lens))
    if identity.channels is not None:
        yield wording.LIKE_CHANNELS.format(channels=identity.channels)
    for word in identity.functions:
        yield wording.LIKE_FUNCTIONS.get(word) or wording.LIKE_WORD.format(word=visible(word))


def _disconnection(device: Device) -> Iterator[str]:
    kind = device.identity.kind
    yield from _people_first(kind)
    yield wording.CHECK_LABEL
    yield _port(device, wording.RECORD_VLAN_PORT, wording.RECORD_VLAN_UNIT)
    yield wording.MOVE_PORT
    if kind in _KEEPERS:
        yield wording.MOVE_TOGETHER_RECORDER
    elif kind in _VIEWS or kind is Kind.ENCODER:
        yield wording.MOVE_TOGETHER_CAMERA
    yield wording.CHECK_DOOR_WORKS if kind in _DOORS else wording.CHECK_WORKS
    yield wording.VERIFY_CONTAINED.format(address=device.addresses[0])
    yield wording.STAYS


def _port(device: Device, with_port: str, without: str) -> str:
    place = device.location or Location()
    if place.switch and place.port:
        return with_port.format(switch=visible(place.switch), port=visible(place.port))
    return without


def _rollback(device: Device, *, remove: bool) -> Iterator[str]:
    kind = device.identity.kind
    if not remove or device.zone_role in _CORE_LIKE:
        yield wording.BACK_CONTAINED
    if remove:
        yield wording.BACK_REMOVED
        if kind is Kind.RECORDER:
            yield wording.BACK_NOT_AFTER_SANITISING
    if kind in _DOORS:
        yield wording.BACK_DOOR
