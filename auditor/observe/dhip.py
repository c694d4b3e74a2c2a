"""Facts of a DHIP answer (UDP 37810, TCP 5000): a 32-byte header and JSON, or the JSON alone."""

from __future__ import annotations

import json
import re
from typing import Any

from auditor.observe.text import MAX_FACTS, FactMap, one

_MAGIC = b"DHIP"
_HEADER = 32
_PAIR = re.compile(r'"([A-Za-z0-9_]{1,60})"\s{0,8}:\s{0,8}(?:"([^"\\\\]{0,500})"|(-?\d{1,20}|true|false))')
_MAX_DEPTH = 6  # deviceInfo nests two levels


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `dhip.<Field>` of `params.deviceInfo` (nested names joined with dots), `dhip.mac` and `dhip.method`.

    An answer without device information (a login challenge) gives the plain fields of `params` instead.
    """
    body = raw[_HEADER:] if raw[4:8] == _MAGIC else raw
    document = _json(body)
    if not isinstance(document, dict):
        return _harvest(body) if raw[4:8] == _MAGIC else {}
    facts: FactMap = {}
    for name in ("mac", "method"):
        if isinstance(document.get(name), str):
            facts[f"dhip.{name}"] = one(document[name])
    parameters = document.get("params")
    if isinstance(parameters, dict):
        information = parameters.get("deviceInfo")
        _flatten(information if isinstance(information, dict) else parameters, "dhip", facts, 0)
    return facts


def _json(body: bytes) -> Any:
    start = body.find(b"{")
    end = body.rfind(b"}")
    if start < 0 or end < start:
        return None
    try:
        return json.loads(body[start : end + 1].decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None  # not JSON after all: no facts


def _harvest(body: bytes) -> FactMap:
    """Return the readable pairs of a damaged document; the header in front has shown what it is meant to be."""
    facts: FactMap = {}
    for found in _PAIR.finditer(body[:65536].decode("utf-8", "replace")):
        if len(facts) < MAX_FACTS:
            facts.setdefault(f"dhip.{found[1]}", one(found[2] or found[3] or ""))
    return {key: value for key, value in facts.items() if value}


def _flatten(value: dict[str, Any], path: str, facts: FactMap, depth: int) -> None:
    for name, item in value.items():
        key = f"{path}.{name}"
        if len(facts) >= MAX_FACTS or len(key) > 200:  # noqa: PLR2004
            return
        if isinstance(item, dict):
            if depth < _MAX_DEPTH:
                _flatten(item, key, facts, depth + 1)
        elif isinstance(item, str | int | float) and not isinstance(item, bool):
            facts.setdefault(key, one(str(item)))
        elif isinstance(item, bool):
            facts.setdefault(key, one("true" if item else "false"))
