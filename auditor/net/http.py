"""One HTTP question on one connection, read by a reader that no device can make fail.

Broken answers are what tells devices apart, so nothing is corrected here: the bytes are kept as they came, and only
as much is understood as is needed to know where the answer ends. Sources: facts/libraries, section 8 (what real
cameras send); facts/reliability, rows 37 to 41 (limits).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.common.errors import NotPermitted
from auditor.common.limits import EXCHANGE_DEADLINE, MAX_HEADER_BYTES, MAX_HEADERS, MAX_RESPONSE
from auditor.model import Status
from auditor.net.network import DialError
from auditor.net.soap import READ_ACTIONS

if TYPE_CHECKING:
    from auditor.net.network import Connection, Network
    from auditor.site import Permit

USER_AGENT = "camera-auditor"
_TAIL = f"User-Agent: {USER_AGENT}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n"
# What goes over the wire, to the byte; the tests compare a device's record of it with these.
GET_TEMPLATE = "GET {path} HTTP/1.1\r\nHost: {host}\r\n" + _TAIL + "\r\n"
SOAP_TEMPLATE = (
    "POST {path} HTTP/1.1\r\nHost: {host}\r\n"
    + _TAIL
    + 'Content-Type: application/soap+xml; charset=utf-8; action="{action}"\r\nContent-Length: {length}\r\n\r\n{body}'
)

# Two ports that accept and stay silent end a host: with this they take less than 20 s (reliability row 47).
FIRST_BYTE_DEADLINE = 8.0
# An answer whose end cannot be known, e.g. an SSH banner, is over when nothing follows for this long.
QUIET_END = 2.0

_CHUNK = 64 * 1024
_MAX_CHUNK_LINE = 1024
_MAX_INTERIM = 5  # informational answers before the real one
_MAX_LENGTH_DIGITS = 18
_PATH = re.compile(r"/[!-~]*")
_PROTOCOLS = (b"HTTP/", b"RTSP/", b"ICY ")
_STATUS = re.compile(rb"[A-Za-z]+/?\S*\s+(\d{3})(?!\d)")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r?")
_STREAM = re.compile(rb"[ \t]*(?:multipart/x-mixed-replace|video/|audio/)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and what came back.

    Attributes:
        status: `answered` as soon as one byte came; otherwise how the network failed.
        raw: the bytes as received, framing included, at most `MAX_RESPONSE`.
        truncated: a limit, a deadline, a reset or an early close cut the answer.
        detail: one short phrase for a person; empty when all is well.
        peer_der: the certificate the device showed, DER, when the exchange ran inside TLS.
        reason: the machine's word for a failure: those of `DialError`, and `closed` and `no-answer` for a
            connection that opened and brought nothing; empty when answered.
        seconds: of contact with the device, without the time spent waiting for the pace.
    """

    status: Status
    raw: bytes = b""
    truncated: bool = False
    detail: str = ""
    peer_der: bytes | None = None
    reason: str = ""
    seconds: float = 0.0


async def get(
    network: Network, permit: Permit, port: int, path: str, *, tls: bool = False, deadline: float = EXCHANGE_DEADLINE
) -> Exchange:
    """Send one GET without credentials and return the answer; never raises for what a device does.

    Args:
        network: of this audit.
        permit: for the address asked.
        port: TCP port.
        path: origin form, printable ASCII.
        tls: ask inside TLS, without checking the certificate.
        deadline: seconds for the whole exchange.

    Raises:
        NotPermitted: no permit, or a port that is never touched.
        ValueError: a path that would break the request line.
    """
    return await _exchange(network, permit, port, get_request(permit.address, port, path, tls=tls), tls, deadline)


async def soap(
    network: Network, permit: Permit, port: int, path: str, body: bytes, action: str, *, tls: bool = False,
    deadline: float = EXCHANGE_DEADLINE,
) -> Exchange:  # fmt: skip
    """Send one SOAP 1.2 request without credentials and return the answer, as `get` does.

    Args:
        network: of this audit.
        permit: for the address asked.
        port: TCP port.
        path: as for `get`.
        tls: as for `get`.
        deadline: seconds for the whole exchange.
        body: envelope as `OnvifMessages.body_for` builds it.
        action: its SOAP action.

    Raises:
        NotPermitted: as for `get`, and for an action outside the list of read operations.
        ValueError: as for `get`.
    """
    if action not in READ_ACTIONS:
        raise NotPermitted(f"SOAP action {action!r} is not on the list of read operations")
    request = soap_request(permit.address, port, path, body, action, tls=tls)
    return await _exchange(network, permit, port, request, tls, deadline)


def get_request(address: str, port: int, path: str, *, tls: bool = False) -> bytes:
    """Return the bytes of a GET.

    Raises:
        ValueError: a path that would break the request line.
    """
    return GET_TEMPLATE.format(path=_checked(path), host=_host(address, port, tls=tls)).encode("ascii")


def soap_request(address: str, port: int, path: str, body: bytes, action: str, *, tls: bool = False) -> bytes:
    """Return the bytes of a SOAP POST.

    Raises:
        ValueError: a path that would break the request line.
    """
    host = _host(address, port, tls=tls)
    head = SOAP_TEMPLATE.format(path=_checked(path), host=host, action=action, length=len(body), body="")
    return head.encode("ascii") + body


def _checked(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise ValueError(f"not a path that can be asked for: {path!r}")
    return path


def _host(address: str, port: int, *, tls: bool) -> str:
    name = f"[{address}]" if ":" in address else address
    return name if port == (443 if tls else 80) else f"{name}:{port}"


async def _exchange(
    network: Network, permit: Permit, port: int, request: bytes, tls: bool, deadline: float  # noqa: FBT001
) -> Exchange:  # fmt: skip
    try:
        async with network.connect(permit, port, tls=tls, deadline=deadline) as connection:
            return await converse(network, connection, request)
    except DialError as error:
        return failed(error)


def failed(error: DialError) -> Exchange:
    """Return the exchange of a connection that never opened."""
    return Exchange(error.status, detail=error.reason, reason=error.reason)


async def converse(network: Network, connection: Connection, request: bytes, *, since: float = 0.0) -> Exchange:
    """Send a request on an open connection and read its answer to the end; never raises for what a device does.

    Args:
        network: of this audit.
        connection: open.
        request: sent as it is.
        since: `connection.elapsed` from which the seconds of this exchange count.
    """
    framing = Framing()
    broken: DialError | None = None
    try:
        await connection.send(request)
    except DialError as error:
        broken = error  # the device may have answered before it stopped listening
    end = await _fill(network, connection, framing)
    raw, seconds = bytes(framing.raw), connection.elapsed - since
    if raw:
        return Exchange(
            Status.ANSWERED, raw, not framing.done or framing.truncated, framing.note or end.detail,
            connection.peer_der, seconds=seconds,
        )  # fmt: skip
    if broken is not None and end.reason == "closed":
        end = _End(broken.status, broken.reason, broken.reason)
    return Exchange(
        end.status, b"", detail=end.detail, peer_der=connection.peer_der, reason=end.reason, seconds=seconds
    )


async def receive(network: Network, connection: Connection, limit: int, patience: float | None) -> bytes:
    """Return the next bytes, or b"" at the end.

    Args:
        network: of this audit; time spent waiting for its pace is not held against the device.
        connection: open.
        limit: most bytes to return.
        patience: s to wait for them, or None for the deadline of the exchange.

    Raises:
        TimeoutError: nothing came for `patience` seconds.
        DialError: as `Connection.receive`.
    """
    if patience is not None:
        patience += network.packets.delay()  # what the pace would make anyone wait now
    async with asyncio.timeout(patience):
        return await connection.receive(limit)


@dataclass(frozen=True, slots=True)
class _End:
    status: Status
    reason: str
    detail: str


_COMPLETE = _End(Status.ANSWERED, "", "")


async def _fill(network: Network, connection: Connection, framing: Framing) -> _End:
    """Feed the framing until it is done or nothing more can come; say how it ended."""
    while not framing.done:
        room = MAX_RESPONSE - len(framing.raw)
        if room <= 0:
            return _End(Status.ANSWERED, "", f"cut at {MAX_RESPONSE} bytes")
        patience = FIRST_BYTE_DEADLINE if not framing.raw else QUIET_END if framing.unframed else None
        try:
            chunk = await receive(network, connection, min(room, _CHUNK), patience)
        except TimeoutError:
            if framing.raw:
                return _End(Status.ANSWERED, "", f"no end of the answer; quiet for {patience:g} s")
            return _End(Status.TIMED_OUT, "no-answer", f"connected, but no answer within {patience:g} s")
        except DialError as error:
            received = len(framing.raw)
            detail = f"{error.reason} after {received} bytes" if received else error.reason
            reason = "no-answer" if error.status is Status.TIMED_OUT else error.reason
            return _End(error.status, reason, detail)
        if not chunk:
            framing.close()
            return _COMPLETE if framing.done else _End(Status.REFUSED, "closed", "closed without an answer")
        framing.feed(chunk)
    return _COMPLETE


class Framing:
    """Finds the end of an HTTP, RTSP or ICY answer in bytes that arrive piece by piece.

    Attributes:
        raw: everything received.
        done: nothing more belongs to this answer.
        truncated: a limit or an early close cut it.
        note: what was odd about its end, a short phrase, or empty.
        unframed: its end can only be guessed from silence.
    """

    def __init__(self) -> None:
        self.raw = bytearray()
        self.done = False
        self.truncated = False
        self.note = ""
        self.unframed = False
        self._step = self._start
        self._at = 0  # where the next step begins to look
        self._line = 0  # where the present line begins
        self._head_at = 0  # where the present header block begins
        self._lines = 0  # its complete lines
        self._interim = 0
        self._body = 0
        self._end = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes, in any portions."""
        self.raw += chunk
        while not self.done and self._step():
            pass

    def close(self) -> None:
        """Take note that the peer closed the connection."""
        if self.done or not self.raw:
            return
        self.done = True
        if self._step == self._until_length:
            self._cut(f"closed after {len(self.raw) - self._body} of {self._end - self._body} bytes of the body")
        elif self._step in (self._chunk_size, self._chunk_data, self._trailer):
            self._cut("closed before the last chunk")
        elif self._step in (self._start, self._head) and not self.unframed:
            self._cut("closed within the header")

    def _cut(self, note: str) -> None:
        self.done = self.truncated = True
        self.note = note

    # Each step returns True when it got further and another step may follow, False when it needs more bytes.

    def _start(self) -> bool:
        while self._at < len(self.raw) and self.raw[self._at] in b"\r\n":
            self._at += 1
        beginning = bytes(self.raw[self._at : self._at + 5]).upper()
        if any(protocol.startswith(beginning[: len(protocol)]) for protocol in _PROTOCOLS):
            if not any(beginning.startswith(protocol) for protocol in _PROTOCOLS):
                return False
            self._line = self._head_at = self._at
            self._step = self._head
        else:
            self.unframed = True  # HTTP/0.9, or another protocol altogether
            self._step = self._until_close
        return True

    def _head(self) -> bool:
        """Read lines up to the empty one."""
        while (newline := self.raw.find(b"\n", self._at)) >= 0:
            line = bytes(self.raw[self._line : newline]).rstrip(b"\r")
            if not line:
                lines = bytes(self.raw[self._head_at : self._line]).split(b"\n")
                self._at = self._line = newline + 1
                self._after_head(lines)
                return True
            self._lines += 1
            self._at = self._line = newline + 1
            if self._lines > MAX_HEADERS + 1:
                self._cut(f"over {MAX_HEADERS} headers")
                return False
            if newline > MAX_HEADER_BYTES:
                break
        else:
            self._at = len(self.raw)
        if len(self.raw) > MAX_HEADER_BYTES:
            self._cut(f"headers over {MAX_HEADER_BYTES} bytes")
        return False

    def _after_head(self, lines: list[bytes]) -> None:
        status_line = lines[0]
        matched = _STATUS.match(status_line)
        code = int(matched.group(1)) if matched else 0
        fields = [line.partition(b":") for line in lines[1:]]
        values = {
            name: [value.strip() for key, _, value in fields if key.strip().lower() == name]
            for name in (b"content-length", b"transfer-encoding", b"content-type")
        }
        self._body = self._at
        self._lines = 0
        if 100 <= code < 200 and code != 101 and self._interim < _MAX_INTERIM:  # noqa: PLR2004
            self._interim += 1
            self._step = self._start
        elif code in (204, 304):
            self.done = True
        elif status_line[:4].upper() == b"ICY " or any(_STREAM.match(kind) for kind in values[b"content-type"]):
            self._cut("a stream; not read")
        elif any(b"chunked" in coding.lower() for coding in values[b"transfer-encoding"]):
            self._step = self._chunk_size
        elif lengths := set(values[b"content-length"]):
            self._expect(lengths)
        elif status_line[:5].upper() == b"RTSP/":
            self.done = True  # RFC 2326, section 4.4: no length, no body
        else:
            self._step = self._until_close

    def _expect(self, lengths: set[bytes]) -> None:
        length = lengths.pop()
        if lengths or not length.isdigit() or len(length) > _MAX_LENGTH_DIGITS:
            self.note = "Content-Length is unusable"
            self._lost()
        else:
            self._end = self._body + int(length)
            self._step = self._until_length

    def _lost(self) -> None:
        self.unframed = True
        self._step = self._until_close

    def _until_length(self) -> bool:
        self.done = len(self.raw) >= self._end
        return False

    def _until_close(self) -> bool:
        return False

    def _chunk_size(self) -> bool:
        newline = self.raw.find(b"\n", self._at)
        if newline < 0:
            if len(self.raw) - self._at > _MAX_CHUNK_LINE:
                self.note = "chunk size without an end"
                self._lost()
            return False
        matched = _CHUNK_SIZE.fullmatch(bytes(self.raw[self._at : min(newline, self._at + _MAX_CHUNK_LINE)]))
        if matched is None:
            self.note = "chunk size is unusable"
            self._lost()
            return False
        size = int(matched.group(1), 16)
        self._at = newline + 1
        self._end = self._at + size
        self._step = self._chunk_data if size else self._trailer
        return True

    def _chunk_data(self) -> bool:
        newline = self.raw.find(b"\n", self._end, self._end + 2) if len(self.raw) > self._end else -1
        if newline < 0:
            if len(self.raw) >= self._end + 2:
                self.note = "chunk longer than its size"
                self._lost()
            return False
        self._at = newline + 1
        self._step = self._chunk_size
        return True

    def _trailer(self) -> bool:
        while (newline := self.raw.find(b"\n", self._at)) >= 0:
            line = bytes(self.raw[self._at : newline]).rstrip(b"\r")
            self._at = newline + 1
            self._lines += 1
            if not line or self._lines > MAX_HEADERS:
                self.done = True
                return False
        return False
