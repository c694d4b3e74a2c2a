"""Turns bytes of a device into text and cuts what is too long; shared by all parsers."""

from __future__ import annotations

import html
import re

# A fact is for matching and for showing. Rules see the first 4 KiB (`auditor.common.limits.MAX_MATCH_INPUT`); four
# times that leaves room for other readers of the file, and keeps a line far below MAX_OBSERVATION_LINE.
MAX_FACT = 16_384
# Values of one list-valued fact: the largest honest list is ONVIF scopes (MAX_SCOPES) or header names (MAX_HEADERS).
MAX_VALUES = 128
# Distinct facts of one response; the largest honest answer (SADP, DHIP) has under 80 fields.
MAX_FACTS = 256

FactMap = dict[str, tuple[str, ...]]

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
# Decoders that may read device bytes. UTF-7 hides mark-up and punycode-like codecs are slow: reliability row 36.
_ALLOWED = re.compile(
    r"(?:utf-?8|utf-?16(?:-?[lb]e)?|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|windows-?125\d|cp125\d|gb2312|gbk|gb18030"
    r"|big5|shift[_-]?jis|euc-?jp|euc-?kr|koi8-[ru])",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


def decode(raw: bytes, charset: str | None = None) -> str:
    """Return bytes as text, never raising: a byte-order mark wins, then `charset`, then UTF-8, then Latin-1.

    Args:
        raw: bytes as received.
        charset: the name that the device itself gives, if any; unknown and dangerous ones are ignored.
    """
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, "replace")
    if charset and _ALLOWED.fullmatch(charset):
        try:
            return raw.decode(charset)
        except (UnicodeDecodeError, LookupError):
            return _utf8_or_latin(raw)
    return _utf8_or_latin(raw)


def declared_charset(content_type: str, document: bytes) -> str | None:
    """Return the charset named by a Content-Type value or, failing that, in the first KiB of an HTML document."""
    found = _CHARSET.search(content_type.encode("utf-8", "replace")) or _CHARSET.search(document[:1024])
    return found.group(1).decode("ascii") if found else None


def tidy(text: str) -> str:
    """Return text with HTML entities decoded, white space collapsed and cut at MAX_FACT."""
    return _SPACE.sub(" ", html.unescape(text[:MAX_FACT])).strip()


def one(value: str) -> tuple[str, ...]:
    """Return a fact of one value, cut at MAX_FACT; nothing when it is empty."""
    return (value[:MAX_FACT],) if value else ()


def many(values: list[str]) -> tuple[str, ...]:
    """Return a fact of several values, each cut, at most MAX_VALUES, empty ones left out."""
    return tuple(value[:MAX_FACT] for value in values if value)[:MAX_VALUES]


def printable(text: str) -> str:
    """Return a banner without telnet negotiation, control characters and outer white space, lines kept."""
    return "".join(char for char in text if char in "\r\n\t" or char.isprintable()).strip()


def _utf8_or_latin(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        # A cut in the middle of a character is common (size limits); anything else is not UTF-8 at all.
        if error.start >= len(raw) - 3:
            return raw[: error.start].decode("utf-8")
        return raw.decode("latin-1")
