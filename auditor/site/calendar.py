"""When an audit is allowed: the days of the authorisation and the hours of the windows, by the wall clock of the site.

Comparing wall-clock times makes summer time come out right by itself: 22:00 is 22:00 in January and in July.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass

from auditor.site.addresses import Problem

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES_OF_A_DAY = 24 * 60


def read_timezone(name: str) -> dt.tzinfo:
    """Return the time zone of an IANA name.

    Raises:
        Problem: no such zone, or this machine has no time zone data. UTC always works.
    """
    if name == "UTC":
        return dt.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        if not zoneinfo.available_timezones():
            raise Problem(
                f"`{name}` cannot be looked up: this machine has no time zone data", "install tzdata, or write UTC"
            ) from error
        raise Problem(f"`{name}` is not a time zone", "write an IANA name, such as Europe/London or UTC") from error


@dataclass(frozen=True, slots=True)
class Window:
    """Hours in which the audit may run.

    Attributes:
        days: names of `DAYS` on which the window opens.
        opens, closes: minutes after midnight, `closes` excluded; up to 1440. A window whose `closes` is not after its
            `opens` runs over midnight and belongs to the day on which it opens.
    """

    days: tuple[str, ...]
    opens: int
    closes: int

    def holds(self, local: dt.datetime) -> bool:
        """Return whether a moment, in the site's time zone, lies inside."""
        minute = local.hour * 60 + local.minute
        today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
        if self.opens < self.closes:
            return today in self.days and self.opens <= minute < self.closes
        return (today in self.days and minute >= self.opens) or (yesterday in self.days and minute < self.closes)

    def __str__(self) -> str:
        days = "every day" if set(self.days) == set(DAYS) else ", ".join(self.days)
        return f"{days} {_clock(self.opens)}-{_clock(self.closes)}"


def read_clock(text: str) -> int:
    """Return the minutes after midnight of `HH:MM`, `24:00` included.

    Raises:
        Problem: not a time of day.
    """
    hours, colon, minutes = text.partition(":")
    plain = bool(colon) and hours.isascii() and minutes.isascii() and hours.isdecimal() and minutes.isdecimal()
    if plain and len(hours) <= 2 and len(minutes) == 2 and int(minutes) <= 59:  # noqa: PLR2004  (a clock)
        total = int(hours) * 60 + int(minutes)
        if total <= _MINUTES_OF_A_DAY:
            return total
    raise Problem(f"`{text}` is not a time of day", 'write hours and minutes, from "00:00" to "24:00"')


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
