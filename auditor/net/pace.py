"""Rates: one bucket for all packets of the audit, one for neighbour requests; callers pay before they send.

The bucket is a virtual schedule: a payment books the next free moment and sleeps until it comes, so that callers are
served in the order in which they asked. What the kernel sends on its own (acknowledgements, retransmissions) is
charged afterwards, and whoever comes next waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Our own payments use this share of a limit. The rest covers what nobody can pay for in advance: a late
# acknowledgement, the kernel's confirmation of a neighbour, and the burst below. Any window of one second then stays
# under the limit itself, not only under its average.
SHARE = 0.9
BURST = 0.05  # s of the rate that may go out at once
_SLOWEST = 0.02  # share of its rate that a bucket keeps while the rest is lent


class Bucket:
    """A rate that is paid in units, in the order of asking.

    Attributes:
        rate: units per second at this moment.
    """

    def __init__(self, limit: float) -> None:
        """Take `limit` as the most units that any window of one second may hold."""
        self.rate = limit * SHARE
        self._full_rate = self.rate
        self._booked = 0.0  # monotonic time up to which the rate is spoken for

    def book(self, amount: float) -> float:
        """Book `amount` units now and return the seconds to wait before they may be sent."""
        now = time.monotonic()
        start = max(self._booked, now - BURST)
        self._booked = start + amount / self.rate
        return max(0.0, start - now)

    def charge(self, amount: float) -> None:
        """Book units that went out already; later callers wait for them."""
        self.book(amount)

    def refund(self, amount: float) -> None:
        """Give back units that were paid for and not used."""
        self._booked -= amount / self.rate

    @contextlib.contextmanager
    def lend(self, rate: float) -> Iterator[None]:
        """Leave `rate` units per second to a child process that paces itself, for the length of the block."""
        before = self.rate
        self.rate = max(self._full_rate * _SLOWEST, self.rate - rate)
        taken = before - self.rate
        try:
            yield
        finally:
            self.rate += taken


async def pay(*due: tuple[Bucket, float]) -> float:
    """Book all amounts at once, wait for the slowest, and return the seconds waited."""
    wait = max((bucket.book(amount) for bucket, amount in due if amount > 0), default=0.0)
    if wait > 0:
        await asyncio.sleep(wait)
    return wait
