"""Which clue a verdict turns on: what would be said of a device if one of its witnesses, or several, were false."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final, NamedTuple

from auditor.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_COMBINED: Final = 10  # witnesses; more than that never name one maker, and all their subsets would take long
_WORST_FIRST: Final = (Verdict.UNIDENTIFIED, Verdict.POSSIBLE, Verdict.PROBABLE, Verdict.CONFIRMED)


class Outcome(NamedTuple):
    """What would be said: a maker, or None, and how sure."""

    maker: str | None
    verdict: Verdict


class Witness(NamedTuple):
    """What counts once.

    Attributes:
        group: its independence group, the one of its best sign.
        seen: what it falls with: its own group first, each with all ports it was seen on, in order. Further groups
            stand here only with ports that none before has.
    """

    group: str
    seen: tuple[tuple[str, tuple[int, ...]], ...]


class Turning(NamedTuple):
    """What a verdict turns on.

    Attributes:
        now: what is said.
        witnesses: of the maker, in order of weight.
        single: those whose loss alone changes the outcome, with what would be said then, the gravest change first.
        least: how many must fall together before the outcome changes; 0 when not even all of them change it.
        rivals: other makers that evidence names, with what would be said if theirs were not from this unit.
        undenied: what would be said if nothing spoke against the maker, or None where nothing does.
        protocol: what would be said if the device also answered in another maker's own protocol: once for a maker
            first in the alphabet and once for the last, because between equals the alphabet decides.
        certificate: the same for the certificate of another maker, one that this maker is not known to build for.
    """

    now: Outcome
    witnesses: tuple[Witness, ...]
    single: tuple[tuple[Witness, Outcome], ...]
    least: int
    rivals: tuple[tuple[str, Outcome], ...]
    undenied: Outcome | None
    protocol: tuple[Outcome, Outcome]
    certificate: tuple[Outcome, Outcome]


def decisive(
    witnesses: Sequence[Witness], now: Outcome, without: Callable[[frozenset[str]], Outcome]
) -> tuple[tuple[tuple[Witness, Outcome], ...], int]:
    """Return the witnesses whose loss alone changes what is said, and how many must fall at least.

    Args:
        witnesses: in order of weight.
        now: what is said.
        without: what would be said if these groups were false.
    """
    alone = [(witness, left) for witness in witnesses if (left := without(frozenset((witness.group,)))) != now]
    if alone:
        alone.sort(key=lambda item: (item[1].maker == now.maker, _WORST_FIRST.index(item[1].verdict)))
        return tuple(alone), 1
    groups = [witness.group for witness in witnesses][:_MOST_COMBINED]
    for number in range(2, len(groups) + 1):
        if any(without(frozenset(fallen)) != now for fallen in combinations(groups, number)):
            return (), number
    return (), 0
