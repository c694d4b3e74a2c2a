"""Identities from a stream of outcomes that are grouped by device."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from hashlib import blake2b
from heapq import merge
from typing import TYPE_CHECKING

from auditor.identify.identity import identify
from auditor.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from auditor.identify.rules import RuleSet
    from auditor.model import Identity, Observation

_RECENT = 32_768  # keys kept in a set before they are packed into a sorted array of 8 bytes each
# One device sends a few dozen answers; a file that claims more for one key is broken or hostile, and would fill memory.
MAX_LINES_PER_DEVICE = 10_000


@dataclass(frozen=True, slots=True)
class LineError:
    """A line of the input that could not be used; the rest went on.

    Attributes:
        number: line number from 1.
        reason: what is wrong with it, without the number.
    """

    number: int
    reason: str


def identify_lines(
    lines: Iterable[tuple[int, Outcome | Exception]],
    rules: RuleSet,
    *,
    observe: Callable[[Outcome, int], tuple[Observation, ...]],
    unsorted: bool = False,
) -> Iterator[Identity | LineError]:
    """Yield one identity a device key, in the order in which the keys first come, and an error for each unusable line.

    Args:
        lines: line numbers with outcomes or errors, as `auditor.observe.read_lines` yields them.
        rules: from `load_rules`.
        observe: `auditor.observe.observe`; stages do not import each other.
        unsorted: hold everything until the end, so that lines of one key may stand apart. Memory then grows with the
            input; without it, only by 8 bytes for each device, to notice a key that comes back.
    """
    if unsorted:
        yield from _held(lines, rules, observe)
        return
    seen = _Seen()
    key: str | None = None
    found: list[Observation] = []
    count = 0
    refused: str | None = None
    for number, outcome in lines:
        if not isinstance(outcome, Outcome):
            yield LineError(number, str(outcome))
            continue
        if outcome.device != key:
            if outcome.device == refused or seen.holds(outcome.device):
                refused = outcome.device
                yield LineError(number, f"device {outcome.device!r} stood further up already; lines of "
                                        "one device must stand together, or use --unsorted")  # fmt: skip
                continue
            if key is not None:
                yield identify(key, found, rules)
            key, found, count = outcome.device, [], 0
            seen.add(key)
        count += 1
        if count > MAX_LINES_PER_DEVICE:
            yield LineError(number, f"more than {MAX_LINES_PER_DEVICE} lines of one device")
            continue
        found.extend(observe(outcome, count))
    if key is not None:
        yield identify(key, found, rules)


def _held(
    lines: Iterable[tuple[int, Outcome | Exception]],
    rules: RuleSet,
    observe: Callable[[Outcome, int], tuple[Observation, ...]],
) -> Iterator[Identity | LineError]:
    held: dict[str, list[Observation]] = {}
    counts: dict[str, int] = {}
    for number, outcome in lines:
        if not isinstance(outcome, Outcome):
            yield LineError(number, str(outcome))
            continue
        counts[outcome.device] = count = counts.get(outcome.device, 0) + 1
        if count > MAX_LINES_PER_DEVICE:
            yield LineError(number, f"more than {MAX_LINES_PER_DEVICE} lines of one device")
            continue
        held.setdefault(outcome.device, []).extend(observe(outcome, count))
    for key, found in held.items():
        yield identify(key, found, rules)


class _Seen:
    """A set of keys in about 8 bytes each: recent ones as numbers in a set, older ones in sorted arrays."""

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._packed: list[array[int]] = []

    def add(self, key: str) -> None:
        self._recent.add(_digest(key))
        if len(self._recent) >= _RECENT:
            level = array("Q", sorted(self._recent))
            while self._packed and len(self._packed[-1]) <= len(level):
                level = array("Q", merge(self._packed.pop(), level))
            self._packed.append(level)
            self._recent = set()

    def holds(self, key: str) -> bool:
        number = _digest(key)
        if number in self._recent:
            return True
        for level in self._packed:
            place = bisect_left(level, number)
            if place < len(level) and level[place] == number:
                return True
        return False


def _digest(key: str) -> int:
    """Return 64 bits of a key; two of a million keys share them with a chance of one in 37 million."""
    return int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
