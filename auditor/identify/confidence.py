"""How sure an identity is: the numbers behind the strengths, and how they add up.

Evidence of one independence group rests on the same thing (one web server, one realm, one address), so only its
strongest counts. Groups are combined as independent witnesses: the chance that all of them are wrong is the product of
the single chances. Worked example: conclusive web evidence and a moderate MAC prefix give 1 - 0.01 * 0.30 = 0.997.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.model import Strength, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# The one table. The value is the chance that a match alone names the right maker; for `against`, the part of the doubt
# that it brings to everything below conclusive.
NUMBERS: Final[Mapping[Strength, float]] = {
    Strength.CONCLUSIVE: 0.99,
    Strength.STRONG: 0.90,
    Strength.MODERATE: 0.70,
    Strength.WEAK: 0.20,
    Strength.AGAINST: 0.80,
}

CONFIRMED: Final = 0.99
PROBABLE: Final = 0.90
POSSIBLE: Final = 0.50
# Clues that say little alone say little together: they are often copied together (reliability row 89).
WEAK_ALONE: Final = 0.45
# A MAC prefix tells who bought a block of numbers: at most `possible` (design, section 5).
MAC_ALONE: Final = 0.70
MAC_GROUP: Final = "mac"
_EPSILON: Final = 1e-9  # 1 - 0.1 * 0.1 must reach 0.99 in binary arithmetic too


def combine(groups: Mapping[str, float], against: float = 0.0) -> float:
    """Return the confidence, 0 to 1, of one maker.

    Args:
        groups: strongest number of each independence group.
        against: strongest number against this maker; it takes that part off everything that is not conclusive.
    """
    doubt = 1.0
    for name in sorted(groups):
        number = groups[name]
        if number < NUMBERS[Strength.CONCLUSIVE]:
            number *= 1.0 - against
        doubt *= 1.0 - number
    confidence = 1.0 - doubt
    if set(groups) == {MAC_GROUP}:
        return min(confidence, MAC_ALONE)
    if max(groups.values(), default=0.0) <= NUMBERS[Strength.WEAK]:
        return min(confidence, WEAK_ALONE)
    return confidence


def verdict(confidence: float, *, independent: int, own_protocol: bool, rival: float = 0.0) -> Verdict:
    """Return a confidence in words.

    Args:
        confidence: of the maker.
        independent: number of groups whose strongest evidence is at least moderate.
        own_protocol: whether the device answered in the maker's own protocol (SADP, DHIP, ISAPI).
        rival: confidence of the next maker; one that is itself probable keeps a device from being confirmed.
    """
    if confidence >= CONFIRMED - _EPSILON and (independent > 1 or own_protocol) and rival < PROBABLE - _EPSILON:
        return Verdict.CONFIRMED
    if confidence >= PROBABLE - _EPSILON:
        return Verdict.PROBABLE
    if confidence >= POSSIBLE - _EPSILON:
        return Verdict.POSSIBLE
    return Verdict.UNIDENTIFIED
