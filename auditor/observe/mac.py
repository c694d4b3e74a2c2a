"""Facts of a link-layer address given as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.observe.text import FactMap

_HEX = re.compile(r"[^0-9A-Fa-f]")
_DIGITS = 12


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `mac` in lower case with colons; anything but six bytes of hexadecimal gives nothing."""
    address = normalise(raw[:64].decode("ascii", "replace"))
    return {"mac": (address,)} if address else {}


def normalise(text: str) -> str | None:
    """Return an address in lower case with colons from any usual spelling, else None."""
    digits = _HEX.sub("", text.strip()).lower()
    if len(digits) != _DIGITS or len(text.strip()) > 2 * _DIGITS:
        return None
    return ":".join(digits[start : start + 2] for start in range(0, _DIGITS, 2))
