"""Identities from a stream of outcomes that are grouped by device."""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from auditor.identify.identity import identify
from auditor.identify.spool import KEY_BYTES, Numbers, Sorter
from auditor.model import Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from auditor.identify.rules import RuleSet
    from auditor.model import Identity, Observation

# One device sends a few dozen answers; a file that claims more for one key is broken or hostile, and would fill memory.
MAX_LINES_PER_DEVICE = 10_000
# The whole audit of a device keeps well under a megabyte of facts; beyond this the file is broken or hostile.
MAX_CHARACTERS_PER_DEVICE = 32 * 1024 * 1024
# What the record of one fact takes besides its text.
_FACT_COST = 500
# Devices that are identified in one go, unless their facts have more characters than this together.
_AT_ONCE = 64
_HELD = 1024 * 1024


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

    Memory does not grow with the input: what would make it grow is kept in unnamed files of the temporary folder.

    Args:
        lines: line numbers with outcomes or errors, as `auditor.observe.read_lines` yields them.
        rules: from `load_rules`.
        observe: `auditor.observe.observe`; stages do not import each other.
        unsorted: lines of one key may stand apart. All of them are sorted on disk before the first identity comes.

    Raises:
        StorageError: the temporary folder is full or cannot be used.
    """
    if unsorted:
        yield from _identified(_together(lines), rules, observe)
        return
    with Numbers() as seen:
        yield from _identified(_first_only(lines, seen), rules, observe)


def _identified(
    lines: Iterable[tuple[int, Outcome | LineError]],
    rules: RuleSet,
    observe: Callable[[Outcome, int], tuple[Observation, ...]],
) -> Iterator[Identity | LineError]:
    """Yield the identity of each run of lines of one key.

    Devices are read some dozens at a time and then identified: a processor that does one thing for a while, and then
    another, is a fifth quicker than one that changes between them for every device. Errors keep their place.
    """
    key: str | None = None
    found: list[Observation] = []
    ready: list[tuple[str, list[Observation]]] = []
    count = size = held = 0
    for number, outcome in lines:
        problem: LineError | None = None
        if isinstance(outcome, LineError):
            problem = outcome
        else:
            if outcome.device != key:
                if key is not None:
                    ready.append((key, found))
                    held += size
                key, found, count, size = outcome.device, [], 0, 0
            count += 1
            facts = observe(outcome, count) if count <= MAX_LINES_PER_DEVICE else ()
            size += _cost(facts)
            if count > MAX_LINES_PER_DEVICE:
                problem = LineError(number, f"more than {MAX_LINES_PER_DEVICE} lines of one device")
            elif size > MAX_CHARACTERS_PER_DEVICE:
                problem = LineError(number, f"more than {MAX_CHARACTERS_PER_DEVICE} characters of one device")
            else:
                found.extend(facts)
        if problem is not None or len(ready) >= _AT_ONCE or held > _HELD:
            yield from [identify(device, known, rules) for device, known in ready]
            ready, held = [], 0
            if problem is not None:
                yield problem
    if key is not None:
        ready.append((key, found))
    yield from [identify(device, known, rules) for device, known in ready]


def _cost(facts: tuple[Observation, ...]) -> int:
    """Return about how many characters some facts take in memory."""
    size = _FACT_COST * len(facts)
    for fact in facts:
        for value in fact.values:
            size += len(value)
    return size


def _first_only(
    lines: Iterable[tuple[int, Outcome | Exception]], seen: Numbers
) -> Iterator[tuple[int, Outcome | LineError]]:
    """Pass lines on; a key that comes back after another is an error."""
    key: str | None = None
    refused: str | None = None
    for number, outcome in lines:
        if not isinstance(outcome, Outcome):
            yield number, LineError(number, str(outcome))
            continue
        device = outcome.device
        if device != key:
            # Two of a million keys share 64 bits with a chance of one in 37 million.
            if device == refused or not seen.add(int.from_bytes(_digest(device, 8), "big")):
                refused = device
                yield number, LineError(number, f"device {device[:_SHOWN]!r} stood further up already; lines of one "
                                                "device must stand together, or use --unsorted")  # fmt: skip
                continue
            key = device
        yield number, outcome


def _together(lines: Iterable[tuple[int, Outcome | Exception]]) -> Iterator[tuple[int, Outcome | LineError]]:
    """Yield errors as they come, then every outcome: keys in the order of their first line, lines of one together."""
    with Sorter() as by_first_line:
        with Sorter() as by_key:
            for number, outcome in lines:
                if isinstance(outcome, Outcome):
                    by_key.add(_digest(outcome.device, KEY_BYTES), number, _packed(outcome))
                else:
                    yield number, LineError(number, str(outcome))
            current = b""
            first = b""
            for key, number, packed in by_key.records():
                if key != current:
                    current, first = key, number.to_bytes(KEY_BYTES, "big")
                by_first_line.add(first, number, packed)
        for _, number, packed in by_first_line.records():
            yield number, _unpacked(packed)


def _packed(outcome: Outcome) -> bytes:
    return marshal.dumps((
        outcome.device, outcome.probe, outcome.status.value, outcome.raw, outcome.facts, outcome.port, outcome.request,
        outcome.at, outcome.vantage, outcome.tls, outcome.truncated, outcome.detail,
    ))  # fmt: skip


def _unpacked(packed: bytes) -> Outcome:
    device, probe, status, *rest = marshal.loads(packed)  # noqa: S302  (our own bytes, from a file without a name)
    return Outcome(device, probe, Status(status), *rest)


def _digest(key: str, size: int) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=size).digest()


_SHOWN = 200  # characters of a key in a message
