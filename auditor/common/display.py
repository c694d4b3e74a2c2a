"""Makes text that came from a device fit to be shown: no control character, no direction trick, no endless line."""

from __future__ import annotations

import unicodedata

from auditor.common.limits import MAX_DISPLAY

_CUT = " […]"
# Cc control, Cf format (bidi overrides, zero width), Cs surrogate, Co private use, Cn unassigned, Zl and Zp breaks
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, limit: int | None = MAX_DISPLAY) -> str:
    r"""Return device text with everything invisible written as an escape such as `\x1b` or `\u202e`.

    Args:
        text: as decoded from the wire, surrogates allowed.
        limit: characters kept before a mark; None keeps all.

    The result holds no line break and no character that moves a cursor, changes direction or is not valid UTF-8
    (reliability rows 29 to 31). It is not escaped for HTML, CSV or a shell: each sink does its own.
    """
    cut = limit is not None and len(text) > limit
    head = text[:limit]
    if head.isascii():  # most text is: no need to look at each character
        shown = head if head.isprintable() else head.translate(_ASCII)
        return shown + _CUT if cut else shown
    shown = "".join(_escape(char) if unicodedata.category(char) in _HIDDEN else char for char in head)
    return shown + _CUT if cut else shown


def _escape(char: str) -> str:
    code = ord(char)
    if code <= 0xFF:  # noqa: PLR2004
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


_ASCII = {code: _escape(chr(code)) for code in (*range(0x20), 0x7F)}
