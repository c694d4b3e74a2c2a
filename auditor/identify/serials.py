"""Serial numbers: the day of manufacture and the channels, where the maker's form gives them."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, NamedTuple

from auditor.common.limits import MAX_DISPLAY
from auditor.identify.models import number_of_channels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from auditor.identify.schema import SerialForm


class SerialFacts(NamedTuple):
    """What a serial number says.

    Attributes:
        manufactured: day of manufacture, ISO 8601.
        channels: number of channels.
    """

    manufactured: str | None = None
    channels: int | None = None


class Serials:
    """Forms of serial numbers by maker; the first that fits is read."""

    def __init__(self, forms: Iterable[SerialForm], newest: str) -> None:
        """Keep the forms.

        Args:
            forms: lines of models.yaml, in order.
            newest: ISO day of the data. There is no clock here; a device that the data can describe was not made
                later, so a later day is read as no day.
        """
        self._newest = dt.date.fromisoformat(newest)
        self._by_maker: dict[str, list[re.Pattern[str]]] = {}
        for form in forms:
            self._by_maker.setdefault(form.maker, []).append(re.compile(form.regex, re.IGNORECASE))

    def read(self, maker: str, serial: str, model: str | None = None) -> SerialFacts:
        """Return what a maker's serial number says; empty where no form fits.

        Args:
            maker: who made the device.
            serial: as the device gave it.
            model: its model name. Some forms begin with it, and digits that end the model look like a number of
                channels: they are one only where the model in front is known or absent.
        """
        text = serial.strip()[:MAX_DISPLAY]
        rest = text[len(model) :] if model and text[: len(model)].casefold() == model.casefold() else text
        for pattern in self._by_maker.get(maker, ()):
            found = pattern.fullmatch(rest)
            if found is not None:
                groups = found.groupdict()
                channels = None if groups.get("model") else number_of_channels(groups.get("channels"))
                return SerialFacts(self._day(groups.get("date")), channels)
        return SerialFacts()

    def fits(self, maker: str, serial: str) -> bool:
        """Say whether a serial number has one of a maker's forms."""
        text = serial.strip()[:MAX_DISPLAY]
        return any(pattern.fullmatch(text) for pattern in self._by_maker.get(maker, ()))

    def _day(self, digits: str | None) -> str | None:
        if digits is None:
            return None
        try:
            day = dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        except ValueError:
            return None  # eight digits that are no day, such as 20200231: the serial number gives none
        return day.isoformat() if day <= self._newest else None
