"""Rates: one bucket for all packets of the audit, one for neighbour requests; callers pay before they send.

Two rules at once. A schedule spreads payments evenly, in the order of asking. And a ledger of the last second, with
what was paid and may leave at any moment (held), never lets a window of one second hold more than the limit: a device
that answers late makes its acknowledgements late, and they must still find room. What the kernel sends unpaid is
charged afterwards, and whoever comes next waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# The schedule uses this share of a limit; the rest covers what nobody can pay for in advance: a late acknowledgement,
# the kernel's confirmation of a neighbour, and the burst below.
SHARE = 0.9
BURST = 0.05  # s of the rate that may go out at once
_WINDOW = 1.0  # s
_LOOK_AGAIN = 0.01  # s until a payer looks again whether held units were released
_SLOWEST = 0.02  # share of its rate that a bucket keeps while the rest is lent


class Bucket:
    """A rate that is paid in units, in the order of asking.

    Attributes:
        rate: units per second at this moment.
        held: units that were paid and may leave at any moment.
    """

    def __init__(self, limit: float) -> None:
        """Take `limit` as the most units that any window of one second may hold."""
        self.rate = limit * SHARE
        self.held = 0.0
        self._full_rate = self.rate
        self._next = 0.0  # monotonic time at which the schedule is free
        self._left: deque[tuple[float, float]] = deque()  # when how many units left, the last second only
        self._in_window = 0.0
        self._waiting = 0.0
        self._turn = asyncio.Lock()

    async def take(self, now: float, held: float = 0.0) -> None:
        """Wait until units may leave.

        Args:
            now: units that leave as soon as this returns.
            held: units that leave some time later; `settle` or `release` must follow for each of them.
        """
        amount = now + held
        self._waiting += amount
        try:
            async with self._turn:
                while (wait := self._wait(amount)) > 0:  # noqa: ASYNC110  (time itself is what is waited for)
                    await asyncio.sleep(wait)
                self._book(amount)
                self.held += held
                self._enter(now)
        finally:
            self._waiting -= amount

    def settle(self, amount: float) -> None:
        """Take note that held units have left."""
        self.held -= amount
        self._enter(amount)

    def release(self, amount: float) -> None:
        """Give back held units that will not leave."""
        self.held -= amount
        self.refund(amount)

    def charge(self, amount: float) -> None:
        """Book units that went out unpaid; later callers wait for them."""
        self._book(amount)
        self._enter(amount)

    def refund(self, amount: float) -> None:
        """Take back units that were paid as leaving at once and did not; the ledger forgets them within a second."""
        self._next -= amount / self.rate

    def delay(self) -> float:
        """Return about how many seconds one who asks now would wait."""
        return max(0.0, self._next - time.monotonic()) + self._waiting / self.rate

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

    def _wait(self, amount: float) -> float:
        """Return 0 when `amount` units fit, else the seconds after which to look again."""
        now = time.monotonic()
        if (early := self._next - now) > 0:
            return early
        while self._left and self._left[0][0] <= now - _WINDOW:
            self._in_window -= self._left.popleft()[1]
        if not self._left or self._in_window + self.held + amount <= self.rate / SHARE:
            return 0.0
        return min(_LOOK_AGAIN, self._left[0][0] + _WINDOW - now)

    def _book(self, amount: float) -> None:
        self._next = max(self._next, time.monotonic() - BURST) + amount / self.rate

    def _enter(self, amount: float) -> None:
        if amount > 0:
            self._left.append((time.monotonic(), amount))
            self._in_window += amount


async def pay(*due: tuple[Bucket, float], held: float = 0.0) -> float:
    """Pay all amounts, wait for the slowest, and return the seconds waited.

    Args:
        due: buckets with the units that leave at once.
        held: units of the first bucket that leave later.
    """
    began = time.monotonic()
    (first, amount), *others = due
    if amount + held > 0:
        await first.take(amount, held)
    try:
        for bucket, units in others:
            if units > 0:
                await bucket.take(units)
    except BaseException:
        first.release(held)
        raise
    return time.monotonic() - began
