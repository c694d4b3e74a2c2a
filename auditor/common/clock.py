"""The only place that reads the clock, so that pure stages can be given the time and tests can set it."""

from __future__ import annotations

import datetime as dt


def now() -> dt.datetime:
    """Return the present time, UTC, timezone-aware."""
    return dt.datetime.now(tz=dt.UTC)  # noqa: TID251  (this is the place)


def stamp(moment: dt.datetime | None = None) -> str:
    """Return a moment (default: now) as ISO 8601 in UTC with milliseconds and `Z`."""
    moment = (moment or now()).astimezone(dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
