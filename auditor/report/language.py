"""Words, numbers and dates as a reader of one language expects them; the only place that makes HTML out of text.

Messages are whole sentences with named placeholders, in the manner of gettext: `_("%(n)s devices", n=...)`. A message
may come from a catalogue and is trusted; a value may come from a device and is not: it loses everything invisible, and
in HTML it is escaped.
"""

from __future__ import annotations

import datetime as dt
import gettext
import re
import unicodedata
import zoneinfo
from typing import Any

from markupsafe import Markup

from auditor.common.clues import N_
from auditor.common.display import visible
from auditor.common.limits import MAX_DISPLAY

MAX_SENTENCE = 4096  # characters of one sentence of our own; device text inside is cut by the stage that quotes it
_MARKS = 4  # a decomposed Vietnamese letter carries two
_LINK = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*)?")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def shown(value: Any, limit: int = MAX_DISPLAY) -> str:
    """Return a value as text without anything invisible, cut at `limit` characters with a mark.

    Raises:
        TypeError: the value is neither text nor a whole number; printing it would be an oversight.
    """
    if isinstance(value, str):
        return unstacked(value if len(value) <= limit and value.isprintable() else visible(value, limit))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"a report shows texts and whole numbers, not {type(value).__name__}")


def unstacked(text: str) -> str:
    r"""Return text in which no letter carries more than four marks; further ones become escapes such as `\u0334`.

    Hundreds of marks on one letter cover the lines around it, and as one letter they cannot be broken: the page would
    grow sideways.
    """
    if text.isascii():
        return text
    marks, kept = 0, []
    for char in text:
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        kept.append(char if marks <= _MARKS else f"\\u{ord(char):04x}")
    return "".join(kept)


class Language:
    """One language of the report.

    Args:
        code: as in the `lang` attribute, e.g. `en`.
        catalogue: its messages; without one the messages stand as they are written, in English.
    """

    def __init__(self, code: str = "en", catalogue: gettext.NullTranslations | None = None) -> None:
        self.code = code
        self._catalogue = catalogue or gettext.NullTranslations()

    def text(self, message: str, /, **values: Any) -> str:
        """Return a message as plain text, its values made visible."""
        return self._catalogue.gettext(message) % {name: shown(value, MAX_SENTENCE) for name, value in values.items()}

    def plural(self, one: str, many: str, n: int, /, **values: Any) -> str:
        """Return the form of a message for `n` things; `%(n)s` in it is the number as people write it."""
        values = {"n": self.number(n)} | values
        return self._catalogue.ngettext(one, many, n) % {
            name: shown(value, MAX_SENTENCE) for name, value in values.items()
        }

    def html(self, message: str, /, **values: Any) -> Markup:
        """Return a message as HTML: the message itself may hold tags, its values are escaped unless they are HTML."""
        return Markup(self._catalogue.gettext(message)) % {name: _fit(value) for name, value in values.items()}  # noqa: S704  (our own message)

    def html_plural(self, one: str, many: str, n: int, /, **values: Any) -> Markup:
        """Return the form of a message for `n` things as HTML."""
        values = {"n": self.number(n)} | values
        return Markup(self._catalogue.ngettext(one, many, n)) % {name: _fit(value) for name, value in values.items()}  # noqa: S704  (our own message)

    def number(self, value: int) -> str:
        """Return a whole number with its thousands set apart."""
        return f"{value:,}"

    def percent(self, share: float) -> str:
        """Return a confidence as a percentage with one decimal; what is not certain never rounds up to 100 %."""
        tenths = round(share * 1000)
        if tenths >= 1000 and share < 1:  # noqa: PLR2004  (a thousand tenths of a percent)
            tenths = 999
        return self.text(N_("%(number)s %%"), number=f"{tenths / 10:.1f}")

    def day(self, day: dt.date) -> str:
        """Return a date with the month's name, e.g. `21 November 2026`."""
        month = self.text(_MONTHS[day.month - 1])
        return self.text(N_("%(day)s %(month)s %(year)s"), day=day.day, month=month, year=day.year)

    def day_and_clock(self, moment: dt.datetime) -> str:
        """Return a date with the time of day."""
        return self.text(N_("%(day)s, %(clock)s"), day=self.day(moment), clock=self.clock(moment))

    def clock(self, moment: dt.datetime, *, seconds: bool = False) -> str:
        """Return the time of day: hours and minutes, and the seconds where they are asked for."""
        return moment.strftime("%H:%M:%S" if seconds else "%H:%M")


def local_time(moment: dt.datetime, timezone: str) -> tuple[dt.datetime, str]:
    """Return a moment in the site's time zone and the zone's name; UTC where the machine does not know the zone."""
    try:
        return moment.astimezone(zoneinfo.ZoneInfo(timezone)), timezone
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # no zone data on a small image, or an odd name
        return moment.astimezone(dt.UTC), "UTC"


def device_text(value: str) -> Markup:
    """Return text of a device as HTML: visible, cut, escaped, and set apart from the direction of text around it."""
    return Markup("<bdi>{}</bdi>").format(shown(value))


def device_words(value: str, limit: int = MAX_DISPLAY) -> Markup:
    """Return text of a device as HTML to be quoted within a sentence of ours."""
    return Markup('<bdi class="said">{}</bdi>').format(shown(value, limit))


def source_link(source: str) -> Markup:
    """Return a source of our own data as HTML: a link where it is one plain http or https address, else text."""
    if _LINK.fullmatch(source):
        return Markup('<a href="{0}" rel="noopener noreferrer">{0}</a>').format(source)
    return Markup("<bdi>{}</bdi>").format(shown(source, MAX_SENTENCE))


def for_output(value: Any) -> Any:
    """Return what a template may print: HTML as it is, text and whole numbers made visible (Jinja escapes them next).

    Raises:
        TypeError: as `shown`; an undefined name is left to Jinja, which refuses it.
    """
    if isinstance(value, Markup) or not isinstance(value, (str, int, float, bool, type(None), list, tuple, dict)):
        return value
    return shown(value, MAX_SENTENCE)


def _fit(value: Any) -> Any:
    return value if isinstance(value, Markup) else shown(value, MAX_SENTENCE)
