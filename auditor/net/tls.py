"""Reads the certificate of a TLS server that the system's library no longer speaks to.

Up to TLS 1.2 a server sends its certificate in clear right after the client's hello, so one well-formed hello and some
reading are enough; no key is exchanged and the device computes nothing (facts/libraries, section 9).
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from auditor.common.limits import EXCHANGE_DEADLINE
from auditor.model import Status
from auditor.net.http import FIRST_BYTE_DEADLINE, QUIET_END, Exchange, failed, receive
from auditor.net.network import DialError

if TYPE_CHECKING:
    from auditor.net.network import Connection, Network
    from auditor.site import Permit

_HANDSHAKE, _ALERT, _CERTIFICATE, _HELLO_DONE = 22, 21, 11, 14
_MAX_FLIGHT = 128 * 1024  # bytes of a server's first flight; certificate chains stay far below
_MAX_RECORD = 16384 + 2048
_RECORD_HEADER = 5
_HANDSHAKE_HEADER = 4
_CHUNK = 16384

# Every suite an old device may insist on: the hello proposes, nothing is ever encrypted with it.
_SUITES = (
    0xC02F, 0xC030, 0xC02B, 0xC02C, 0xC013, 0xC014, 0xC009, 0xC00A, 0xC011, 0x009E, 0x009F, 0x0033, 0x0039, 0x0016,
    0x009C, 0x009D, 0x003C, 0x003D, 0x002F, 0x0035, 0x000A, 0x0005, 0x0004, 0x0009, 0x00FF,
)  # fmt: skip
_GROUPS = (0x0017, 0x0018, 0x0019, 0x001D)
_SIGNATURES = (0x0401, 0x0501, 0x0601, 0x0403, 0x0503, 0x0603, 0x0201, 0x0203, 0x0101)


async def leaf(network: Network, permit: Permit, port: int, *, deadline: float = EXCHANGE_DEADLINE) -> Exchange:
    """Send one TLS 1.2 hello and return the server's first flight; never raises for what a device does.

    Returns:
        An exchange whose `raw` is the flight as received and whose `peer_der` is the leaf certificate, DER, when one
        came. `unreadable` when the answer is not TLS; its bytes are in `raw` then.

    Raises:
        NotPermitted: no permit, or a port that is never touched.
    """
    try:
        async with network.connect(permit, port, deadline=deadline) as connection:
            return await _converse(network, connection)
    except DialError as error:
        return failed(error)


def client_hello(random: bytes) -> bytes:
    """Return the record of a TLS 1.2 hello without a server name.

    Args:
        random: 32 bytes.
    """
    extensions = b"".join(
        struct.pack("!HH", number, len(body)) + body
        for number, body in (
            (10, _vector(_words(_GROUPS))), (11, b"\x01\x00"), (13, _vector(_words(_SIGNATURES))),
        )
    )  # fmt: skip
    body = (
        b"\x03\x03" + random + b"\x00" + _vector(_words(_SUITES)) + b"\x01\x00" + struct.pack("!H", len(extensions))
    ) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake


def _words(numbers: tuple[int, ...]) -> bytes:
    return struct.pack(f"!{len(numbers)}H", *numbers)


def _vector(content: bytes) -> bytes:
    return struct.pack("!H", len(content)) + content


async def _converse(network: Network, connection: Connection) -> Exchange:
    flight = bytearray()
    detail, reason, status = "", "", Status.TIMED_OUT
    try:
        await connection.send(client_hello(os.urandom(32)))
        while not (over := read_flight(bytes(flight))).over and len(flight) < _MAX_FLIGHT:
            chunk = await receive(network, connection, _CHUNK, QUIET_END if over.plain else FIRST_BYTE_DEADLINE)
            if not chunk:
                detail, reason, status = "closed", "closed", Status.REFUSED
                break
            flight += chunk
    except TimeoutError:
        detail, reason = "no answer", "no-answer"
    except DialError as error:
        detail, reason, status = error.reason, error.reason, error.status
    seconds = connection.elapsed
    found = read_flight(bytes(flight))
    if found.der is not None:
        return Exchange(Status.ANSWERED, bytes(flight), peer_der=found.der, seconds=seconds)
    if flight:
        said = "not TLS" if found.plain else found.said or "no certificate in the first flight"
        return Exchange(Status.UNREADABLE, bytes(flight), detail=said, seconds=seconds)
    return Exchange(status, detail=detail, reason=reason, seconds=seconds)


class Flight:
    """What a server's first flight holds so far.

    Attributes:
        der: leaf certificate, or None.
        over: nothing more is needed.
        plain: the bytes are not TLS.
        said: the alert, in words, or empty.
    """

    __slots__ = ("der", "over", "plain", "said")

    def __init__(self, der: bytes | None = None, *, over: bool = False, plain: bool = False, said: str = "") -> None:
        self.der, self.over, self.plain, self.said = der, over, plain, said


def read_flight(flight: bytes) -> Flight:
    """Read the records of a server's first flight, complete or not; never raises."""
    messages = bytearray()
    at = 0
    while len(flight) - at >= _RECORD_HEADER:
        kind, major, _, length = struct.unpack_from("!BBBH", flight, at)
        if kind not in (_HANDSHAKE, _ALERT) or major != 3 or length > _MAX_RECORD:  # noqa: PLR2004
            return Flight(plain=at == 0, over=at > 0, said="damaged TLS record")
        record = flight[at + _RECORD_HEADER : at + _RECORD_HEADER + length]
        if len(record) < length:
            break
        at += _RECORD_HEADER + length
        if kind == _ALERT:
            return Flight(over=True, said=f"TLS alert {record[1]}" if len(record) > 1 else "TLS alert")
        messages += record
    if flight and flight[0] not in (_HANDSHAKE, _ALERT):
        return Flight(plain=True)
    return _find_leaf(bytes(messages))


def _find_leaf(messages: bytes) -> Flight:
    at = 0
    while len(messages) - at >= _HANDSHAKE_HEADER:
        kind, length = messages[at], int.from_bytes(messages[at + 1 : at + 4], "big")
        body = messages[at + _HANDSHAKE_HEADER : at + _HANDSHAKE_HEADER + length]
        if kind == _CERTIFICATE:
            # chain length (3), leaf length (3), leaf: the leaf is enough, the rest of the chain may be missing
            size = int.from_bytes(body[3:6], "big")
            if size and len(body) >= 6 + size:
                return Flight(body[6 : 6 + size], over=True)
            if len(body) == length:
                return Flight(over=True, said="empty or damaged certificate message")
        if len(body) < length:
            break
        if kind == _HELLO_DONE:
            return Flight(over=True)
        at += _HANDSHAKE_HEADER + length
    return Flight()
