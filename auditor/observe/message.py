"""Splits HTTP-like messages (HTTP, RTSP, SSDP, SIP) whose framing may be broken, cut or missing."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field

from auditor.common.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_RESPONSE
from auditor.observe.text import decode

_STATUS_LINE = re.compile(
    rb"\s*(HTTP|RTSP|SIP|ICY)(?:/(\d{1,2}\.?\d{0,2}))?[ \t]+(\d{3})(?=[ \t]|\r|\n|$)", re.IGNORECASE
)
_REQUEST_LINE = re.compile(rb"\s*(?:NOTIFY|M-SEARCH|REGISTER|INVITE|OPTIONS)[ \t]+\S{1,1024}[ \t]+[A-Z]{3,4}/\d")
# A colon must follow a plain token directly: `table.MotionDetect[0].Enable=true` and `<html>` are bodies.
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,80})[ \t]*:(.*)", re.DOTALL)
_LINE_END = re.compile(rb"\r\n|\n|\r")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was sent.

    Attributes:
        protocol: `HTTP`, `RTSP`, `SIP`, `ICY`, or empty when there was no status line.
        status: the three digits of the status line, or empty.
        headers: name and value in the order and spelling sent; folded lines joined.
        body: the bytes after the header block, transfer and content coding removed; empty where it cannot be undone.
    """

    protocol: str = ""
    status: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=())
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Return the values of every header of that name (compared without case), in the order sent."""
        return [value for key, value in self.headers if key.lower() == name]

    def first(self, name: str) -> str:
        """Return the first value of a header, or an empty text."""
        return next(iter(self.all(name)), "")


def split(raw: bytes) -> Message:
    """Return the parts of a message; whatever cannot be read as a header block is the body."""
    raw = raw[:MAX_RESPONSE]
    status = _STATUS_LINE.match(raw)
    first_line = status or _REQUEST_LINE.match(raw)
    position = 0
    if first_line:
        end = _LINE_END.search(raw, first_line.end())
        position = end.end() if end else len(raw)
    headers, position, found = _headers(raw, position)
    if not (first_line or found):
        return Message(body=raw)
    body = raw[position:]
    if any(name.lower() == "transfer-encoding" and "chunked" in value.lower() for name, value in headers):
        body = _dechunk(body)
    if body and (codings := [value for name, value in headers if name.lower() == "content-encoding"]):
        body = _unpacked(body, ",".join(codings))
    return Message(
        protocol=status.group(1).decode().upper() if status else "",
        status=status.group(3).decode() if status else "",
        headers=tuple(headers), body=body,
    )  # fmt: skip


def _headers(raw: bytes, position: int) -> tuple[list[tuple[str, str]], int, bool]:
    """Return headers, the offset of the body, and whether a header block was there at all."""
    headers: list[tuple[str, str]] = []
    limit = position + MAX_HEADER_BYTES
    first = True
    while position < len(raw) and position < limit:
        end = _LINE_END.search(raw, position)
        line = raw[position : end.start() if end else len(raw)]
        after = end.end() if end else len(raw)
        if not line.strip():
            return headers, after, bool(headers)
        matched = _HEADER.match(line)
        if matched:
            if len(headers) < MAX_HEADERS:
                headers.append((decode(matched.group(1)), decode(matched.group(2)).strip()))
        elif headers and line[:1] in b" \t":
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {decode(line).strip()}")
        elif line.lstrip()[:1] in (b"<", b"{", b"\xef"):
            return headers, position, bool(headers)  # the blank line is missing: the body starts here
        elif first:
            return [], position, False
        first = False
        position = after
    return headers, position, bool(headers)


def _dechunk(body: bytes) -> bytes:
    """Return a chunked body joined; from the first broken chunk on, the rest is kept as it is."""
    parts: list[bytes] = []
    position = 0
    while position < len(body):
        size = _CHUNK_SIZE.match(body, position)
        if not size:
            parts.append(body[position:])
            break
        length = int(size.group(1), 16)
        if length == 0:
            break
        parts.append(body[size.end() : size.end() + length])
        position = size.end() + length
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
    return b"".join(parts)


_GZIP = b"\x1f\x8b"
_DEFLATE = 8
# What text does not hold. Tools that unpack a body often leave the header as it was.
_NOT_TEXT = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_PEEK = 512


def _unpacked(body: bytes, codings: str) -> bytes:
    """Return a compressed body unpacked, at most MAX_RESPONSE bytes: of one that is cut, what came.

    Nothing comes of a damaged body and of a coding that is not read here. A body that is text already stays.
    """
    names = [name for part in codings.lower().split(",") if (name := part.strip()) not in {"", "identity"}]
    if not names:
        return body
    name = names[0] if len(names) == 1 else ""
    packed = _as_sent(body)
    if name in {"gzip", "x-gzip"} and packed.startswith(_GZIP):
        container = 31
    elif name == "deflate" and packed[0] & 15 == _DEFLATE and int.from_bytes(packed[:2], "big") % 31 == 0:
        container = 15
    elif _is_text(body[:_PEEK]):
        return body
    elif name == "deflate":  # without a container, as old servers send it under the same name
        container = -15
    else:
        return b""
    try:
        return zlib.decompressobj(container).decompress(packed, MAX_RESPONSE)
    except zlib.error:
        return b""  # damaged: the headers stand


def _is_text(start: bytes) -> bool:
    return _NOT_TEXT.search(start) is None and sum(byte >= 0x80 for byte in start) * 2 <= len(start)  # noqa: PLR2004


def _as_sent(body: bytes) -> bytes:
    """Return gzip bytes that a tool saved as text, one character for each byte, as they were."""
    if body.startswith(_GZIP.decode("latin-1").encode("utf-8")):
        try:
            return body.decode("utf-8", "ignore").encode("latin-1")
        except UnicodeEncodeError:
            return body  # some other text: the caller finds that it is damaged
    return body


_CHALLENGE_START = re.compile(r"(?:^|,)\s*(?=(?:Basic|Digest|Bearer|Negotiate|NTLM)(?:\s|$|,))", re.IGNORECASE)


def challenges(values: list[str]) -> list[str]:
    """Return the challenges of WWW-Authenticate headers one by one; several may share a header line.

    A comma inside a quoted value does not separate.
    """
    found: list[str] = []
    for value in values:
        masked = re.sub(r'"[^"]*"', lambda quoted: '"' + "_" * (len(quoted.group()) - 2) + '"', value)
        starts = [match.end() for match in _CHALLENGE_START.finditer(masked)]
        if not starts or starts[0] != 0:
            starts.insert(0, 0)
        for start, end in zip(starts, [*starts[1:], len(value)], strict=True):
            part = value[start:end].strip().rstrip(",").strip()
            if part:
                found.append(part)
    return found
