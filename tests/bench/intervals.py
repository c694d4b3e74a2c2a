"""Intervals for proportions, with the standard library alone."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Z = 1.959963984540054  # two-sided 95 % of the normal distribution
_STEPS = 60  # halvings of 0..1: exact to the last digit of a float


def wilson(right: int, total: int, z: float = Z) -> tuple[float, float]:
    """Return the Wilson score interval of right/total, 95 % by default; the whole of 0..1 when total is 0."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    middle = share + z * z / (2 * total)
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def clopper_pearson(right: int, total: int, miss: float = 0.05) -> tuple[float, float]:
    """Return the exact interval of right/total that misses the truth at most `miss` of the time, half on each side.

    The lower end is the share at which `right` or more would come up with a chance of miss/2, the upper end the share
    at which `right` or fewer would.
    """
    low = 0.0 if right == 0 else _share_at(lambda share: _at_least(right, total, share) < miss / 2)
    high = 1.0 if right == total else _share_at(lambda share: 1 - _at_least(right + 1, total, share) >= miss / 2)
    return low, high


def _at_least(right: int, total: int, share: float) -> float:
    """Return the chance of `right` or more in `total` trials."""
    return sum(math.comb(total, hits) * share**hits * (1 - share) ** (total - hits) for hits in range(right, total + 1))


def _share_at(below: Callable[[float], bool]) -> float:
    """Return the share between 0 and 1 where `below` turns from true to false."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def by_cluster(clusters: Sequence[tuple[int, int]], rounds: int = 2000, seed: int = 11) -> tuple[float, float]:
    """Return the 95 % percentile interval of the share when whole clusters are drawn again.

    Args:
        clusters: right and total of each cluster (a publisher's answers are not independent of each other).
        rounds: number of draws.
        seed: of the draws, so that the table is the same each time.

    With no wrong answer anywhere the interval is one point and says nothing: look at the number of clusters.
    """
    known = [cluster for cluster in clusters if cluster[1]]
    if not known:
        return 0.0, 1.0
    draw = random.Random(seed)
    shares = []
    for _ in range(rounds):
        drawn = draw.choices(known, k=len(known))
        shares.append(sum(right for right, _ in drawn) / sum(total for _, total in drawn))
    shares.sort()
    return shares[int(0.025 * rounds)], shares[min(rounds - 1, int(0.975 * rounds))]
