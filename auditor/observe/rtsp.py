"""Facts of an RTSP response."""

from __future__ import annotations

from auditor.observe.message import challenges, split
from auditor.observe.text import FactMap, decode, many, one


def parse(raw: bytes, request: str | None) -> FactMap:  # noqa: ARG001  (all parsers share one signature)
    """Return `rtsp.server`, `rtsp.www_authenticate`, `rtsp.public` and, where one came, the description `rtsp.body`."""
    message = split(raw)
    return {
        "rtsp.server": many(message.all("server")),
        "rtsp.www_authenticate": many(challenges(message.all("www-authenticate"))),
        "rtsp.public": one(", ".join(message.all("public"))),
        "rtsp.body": one(decode(message.body).strip()) if message.body else (),
    }
