"""Facts of an RTSP response."""

from __future__ import annotations

import re

from auditor.observe.message import challenges, split
from auditor.observe.text import FactMap, decode, many, one

_BETWEEN = re.compile(r"[\s,;|]+")


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001  (all parsers share one signature)
    """Return `rtsp.server`, `rtsp.www_authenticate`, `rtsp.public` and, where one came, the description `rtsp.body`."""
    message = split(raw)
    return {
        "rtsp.server": many(message.all("server")),
        "rtsp.www_authenticate": many(challenges(message.all("www-authenticate"))),
        "rtsp.public": methods(message.all("public")),
        "rtsp.body": one(decode(message.body).strip()) if message.body else (),
    }


def methods(values: list[str]) -> tuple[str, ...]:
    """Return the methods of RTSP as one text, in the order sent: upper case, a comma and a blank between them.

    Devices of one maker differ in blanks and commas; the order and the choice of methods are what tells makers apart.
    """
    names = [name for value in values for name in _BETWEEN.split(value.upper()) if name]
    return one(", ".join(names))
