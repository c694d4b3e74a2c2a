"""Discovery: which addresses of the scope hold a device. Every permitted IPv4 address gets at least one look."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from auditor.discover.announce import Announced, Announcement, announce
from auditor.discover.base import DiscoverContext, Found, survey
from auditor.discover.registry import METHODS
from auditor.model import LookResult

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Announced", "Announcement", "DiscoverContext", "Found", "announce", "discover_site"]


async def discover_site(ctx: DiscoverContext) -> AsyncGenerator[Found, None]:
    """Look at every permitted address and yield sightings and looks as they come.

    Afterwards `ctx.limits` says in sentences what could not be done here, and `ctx.warnings` what was strange.
    IPv6 prefixes are never swept. Whoever leaves the loop early closes the generator (`contextlib.aclosing`), which
    ends the child processes.

    Raises:
        CannotScan: the kernel does not tell about interfaces and routes.
    """
    for look in await survey(ctx):
        yield look
    for method in METHODS:
        async with aclosing(method(ctx)) as finds:
            async for found in finds:
                yield found
    for target in list(ctx.waiting.values()):
        reason = "excluded-mac" if target.permit.withdrawn else "method not authorised"
        yield ctx.done(target.address, "none", LookResult.NOT_ATTEMPTED, reason)
