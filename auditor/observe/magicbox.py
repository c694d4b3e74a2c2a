"""Facts of an answer of `magicBox.cgi`: `key=value` lines; HTTP framing optional."""

from __future__ import annotations

import re

from auditor.observe import http
from auditor.observe.message import split
from auditor.observe.text import MAX_FACTS, FactMap, decode, one

_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_.\[\]]{0,80})\s*=\s*(.*)")


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `magicbox.<field>`; a refusal gives the HTTP facts of its challenge."""
    message = split(raw)
    facts: FactMap = {}
    if message.status:
        framing = http.facts_of(message, None)
        facts |= {key: value for key, value in framing.items() if key != "http.body"}
    for line in decode(message.body[:65536]).splitlines():
        found = _LINE.fullmatch(line)
        if found and len(facts) < MAX_FACTS:
            facts.setdefault(f"magicbox.{found.group(1)}", one(found.group(2).strip()))
    return facts
