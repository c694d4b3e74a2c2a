"""Two RTSP questions, OPTIONS and DESCRIBE, without credentials; no stream is ever set up.

The server line, the list of methods and the realm of a refusal tell most makers apart (facts/fingerprints, sections
1.3 and 2.3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from auditor.common.limits import EXCHANGE_DEADLINE
from auditor.net.http import USER_AGENT, Exchange, converse, failed
from auditor.net.network import DialError

if TYPE_CHECKING:
    from collections.abc import Callable

    from auditor.net.network import Connection, Network
    from auditor.site import Permit

# What goes over the wire, to the byte.
OPTIONS_TEMPLATE = "OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: " + USER_AGENT + "\r\n\r\n"
DESCRIBE_TEMPLATE = (
    "DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: " + USER_AGENT + "\r\nAccept: application/sdp\r\n\r\n"
)

_CLOSES = re.compile(rb"^connection[ \t]*:[ \t]*close", re.IGNORECASE | re.MULTILINE)


async def ask(
    network: Network, permit: Permit, port: int, *, go_on: Callable[[Exchange], bool] | None = None,
    deadline: float = EXCHANGE_DEADLINE,
) -> tuple[Exchange, Exchange | None]:  # fmt: skip
    """Send OPTIONS and then DESCRIBE; return both answers; never raises for what a device does.

    One connection serves both where the device keeps it open, a second one is made where it does not. DESCRIBE is
    left out (None) when OPTIONS brought no RTSP answer.

    Args:
        network: of this audit.
        permit: for the address asked.
        port: TCP port.
        go_on: asked after OPTIONS was answered; False leaves DESCRIBE out.
        deadline: seconds for each connection.

    Raises:
        NotPermitted: no permit, or a port that is never touched.
    """
    options: Exchange | None = None
    try:
        async with network.connect(permit, port, deadline=deadline) as connection:
            options = await converse(network, connection, request(OPTIONS_TEMPLATE, permit.address, port))
            if not _speaks_rtsp(options) or not (go_on is None or go_on(options)):
                return options, None
            if (describe := await _on_same(network, connection, options, permit.address, port)) is not None:
                return options, describe
    except DialError as error:
        if options is None:
            return failed(error), None
    try:
        async with network.connect(permit, port, deadline=deadline) as connection:
            return options, await converse(network, connection, request(DESCRIBE_TEMPLATE, permit.address, port))
    except DialError as error:
        return options, failed(error)


def request(template: str, address: str, port: int) -> bytes:
    """Return the bytes of a request made from one of the templates."""
    host = f"[{address}]" if ":" in address else address
    return template.format(url=f"rtsp://{host}:{port}/").encode("ascii")


def _speaks_rtsp(exchange: Exchange) -> bool:
    return exchange.raw.lstrip(b"\r\n")[:5].upper() == b"RTSP/"


async def _on_same(
    network: Network, connection: Connection, options: Exchange, address: str, port: int
) -> Exchange | None:
    """Return the answer to DESCRIBE on the open connection, or None when the device has closed it."""
    if options.truncated or _CLOSES.search(options.raw):
        return None
    describe = await converse(network, connection, request(DESCRIBE_TEMPLATE, address, port), since=connection.elapsed)
    return None if describe.reason in ("closed", "reset") else describe
