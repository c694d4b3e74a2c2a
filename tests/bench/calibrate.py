"""Holds the numbers of identification against published answers, one publisher left out at a time.

Nothing here reads a file: `corpus` brings the answers, `measure_corpus` prints the tables. The method is written down in
docs/adr/0011-confidence.md.
"""

from __future__ import annotations

import collections
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.identify import identify
from auditor.identify.confidence import CEILING, PLACE, PRIOR, WEIGHTS, combine, log_odds, witnesses
from auditor.model import Strength, Verdict
from tests.bench.corpus import without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from auditor.identify.rules import RuleSet
    from auditor.model import Evidence, Identity
    from tests.bench.corpus import Answer

LISTED = ("Hikvision", "Dahua")
SURE = frozenset({Verdict.CONFIRMED, Verdict.PROBABLE})
# Stated confidence falls into the last bin whose lower end it reaches.
BINS = (
    (0.0, "below 0.50"),
    (0.5, "0.50 to 0.70"),
    (0.7, "0.70 to 0.90"),
    (0.9, "0.90 to 0.99"),
    (0.99, "0.99 and more"),
)
_EDGE = 1e-9
_WORD = re.compile(r"\w+")
# Fewer claims than this move no number.
FEW = 10
KINDS = {"camera": "camera", "ptz": "ptz", "nvr": "recorder", "dvr": "recorder", "intercom": "intercom",
         "access": "access-terminal"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """What one witness of one answer said of one maker."""

    group: str
    maker: str
    strength: Strength
    right: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer, what the program made of it, and whether that is true.

    Attributes:
        answer: as published.
        identity: of the program.
        maker: who is named, or the likeliest one where nobody is; None when nothing names a maker.
        confidence: stated for that maker.
        right: whether it is the true one.
        word: `right` (at least probable), `possible` (right but not sure), `unnamed`, `weak` (unnamed and rightly so)
            or `wrong`.
        groups: what names that maker, strongest of each witness.
        denied: whether something speaks against it.
        claims: one for each witness and maker.
        against: for each maker that something speaks against, whether that is true.
    """

    answer: Answer
    identity: Identity
    maker: str | None
    confidence: float
    right: bool
    word: str
    groups: Mapping[str, Strength]
    denied: bool
    claims: tuple[Claim, ...]
    against: tuple[bool, ...]

    @property
    def counts(self) -> bool:
        """Whether a number may rest on it: a weak answer counts only when it is named wrongly."""
        return not self.answer.weak or self.word == "wrong"

    @property
    def flagged(self) -> str | None:
        """The listed maker that the device would be flagged for."""
        return self.identity.maker if self.identity.maker in LISTED and self.identity.verdict in SURE else None


@dataclass(slots=True)
class Count:
    """Right and all."""

    right: int = 0
    total: int = 0
    by: dict[str, list[int]] = field(default_factory=dict)

    def add(self, *, right: bool, publisher: str = "") -> None:
        """Count one more."""
        self.right += right
        self.total += 1
        cluster = self.by.setdefault(publisher, [0, 0])
        cluster[0] += right
        cluster[1] += 1

    @property
    def clusters(self) -> list[tuple[int, int]]:
        """Right and all by publisher."""
        return [(right, total) for right, total in self.by.values()]

    @property
    def worst(self) -> tuple[str, int, int]:
        """The publisher with the smallest share, and its right and all; of equals the one with most answers."""
        name = min(self.by, key=lambda key: (self.by[key][0] / self.by[key][1], -self.by[key][1], key))
        return name, self.by[name][0], self.by[name][1]


def same_maker(found: str | None, truth: str) -> bool:
    """Say whether two spellings name one maker: all words of one stand in the other ("FLIR" and "Teledyne FLIR").

    The corpus is not bound to our vocabulary. A name inside a word is another name: "other" is not "Brother".
    """
    one, two = (frozenset(_WORD.findall((text or "").casefold())) for text in (found, truth))
    return bool(one and two) and (one <= two or two <= one)


def judge(answer: Answer, rules: RuleSet) -> Judged:
    """Identify one answer and compare it with the truth."""
    identity = identify(answer.name, answer.facts, rules)
    named: dict[str, list[Evidence]] = collections.defaultdict(list)
    denied = set()
    for item in identity.evidence:
        if item.says.startswith("maker "):
            named[item.says.removeprefix("maker ")].append(item)
        elif item.says.startswith("not "):
            denied.add(item.says.removeprefix("not "))
    groups = {maker: _strongest(items) for maker, items in named.items()}
    levels = {maker: combine(found, denied=maker in denied) for maker, found in groups.items()}
    maker = identity.maker or max(sorted(levels), key=lambda name: levels[name], default=None)
    right = same_maker(maker, answer.truth)
    return Judged(
        answer, identity, maker, min(levels[maker], CEILING) if maker else 0.0, right,
        _word(identity, answer),
        groups.get(maker or "", {}), maker in denied,
        tuple(
            Claim(group, name, strength, same_maker(name, answer.truth))
            for name, found in groups.items()
            for group, strength in found.items()
        ),
        tuple(not same_maker(name, answer.truth) for name in sorted(denied)),
    )  # fmt: skip


def _strongest(items: Sequence[Evidence]) -> dict[str, Strength]:
    counted = witnesses((item.group, item.observation, item.port) for item in items)
    found: dict[str, Strength] = {}
    for item in items:
        name = counted[item.group]
        found[name] = min(found.get(name, item.strength), item.strength, key=PLACE.__getitem__)
    return found


def _word(identity: Identity, answer: Answer) -> str:
    if identity.maker is None:
        return "weak" if answer.weak else "unnamed"
    if not same_maker(identity.maker, answer.truth):
        return "wrong"
    return "right" if identity.verdict in SURE else "possible"


def judge_all(answers: Iterable[Answer], rules: RuleSet, *, held_out: bool) -> list[Judged]:
    """Judge every answer that may be scored, held out: without the rules that were written from its own publisher."""
    smaller: dict[frozenset[str], RuleSet] = {}
    found = []
    for answer in answers:
        if answer.set == "left out":
            continue
        if held_out and answer.publishers not in smaller:
            smaller[answer.publishers] = without(rules, answer.publishers)
        found.append(judge(answer, smaller[answer.publishers] if held_out else rules))
    return found


def publisher_of(judged: Judged) -> str:
    """Return the publisher of an answer as one text."""
    return " and ".join(sorted(judged.answer.publishers))


def strengths(judged: Iterable[Judged]) -> dict[Strength, Count]:
    """Count for each strength how often a witness of it named the right maker, or rightly denied one."""
    found = {strength: Count() for strength in Strength}
    for one in judged:
        if not one.counts:
            continue
        for claim in one.claims:
            found[claim.strength].add(right=claim.right, publisher=publisher_of(one))
        for right in one.against:
            found[Strength.AGAINST].add(right=right, publisher=publisher_of(one))
    return found


def by_group(judged: Iterable[Judged]) -> dict[str, dict[Strength, Count]]:
    """Count as `strengths` does, apart for each independence group."""
    found: dict[str, dict[Strength, Count]] = {}
    for one in judged:
        if one.counts:
            for claim in one.claims:
                counts = found.setdefault(claim.group, {strength: Count() for strength in Strength})
                counts[claim.strength].add(right=claim.right)
    return found


def estimate(count: Count) -> float:
    """Return the chance that a count supports: the mean of the Beta posterior under Jeffreys' prior, Beta(1/2, 1/2)."""
    return (count.right + 0.5) / (count.total + 1.0)


def weights_from(counts: Mapping[Strength, Count]) -> dict[Strength, float]:
    """Return weights of evidence estimated from counts; a number with fewer than ten claims stays as it is written."""
    found = dict(WEIGHTS)
    for strength, count in counts.items():
        if count.total >= FEW:
            chance = 1 - estimate(count) if strength is Strength.AGAINST else estimate(count)
            found[strength] = log_odds(chance) - log_odds(PRIOR)
    return found


def re_estimated(judged: Sequence[Judged]) -> list[tuple[float, bool, str]]:
    """Return for each answer with a maker the confidence by numbers that were estimated without its publisher.

    The result gives that confidence, whether the maker is right, and the publisher. What each rule is worth is counted on
    the answers of all other publishers, each of them judged without the rules written from it.
    """
    by_publisher: dict[str, list[Judged]] = collections.defaultdict(list)
    for one in judged:
        if one.counts:
            by_publisher[publisher_of(one)].append(one)
    found = []
    for name, mine in by_publisher.items():
        others = [one for other, them in by_publisher.items() if other != name for one in them]
        weights = weights_from(strengths(others))
        for one in mine:
            if one.maker is not None:
                level = min(combine(one.groups, denied=one.denied, weights=weights), CEILING)
                found.append((level, one.right, name))
    return found


def stated(judged: Iterable[Judged]) -> list[tuple[float, bool, str]]:
    """Return for each answer with a maker the stated confidence, whether it is right, and the publisher."""
    return [(one.confidence, one.right, publisher_of(one)) for one in judged if one.counts and one.maker is not None]


def bin_of(confidence: float) -> int:
    """Return the place in BINS of a confidence."""
    return max(place for place, (low, _) in enumerate(BINS) if confidence >= low - _EDGE)


def reliability(claims: Iterable[tuple[float, bool, str]]) -> list[tuple[float, Count]]:
    """Return for each bin the mean of the stated confidence and how often that was true."""
    sums = [0.0] * len(BINS)
    counts = [Count() for _ in BINS]
    for confidence, right, name in claims:
        place = bin_of(confidence)
        sums[place] += confidence
        counts[place].add(right=right, publisher=name)
    return [(total / count.total if count.total else 0.0, count) for total, count in zip(sums, counts, strict=True)]


def brier(claims: Sequence[tuple[float, bool, str]]) -> float:
    """Return the mean squared distance between stated confidence and truth; 0 is perfect, 0.25 is a coin."""
    return sum((confidence - right) ** 2 for confidence, right, _ in claims) / len(claims) if claims else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Precision and recall of one maker or one kind of answer."""

    rows: int
    found: int
    precise: Count


def scores(judged: Iterable[Judged], key: Callable[[Judged], str]) -> dict[str, Score]:
    """Return for each value of `key` of the truth how many were found; precision is by what was named."""
    rows: collections.Counter[str] = collections.Counter()
    found: collections.Counter[str] = collections.Counter()
    precise: dict[str, Count] = collections.defaultdict(Count)
    for one in judged:
        if not one.counts:
            continue
        name = key(one)
        rows[name] += 1
        found[name] += one.word in {"right", "possible"}
        if one.identity.maker is not None:
            precise[name].add(right=one.word != "wrong")
    return {name: Score(rows[name], found[name], precise[name]) for name in rows}


def maker_scores(judged: Sequence[Judged]) -> dict[str, Score]:
    """Return the scores by true maker; an answer wrongly named for a maker counts against that maker's precision."""
    found = scores(judged, lambda one: one.answer.truth)
    for name, score in found.items():
        precise = Count()
        for one in judged:
            if one.counts and one.identity.maker is not None and same_maker(one.identity.maker, name):
                precise.add(right=one.word != "wrong")
        found[name] = Score(score.rows, score.found, precise)
    return found
