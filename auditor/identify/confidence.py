"""How sure an identity is: the numbers behind the strengths, and how they add up in log-odds.

Evidence of one independence group rests on the same thing (one web server, one realm, one address), so only its
strongest counts. The pages, the login challenge, the icon and the interface of one port come from one HTTP server: one
witness. So do the realm and the other answers of one RTSP server.
Each witness adds one weight of evidence to the log-odds that the maker is the right one; the sum starts at the prior.
Worked example: conclusive web evidence and a moderate MAC prefix give -0.51 + 5.11 + 1.36 = 5.95, which is 0.997.
Where the numbers come from, and what they cannot show: docs/adr/0011-confidence.md.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from auditor.model import Strength, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def log_odds(chance: float) -> float:
    """Return the natural logarithm of the odds of a chance between 0 and 1, both excluded."""
    return math.log(chance / (1.0 - chance))


# The chance that a maker is the right one when all that is known is that some fingerprint of it matched something: 3 to
# 5. It is a decision, not a measurement. It makes two moderate witnesses just probable, and nothing less than that.
PRIOR: Final = 3 / 8
# The one table of what a witness is worth. The value is the chance that the maker is right when this witness alone
# speaks; for `against`, when it alone speaks against. `make bench` holds the first three against published answers.
NUMBERS: Final[Mapping[Strength, float]] = {
    Strength.CONCLUSIVE: 0.99,
    Strength.STRONG: 0.90,
    Strength.MODERATE: 0.70,
    Strength.WEAK: 0.45,
    Strength.AGAINST: 0.01,
}
# The same as weights of evidence, in units of the natural logarithm: 5.11, 2.71, 1.36, 0.31 and -4.08.
WEIGHTS: Final[Mapping[Strength, float]] = {
    strength: log_odds(chance) - log_odds(PRIOR) for strength, chance in NUMBERS.items()
}
# Strongest first.
PLACE: Final[Mapping[Strength, int]] = {strength: place for place, strength in enumerate(Strength)}

CONFIRMED: Final = 0.99
PROBABLE: Final = 0.90
POSSIBLE: Final = 0.50
# Clues that say little alone say little together: they are often copied together (reliability row 89).
WEAK_ALONE: Final = 0.45
# A MAC prefix tells who bought a block of numbers: at most `possible` (design, section 5).
MAC_ALONE: Final = 0.70
# Where something speaks against a maker and nothing conclusive speaks for it, somebody has to look: at most `possible`.
DENIED: Final = 0.70
# No sample supports more than this, and imitation or a second device behind the address is never excluded.
CEILING: Final = 0.999
MAC_GROUP: Final = "mac"
# What one HTTP server says of itself; the first name stands for all of them.
_OF_A_WEB_SERVER: Final = ("web", "realm", "favicon", "api")
_RTSP, _REALM = "rtsp", "realm"
_EPSILON: Final = 1e-9  # a sum of logarithms that should be 0.90 or 0.99 may come out a little below


def witnesses(signs: Iterable[tuple[str, str, int | None]]) -> dict[str, str]:
    """Return for each independence group the group that it is counted with.

    Groups of a web server that were seen on one port are one witness, and so are the realm and the other answers of one
    RTSP server. A realm that both servers sent is the same text twice: it stands for a server that said nothing else.

    Args:
        signs: group, fact key and port of every piece of evidence for one maker; a port that is not known is one port.
    """
    by_http: dict[str, set[int | None]] = {}
    by_rtsp: dict[str, set[int | None]] = {}
    elsewhere: set[str] = set()
    found: dict[str, str] = {}
    for group, key, port in signs:
        found[group] = group
        if key.startswith("http."):
            by_http.setdefault(group, set()).add(port)
        else:
            elsewhere.add(group)
            if key.startswith("rtsp."):
                by_rtsp.setdefault(group, set()).add(port)
    servers: list[tuple[str, set[int | None]]] = []
    for group in _OF_A_WEB_SERVER:
        if group not in by_http or group in elsewhere:
            continue
        same = next(((name, known) for name, known in servers if known & by_http[group]), None)
        if same is None:
            servers.append((group, set(by_http[group])))
        else:
            found[group] = same[0]
            same[1].update(by_http[group])
    if by_rtsp.get(_REALM, set()) & by_rtsp.get(_RTSP, set()):
        pages = by_http.get(_REALM, set())
        if not pages or any(known & pages for _, known in servers):
            found[_REALM] = _RTSP
    return found


def combine(
    groups: Mapping[str, Strength],
    *,
    denied: bool = False,
    prior: float = PRIOR,
    weights: Mapping[Strength, float] = WEIGHTS,
) -> float:
    """Return the confidence, 0 to 1, of one maker; 0 when nothing names it.

    Args:
        groups: strongest strength of each witness, by independence group.
        denied: whether anything speaks against this maker. Its weight takes away what is not conclusive, and never
            turns a conclusive sign round.
        prior: chance before any evidence.
        weights: of evidence; the calibration puts its estimates here.
    """
    if not groups:
        return 0.0
    proven = rest = 0.0
    for name in sorted(groups):  # in one order, so that the sum is the same to the last bit
        if groups[name] is Strength.CONCLUSIVE and name != MAC_GROUP:
            proven += weights[Strength.CONCLUSIVE]
        else:
            rest += weights[groups[name]]
    if denied:
        rest += weights[Strength.AGAINST]
        if proven:
            rest = max(rest, 0.0)
    confidence = 1.0 / (1.0 + math.exp(-(log_odds(prior) + proven + rest)))
    # Twelve digits are the same on every machine, and give back 0.99 for what is worth 0.99.
    return min(round(confidence, 12), _at_most(groups, denied=denied and not proven))


def _at_most(groups: Mapping[str, Strength], *, denied: bool) -> float:
    """Return the bound that the kind of evidence sets, however much of it there is."""
    others = [PLACE[strength] for name, strength in groups.items() if name != MAC_GROUP]
    if (
        min(others, default=PLACE[Strength.WEAK]) >= PLACE[Strength.WEAK]
    ):  # weak clues beside a prefix are often those of the board that carries it
        prefix = groups.get(MAC_GROUP, Strength.WEAK)
        return MAC_ALONE if prefix is not Strength.WEAK else WEAK_ALONE
    return DENIED if denied else 1.0


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
