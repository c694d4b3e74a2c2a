"""Facts of an SSDP answer or announcement (UDP 1900)."""

from __future__ import annotations

from auditor.observe.message import split
from auditor.observe.text import FactMap, one


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `ssdp.server`, `ssdp.usn` and `ssdp.location`."""
    message = split(raw)
    return {f"ssdp.{name}": one(message.first(name)) for name in ("server", "usn", "location")}
