"""Reads names and values out of text that is no longer in the form of its protocol: JSON, cut JSON, or lines."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from auditor.observe.text import MAX_FACTS, decode

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_TEXT = 65_536  # bytes that are looked at; the largest published discovery answer is under 4 KiB
_MAX_NAME = 200
_MAX_DEPTH = 6  # deviceInfo of DHIP nests two levels
_PAIR = re.compile(r'"([A-Za-z0-9_]{1,60})"\s{0,8}:\s{0,8}(?:"([^"\\\\]{0,500})"|(-?\d{1,20}|true|false))')
_LINE = re.compile(r"\s{0,40}([A-Za-z][\w.\[\]-]{0,120})\s{0,8}[:=]\s{0,8}(\S.{0,2000}?)\s{0,40}")


def document(raw: bytes) -> Any:
    """Return what stands from the first to the last brace, read as JSON; None when it is not JSON."""
    start, end = raw.find(b"{"), raw.rfind(b"}")
    if start < 0 or end < start:
        return None
    try:
        return json.loads(raw[start : end + 1].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None  # the caller tries another reading


def pairs(raw: bytes) -> dict[str, str]:
    """Return the names and values that can be read in broken JSON, at most MAX_FACTS, the first of each name."""
    found: dict[str, str] = {}
    for match in _PAIR.finditer(raw[:_MAX_TEXT].decode("utf-8", "replace")):
        if len(found) >= MAX_FACTS:
            break
        if value := match[2] or match[3]:
            found.setdefault(match[1], value)
    return found


def lines(raw: bytes) -> dict[str, str]:
    """Return the names and values of lines `name=value` and `Name: value`, quotation marks taken away."""
    found: dict[str, str] = {}
    for line in decode(raw[:_MAX_TEXT]).splitlines():
        match = _LINE.fullmatch(line)
        if match is not None and len(found) < MAX_FACTS and (value := match[2].strip("\"'")):
            found.setdefault(match[1], value)
    return found


def flat(value: dict[str, Any], path: str = "", depth: int = 0) -> Iterable[tuple[str, str]]:
    """Yield every text, number and truth value of a JSON object; nested names are joined with dots."""
    for name, given in value.items():
        item = given[0] if isinstance(given, list) and len(given) == 1 else given  # as converters of XML write a text
        key = f"{path}.{name}" if path else name
        if len(key) > _MAX_NAME:
            continue
        if isinstance(item, dict):
            if depth < _MAX_DEPTH:
                yield from flat(item, key, depth + 1)
        elif isinstance(item, bool):
            yield key, "true" if item else "false"
        elif isinstance(item, str | int | float):
            yield key, _valid(str(item)).strip()


def renamed(found: Iterable[tuple[str, str]], known: dict[str, str]) -> dict[str, str]:
    """Return names as the protocol spells them, or nothing where it knows none of them: then this is something else.

    Args:
        found: names and values.
        known: the protocol's names by their lower-case form without underscores.
    """
    facts: dict[str, str] = {}
    ours = False
    for name, value in found:
        spelled = known.get(name.lower().replace("_", ""))
        ours = ours or spelled is not None
        if value and len(facts) < MAX_FACTS:
            facts.setdefault(spelled or name, value)
    return facts if ours else {}


def _valid(text: str) -> str:
    """Return text without half surrogate pairs, which an escape in JSON can make and UTF-8 cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
