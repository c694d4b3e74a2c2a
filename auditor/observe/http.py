"""Facts of an HTTP response, however badly it is framed."""

from __future__ import annotations

import base64
import hashlib
import re

import mmh3

from auditor.observe.message import Message, challenges, split
from auditor.observe.text import MAX_FACT, FactMap, declared_charset, decode, many, one, tidy

_TITLE = re.compile(r"<title(?:\s[^<>]{0,200})?>(.{0,2000}?)</title", re.IGNORECASE | re.DOTALL)
_ICON_REQUEST = re.compile(r"^(?:GET\s+)?\S*(?:favicon|\.ico(?:\?|$)|\.ico\s)", re.IGNORECASE)
_ICON_MAGIC = (b"\x00\x00\x01\x00", b"\x00\x00\x02\x00", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"BM", b"<svg", b"RIFF")
_OK = "200"
_SHODAN_LINE = 76  # Shodan hashes base64 with a line end after every 76 characters and one at the end


def parse(raw: bytes, request: str | None) -> FactMap:
    """Return `http.*` facts.

    Args:
        raw: response; a bare header block, or a body alone, is read as such.
        request: `GET /path`; a request for an icon yields hashes when an icon came back.
    """
    return facts_of(split(raw), request)


def facts_of(message: Message, request: str | None) -> FactMap:
    """Return `http.*` facts of a message that is already split."""
    facts: FactMap = {"http.status": one(message.status)}
    facts["http.header_names"] = many([name for name, _ in message.headers])
    for name in dict.fromkeys(name.lower() for name, _ in message.headers):
        if name not in {"server", "www-authenticate"}:
            facts[f"http.header.{name}"] = many(message.all(name))
    facts["http.server"] = many(message.all("server"))
    facts["http.www_authenticate"] = many(challenges(message.all("www-authenticate")))
    if message.body:
        if request and _ICON_REQUEST.match(request) and _is_icon(message):
            facts["http.favicon.mmh3"] = (favicon_mmh3(message.body),)
            facts["http.favicon.md5"] = (hashlib.md5(message.body, usedforsecurity=False).hexdigest(),)
        elif not _is_binary(message.body):
            body = decode(message.body, declared_charset(message.first("content-type"), message.body))
            # decode() drops the byte-order mark; that a page starts with one is a trait of some firmware.
            facts["http.body"] = one("\ufeff" + body if message.body.startswith(b"\xef\xbb\xbf") else body)
            if title := _TITLE.search(body[: 4 * MAX_FACT]):
                facts["http.title"] = one(tidy(title.group(1)))
    return facts


def favicon_mmh3(icon: bytes) -> str:
    """Return the Shodan-style hash of an icon: signed 32-bit MurmurHash3 of its base64 in lines of 76 characters."""
    text = base64.b64encode(icon)
    lines = b"".join(text[start : start + _SHODAN_LINE] + b"\n" for start in range(0, len(text), _SHODAN_LINE))
    return str(mmh3.hash(lines))


def _is_icon(message: Message) -> bool:
    if message.status not in {"", _OK}:
        return False
    body = message.body.lstrip()[:8]
    return message.body.startswith(_ICON_MAGIC) or body.startswith(_ICON_MAGIC)


def _is_binary(body: bytes) -> bool:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    return b"\0" in body[:512]
