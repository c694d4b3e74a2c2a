"""Facts of a DHIP answer (UDP 37810, TCP 5000): a 32-byte header and JSON, the JSON alone, or lines of its fields."""

from __future__ import annotations

import re
from typing import Any

from auditor.observe import fields
from auditor.observe.text import MAX_FACTS, FactMap, one

_MAGIC = b"DHIP"
_HEADER = 32
_METHOD = b"client.notifyDevInfo"
_WRAPPED = re.compile(r"^(?:params\.)?(?:deviceInfo\.)?", re.IGNORECASE)
# Names that only device information has; a text without any of them is something else.
_KNOWN = {
    name.lower(): name
    for name in (
        "mac", "method", "DeviceType", "DeviceClass", "DetailType", "SerialNo", "Vendor", "Version", "MachineName",
        "Manufacturer", "HttpPort", "realm", "encryption",
    )
}  # fmt: skip


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `dhip.<Field>` of `params.deviceInfo` (nested names joined with dots), `dhip.mac` and `dhip.method`.

    An answer without device information (a login challenge) gives the plain fields of `params` instead. Of a damaged
    or cut document, and of lines `Field=value` or `Field: value`, what can be read is taken.
    """
    framed = raw[4:8] == _MAGIC
    body = raw[_HEADER:] if framed else raw
    document = fields.document(body)
    if not isinstance(document, dict):
        return _harvest(body, framed=framed)
    facts: FactMap = {}
    _flatten({name: document[name] for name in ("mac", "method") if isinstance(document.get(name), str)}, facts)
    parameters = document.get("params")
    if isinstance(parameters, dict):
        information = parameters.get("deviceInfo")
        _flatten(information if isinstance(information, dict) else parameters, facts)
    elif not facts or "method" not in document:  # the information alone, taken out of its message
        information = document.get("deviceInfo")
        _flatten(information if isinstance(information, dict) else document, facts)
        facts = facts if any(key[len("dhip.") :] in _KNOWN.values() for key in facts) else {}
    return facts


def _harvest(body: bytes, *, framed: bool) -> FactMap:
    """Return the readable fields of what is no JSON; the header in front or the method shows what a cut one was."""
    if framed or (_METHOD in body[:65536] and b"{" in body[:16]):
        found = fields.pairs(body)
    elif b"{" in body[:16]:
        found = fields.renamed(fields.pairs(body).items(), _KNOWN)
    else:
        named = [(_WRAPPED.sub("", name), value) for name, value in fields.lines(body).items()]
        found = fields.renamed(named, _KNOWN)
    return {f"dhip.{name}": one(value) for name, value in found.items()}


def _flatten(value: dict[str, Any], facts: FactMap) -> None:
    for name, text in fields.flat(value):
        if len(facts) >= MAX_FACTS:
            return
        facts.setdefault(f"dhip.{name}", one(text))
