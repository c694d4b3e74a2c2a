"""Facts of protocols that are saved as plain text: banners, names, DHCP and mDNS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.observe.message import split
from auditor.observe.text import FactMap, decode, many, one, printable

if TYPE_CHECKING:
    from collections.abc import Callable


def banner(key: str) -> Callable[[bytes, str | None], FactMap]:
    """Return a parser that gives the whole text, control characters taken out, as one fact."""

    def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
        return {key: one(printable(decode(_without_negotiation(raw[:65536]))))}

    return parse


def sip(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `sip.user_agent` from a SIP message (User-Agent, else Server), or from the bare value."""
    message = split(raw)
    if message.headers:
        return {"sip.user_agent": one(message.first("user-agent") or message.first("server"))}
    return {"sip.user_agent": one(printable(decode(raw[:4096])))}


def mdns(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001
    """Return `mdns.service` (lines that hold `._tcp` or `._udp`) and `mdns.txt` (lines of `key=value`)."""
    lines = [line.strip() for line in printable(decode(raw[:65536])).splitlines()]
    services = [line for line in lines if "._tcp" in line or "._udp" in line]
    return {"mdns.service": many(services), "mdns.txt": many([line for line in lines if line not in services])}


def _without_negotiation(raw: bytes) -> bytes:
    """Return a telnet banner without IAC sequences; other banners hold none."""
    out = bytearray()
    position = 0
    while position < len(raw):
        if raw[position] == 0xFF and position + 1 < len(raw) and raw[position + 1] >= 0xFB:  # noqa: PLR2004
            position += 3
            continue
        out.append(raw[position])
        position += 1
    return bytes(out)
