"""Scripted devices on loopback: each has an address of its own and a book of everything that reached it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
import struct
from dataclasses import dataclass, field

from auditor.model import Pace, Ports, Zone, ZoneRole
from auditor.net.network import Network
from auditor.site import Scope

FAST = Pace("test", packets=1e6, arp=1e6, new_connections=1e4, open_connections=1, connections=30)
SCOPE = Scope([Zone("lab", ZoneRole.CORE, ("127.77.0.0/16",))])
_numbers = itertools.count(1)
_LINGER_RESET = struct.pack("ii", 1, 0)


@dataclass
class Fake:
    """A device.

    `requests` holds `(port, bytes)` of every request, in the order of arrival; `accepts` counts connections by port.
    """

    address: str = ""
    requests: list = field(default_factory=list)
    accepts: dict = field(default_factory=dict)
    open: int = 0
    peak: int = 0
    reset_after: int | None = None
    _servers: list = field(default_factory=list)
    _blocked: list = field(default_factory=list)
    _tasks: set = field(default_factory=set)

    def __post_init__(self):
        if not self.address:
            number = next(_numbers)
            self.address = f"127.77.{number // 250 % 250}.{number % 250 + 1}"

    @property
    def permit(self):
        return SCOPE.permit(self.address)

    @property
    def connections(self):
        return sum(self.accepts.values())

    def lines(self, port=None):
        """First lines of the requests; for SOAP the operation."""
        return [_shown(raw) for asked, raw in self.requests if port in (None, asked)]

    async def serve(self, handler, *, tls=None, port=0):
        """Open a port whose connections `handler(connection)` serves; return its number."""

        async def accepted(reader, writer):
            number = writer.get_extra_info("sockname")[1]
            self.accepts[number] = self.accepts.get(number, 0) + 1
            self.open += 1
            self.peak = max(self.peak, self.open)
            task = asyncio.current_task()
            self._tasks.add(task)
            try:
                connection = Conversation(self, number, reader, writer)
                if self.reset_after is not None and self.connections > self.reset_after:
                    connection.reset()
                else:
                    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                        await handler(connection)
            finally:
                self.open -= 1
                self._tasks.discard(task)
                writer.close()

        server = await asyncio.start_server(accepted, self.address, port, ssl=tls)
        self._servers.append(server)
        return server.sockets[0].getsockname()[1]

    def closed_port(self):
        """A port on which nothing listens."""
        with socket.socket() as probe:
            probe.bind((self.address, 0))
            return probe.getsockname()[1]

    def silent_port(self):
        """A port whose SYNs go unanswered: its queue is full."""
        listener = socket.socket()
        listener.bind((self.address, 0))
        listener.listen(0)
        self._blocked.append(listener)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            self._blocked.append(filler)
        return listener.getsockname()[1]

    def refuse_everything(self):
        """From now on every port answers a SYN with RST, as when the service behind them has died."""
        for server in self._servers:
            server.close()

    async def close(self):
        for task in list(self._tasks):
            task.cancel()
        for server in self._servers:
            server.close()
        await asyncio.sleep(0)
        for blocked in self._blocked:
            blocked.close()


@dataclass
class Conversation:
    fake: Fake
    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def request(self):
        """Read one request with its body and enter it in the book; b"" at the end."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.fake.requests.append((self.port, error.partial))
            return b""
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        whole = head + (await self.reader.readexactly(int(length.group(1))) if length else b"")
        self.fake.requests.append((self.port, whole))
        return whole

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data, every):
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(every)

    def reset(self):
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.writer.transport.abort()


def _shown(raw):
    operation = re.search(rb"<\w+:(Get\w+|Set\w+|Create\w+)", raw)
    return operation.group(1).decode() if operation else raw.split(b"\r\n", 1)[0].decode("latin-1")


def answering(*answers, keep_open=False):
    """A handler that gives the answers in turn, one a request, and the last one ever after."""

    async def handler(connection):
        left = list(answers)
        while await connection.request():
            await connection.send(left.pop(0) if len(left) > 1 else left[0])
            if not keep_open:
                return

    return handler


def by_request(table, default=b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", *, keep_open=False):
    """A handler that looks the answer up by a part of the request."""

    async def handler(connection):
        while whole := await connection.request():
            await connection.send(next((answer for part, answer in table.items() if part.encode() in whole), default))
            if not keep_open:
                return

    return handler


async def silent(connection):
    """Accept, read, and never speak."""
    while await connection.reader.read(4096):
        pass


def page(body=b"", *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def rtsp(status="200 OK", *headers, cseq=1, body=b""):
    lines = [f"RTSP/1.0 {status}", f"CSeq: {cseq}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def envelope(inner):
    return page(
        (
            '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
            f"{inner}</s:Body></s:Envelope>"
        ).encode(),
        "Content-Type: application/soap+xml",
    )


NOT_AUTHORISED = envelope(
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:NotAuthorized</s:Value></s:Subcode></s:Code>"
    "<s:Reason><s:Text>Sender not Authorized</s:Text></s:Reason></s:Fault>"
).replace(b"200 OK", b"400 Bad Request")


@contextlib.asynccontextmanager
async def device(pace=FAST, vantage="lab host"):
    """A fresh device and a network to reach it."""
    fake = Fake()
    network = Network(pace, vantage=vantage)
    try:
        yield fake, network
    finally:
        network.close()
        await fake.close()


def ports(http=(), https=(), rtsp=(), listen=()):
    return Ports(http=tuple(http), https=tuple(https), rtsp=tuple(rtsp), listen=tuple(listen))
