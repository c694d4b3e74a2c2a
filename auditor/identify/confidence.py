"""How sure an identity is: the numbers behind the strengths, and how they add up.

Evidence of one independence group rests on the same thing (one web server, one realm, one address), so only its
strongest counts. The pages, the login challenge and the icon of one port come from one HTTP server: one witness.
Witnesses are combined as independent: the chance that all of them are wrong is the product of the single chances.
Worked example: conclusive web evidence and a moderate MAC prefix give 1 - 0.01 * 0.30 = 0.997.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from auditor.model import Strength, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
# What one HTTP server says of itself; the first name stands for all of them.
_OF_A_WEB_SERVER: Final = ("web", "realm", "favicon")
_EPSILON: Final = 1e-9  # 1 - 0.1 * 0.1 must reach 0.99 in binary arithmetic too


def witnesses(signs: Iterable[tuple[str, str, int | None]]) -> dict[str, str]:
    """Return for each independence group the group that it is counted with.

    Groups of a web server that were seen on one port are one witness. A realm that RTSP sent too is a witness of its
    own: it is the same text, but it came from another server.

    Args:
        signs: group, fact key and port of every piece of evidence for one maker; a port that is not known is one port.
    """
    ports: dict[str, set[int | None]] = {}
    elsewhere: set[str] = set()
    for group, key, port in signs:
        seen = ports.setdefault(group, set())
        if key.startswith("http."):
            seen.add(port)
        else:
            elsewhere.add(group)
    found = {group: group for group in ports}
    servers: list[tuple[str, set[int | None]]] = []
    for group in _OF_A_WEB_SERVER:
        if group not in ports or group in elsewhere:
            continue
        same = next(((name, known) for name, known in servers if known & ports[group]), None)
        if same is None:
            servers.append((group, set(ports[group])))
        else:
            found[group] = same[0]
            same[1].update(ports[group])
    return found


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
    if max((value for name, value in groups.items() if name != MAC_GROUP), default=0.0) <= NUMBERS[Strength.WEAK]:
        return min(confidence, MAC_ALONE)  # weak clues beside a prefix are often those of the board that carries it
    return confidence


def verdict(
    confidence: float, *, independent: int, own_protocol: bool, rival: float = 0.0, contested: bool = False
) -> Verdict:
    """Return a confidence in words.

    Args:
        confidence: of the maker.
        independent: number of groups whose strongest evidence is at least moderate.
        own_protocol: whether the device answered in the maker's own protocol (SADP, DHIP, ISAPI).
        rival: confidence of the next maker; one that is itself probable keeps a device from being confirmed.
        contested: whether the evidence of a probable rival is as good: then somebody has to look, at most `possible`.
    """
    if contested:
        return Verdict.POSSIBLE if confidence >= POSSIBLE - _EPSILON else Verdict.UNIDENTIFIED
    if confidence >= CONFIRMED - _EPSILON and (independent > 1 or own_protocol) and rival < PROBABLE - _EPSILON:
        return Verdict.CONFIRMED
    if confidence >= PROBABLE - _EPSILON:
        return Verdict.PROBABLE
    if confidence >= POSSIBLE - _EPSILON:
        return Verdict.POSSIBLE
    return Verdict.UNIDENTIFIED
