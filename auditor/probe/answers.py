"""What the safety rules and the choice of the next question need to know of a raw answer; nothing is identified here.

Every function takes any bytes and never raises.
"""

from __future__ import annotations

import re

_STATUS = re.compile(rb"\A[\r\n]*(?:HTTP|RTSP)/?\S*[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_ATTEMPTS = re.compile(
    rb"(?:have|remaining|left)\W{0,3}(\d{1,4})\s*(?:more\s+|login\s+|logon\s+){0,2}attempt"
    rb"|(\d{1,4})\s*(?:more\s+|login\s+|logon\s+){0,2}attempts?(?:\(s\))?\s*(?:left|remain)",
    re.IGNORECASE,
)
_BUSY = re.compile(
    rb"too many|busy|max(?:imum)?\W{0,3}(?:number of\s+)?(?:\w+\s+)?(?:connection|session|user|login|logon)"
    rb"|(?:connection|session|user|login|logon)s?\s+(?:limit|are full|is full|exceed|reached)|<lockStatus>\s*lock\s*<",
    re.IGNORECASE,
)
_NOT_AUTHORISED = re.compile(rb"[:>]NotAuthorized\b|sender not authorized", re.IGNORECASE)
_FAULT = re.compile(rb"<(?:[\w.-]+:)?Fault[\s>/]")
_ENVELOPE = re.compile(rb"<(?:[\w.-]+:)?Envelope[\s>]")
_SECURE = re.compile(r"https://", re.IGNORECASE)
_UNAUTHORISED = 401


def status_code(raw: bytes) -> int | None:
    """Return the status code of an HTTP or RTSP answer, or None when it is neither."""
    matched = _STATUS.match(raw)
    return int(matched.group(1)) if matched else None


def speaks_http(raw: bytes) -> bool:
    """Return whether an answer begins as HTTP does."""
    return raw.lstrip(b"\r\n")[:5].upper() == b"HTTP/"


def header(raw: bytes, name: str) -> str:
    """Return the values of a header joined by commas, as Latin-1; empty when absent."""
    lines = _HEAD_END.split(raw, maxsplit=1)[0].split(b"\n")[1:]
    wanted = name.lower().encode("ascii")
    found = (
        value.strip() for key, _, value in (line.partition(b":") for line in lines) if key.strip().lower() == wanted
    )
    return b", ".join(found).decode("latin-1")


def body(raw: bytes) -> bytes:
    """Return what follows the first empty line, transfer coding included; all of it when there is none."""
    parts = _HEAD_END.split(raw, maxsplit=1)
    return parts[1] if len(parts) > 1 else raw


def is_refusal(raw: bytes) -> bool:
    """Return whether an answer asks for a login: status 401, or an ONVIF fault that says so."""
    return status_code(raw) == _UNAUTHORISED or (is_fault(raw) and _NOT_AUTHORISED.search(raw) is not None)


def is_fault(raw: bytes) -> bool:
    """Return whether an answer holds a SOAP fault."""
    return _FAULT.search(raw) is not None


def is_envelope(raw: bytes) -> bool:
    """Return whether an answer holds a SOAP envelope."""
    return _ENVELOPE.search(raw) is not None


def is_busy(raw: bytes) -> bool:
    """Return whether a refusal says that the device is locked or has no session left."""
    return is_refusal(raw) and _BUSY.search(body(raw)) is not None


def attempts_left(raw: bytes) -> int | None:
    """Return the number of login attempts that a refusal or fault says are left, or None.

    Pages that carry such a text for later use are not refusals and do not count.
    """
    if not (is_refusal(raw) or is_fault(raw)):
        return None
    matched = _ATTEMPTS.search(body(raw))
    return int(matched.group(1) or matched.group(2)) if matched else None


def moves_to_tls(raw: bytes) -> bool:
    """Return whether an answer only sends the browser to an https address."""
    code = status_code(raw) or 0
    return code // 100 == 3 and _SECURE.match(header(raw, "location")) is not None  # noqa: PLR2004
