"""The discovery methods in the order in which they run; each takes from the waiting addresses what it can look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.discover import arp, connect, sweep, wsd

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from auditor.discover.base import DiscoverContext, Found

# ARP sees most and is cheapest, so it goes first; the connect sweep takes what is left; WS-Discovery asks the living.
METHODS: tuple[Callable[[DiscoverContext], AsyncGenerator[Found, None]], ...] = (
    arp.run,
    sweep.run,
    connect.run,
    wsd.run,
)
