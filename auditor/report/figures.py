"""What the reports count, and the geometry of their charts; no text for people is written here."""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from auditor.model import CoverageState, Kind, Verdict, ZoneRole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from auditor.model import Audit, Device

VIDEO_KINDS = frozenset({Kind.CAMERA, Kind.PTZ, Kind.THERMAL, Kind.RECORDER, Kind.ENCODER})
ANSWERED = (CoverageState.IDENTIFIED, CoverageState.ANSWERED_UNIDENTIFIED)
NO_ANSWER = (CoverageState.SILENT, CoverageState.FILTERED)
NOT_COVERED = (CoverageState.UNREACHABLE, CoverageState.NOT_ATTEMPTED, CoverageState.STOPPED_FOR_SAFETY,
               CoverageState.ERROR)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of an audit; addresses above, devices below.

    Attributes:
        scope: addresses in scope. `answered + no_answer + excluded + not_covered == scope`.
        answered: addresses that answered; `identified` of them are identified.
        no_answer: silent or filtered.
        excluded: excluded in the site file.
        not_covered: unreachable, not attempted, stopped for safety or failed.
        devices: devices seen; of them `flagged`, `to_check` (a device can be both), `video` by their kind, and
            `unknown_kind`.
        makers: (maker or None, flagged devices), most first.
        rebrands, core, role_unknown: flagged devices that carry another label, stand in a zone of role `core`, or in
            one of role `unknown`.
        flagged_verdicts, verdicts: devices per verdict, of the flagged ones and of all.
    """

    scope: int
    answered: int
    identified: int
    no_answer: int
    excluded: int
    not_covered: int
    devices: int
    flagged: int
    to_check: int
    video: int
    unknown_kind: int
    makers: tuple[tuple[str | None, int], ...]
    rebrands: int
    core: int
    role_unknown: int
    flagged_verdicts: dict[Verdict, int]
    verdicts: dict[Verdict, int]


def count(audit: Audit) -> Counts:
    """Return the numbers of an audit."""

    def addresses(states: Iterable[CoverageState]) -> int:
        return sum(audit.coverage.states.get(state, 0) for state in states)

    flagged = [device for device in audit.devices if device.flagged]
    return Counts(
        scope=audit.coverage.scope_size, answered=addresses(ANSWERED), identified=addresses(ANSWERED[:1]),
        no_answer=addresses(NO_ANSWER), excluded=addresses((CoverageState.EXCLUDED,)),
        not_covered=addresses(NOT_COVERED), devices=len(audit.devices), flagged=len(flagged),
        to_check=sum(device.to_check for device in audit.devices),
        video=sum(device.identity.kind in VIDEO_KINDS for device in audit.devices),
        unknown_kind=sum(device.identity.kind is Kind.UNKNOWN for device in audit.devices),
        makers=tuple((row.key, row.flagged) for row in group(flagged, lambda device: device.identity.maker)),
        rebrands=sum(device.identity.rebrand for device in flagged),
        core=sum(device.zone_role is ZoneRole.CORE for device in flagged),
        role_unknown=sum(device.zone_role is ZoneRole.UNKNOWN for device in flagged),
        flagged_verdicts=_verdicts(flagged), verdicts=_verdicts(audit.devices),
    )  # fmt: skip


def _verdicts(devices: Sequence[Device]) -> dict[Verdict, int]:
    found = Counter(device.identity.verdict for device in devices)
    return {verdict: found[verdict] for verdict in Verdict}


def reasons(audit: Audit) -> list[str]:
    """Return why an audit is incomplete: the run's own reasons, then those of its coverage that they do not hold."""
    found = list(audit.run.reasons)
    return found + [text for text in audit.coverage.incomplete if text not in found]


class Row(NamedTuple):
    """Devices that share a maker, a kind or a zone.

    Attributes:
        key: what they share, or None where it is not known.
        flagged, check, other: numbers of devices; `check` holds those to check that are not flagged as well.
    """

    key: str | None
    flagged: int
    check: int
    other: int

    @property
    def total(self) -> int:
        """Return the number of devices."""
        return self.flagged + self.check + self.other


def group(devices: Iterable[Device], key: Callable[[Device], str | None]) -> list[Row]:
    """Return devices counted by what they share: most flagged first, then most devices, then by name."""
    numbers: dict[str | None, list[int]] = defaultdict(lambda: [0, 0, 0])
    for device in devices:
        numbers[key(device)][0 if device.flagged else 1 if device.to_check else 2] += 1
    rows = [Row(name, *found) for name, found in numbers.items()]
    return sorted(rows, key=lambda row: (-row.flagged, -row.check, -row.total, row.key is None, row.key or ""))


def shown_of(number: int, limit: int) -> int:
    """Return how many of a long list to show: a list is never cut to leave out a single one."""
    return number if number <= limit + 1 else limit


class Bar(NamedTuple):
    """One stacked bar of a chart, in the units of its drawing; `x` are left edges, `y` is the top of its label."""

    row: Row
    y: int
    flagged_width: float
    check_x: float
    check_width: float
    other_x: float
    other_width: float
    end: float


BAR_PITCH = 40  # height of one label with its bar
_BAR_LONGEST = 316  # of a drawing 360 wide, so that the number behind the bar has room


def bars(rows: Sequence[Row]) -> list[Bar]:
    """Return the bars of a chart 360 units wide, `BAR_PITCH` units high each; the longest fills the width."""
    longest = max((row.total for row in rows), default=1)
    drawn = []
    for index, row in enumerate(rows):
        flagged, check, other = (
            round(part * _BAR_LONGEST / longest, 2) for part in (row.flagged, row.check, row.other)
        )
        drawn.append(Bar(row, index * BAR_PITCH, flagged, flagged, check, round(flagged + check, 2), other,
                         round(flagged + check + other, 2)))  # fmt: skip
    return drawn


class Piece(NamedTuple):
    """One state in the coverage bar, in units of a drawing 720 wide."""

    state: CoverageState
    number: int
    x: float
    width: float


COVERAGE_WIDTH = 720
_THINNEST = 3.0  # a state with one address of 65,536 is still seen


def coverage_pieces(states: dict[CoverageState, int]) -> list[Piece]:
    """Return the states that occur as pieces of one bar; none is thinner than can be seen."""
    present = [(state, states[state]) for state in CoverageState if states.get(state, 0)]
    whole = sum(number for _, number in present) or 1
    widths = [max(_THINNEST, number * COVERAGE_WIDTH / whole) for _, number in present]
    shrink = COVERAGE_WIDTH / (sum(widths) or 1)
    pieces, x = [], 0.0
    for (state, number), width in zip(present, widths, strict=True):
        pieces.append(Piece(state, number, round(x, 2), round(width * shrink, 2)))
        x += width * shrink
    return pieces


def ranges(addresses: Iterable[str]) -> list[str]:
    """Return addresses as ascending runs, first to last with a dash; what is no address comes last, as it is."""
    numbers: dict[int, set[int]] = {4: set(), 6: set()}
    odd = set()
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            odd.add(text)
        else:
            numbers[address.version].add(int(address))
    runs = []
    for version, found in numbers.items():
        make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address  # noqa: PLR2004
        for first, last in _runs(sorted(found)):
            runs.append(f"{make(first)}" if first == last else f"{make(first)} \u2013 {make(last)}")
    return runs + sorted(odd)


def _runs(numbers: Sequence[int]) -> Iterable[tuple[int, int]]:
    start = previous = None
    for number in numbers:
        if start is None or previous is None:
            start = number
        elif number != previous + 1:
            yield start, previous
            start = number
        previous = number
    if start is not None and previous is not None:
        yield start, previous
