# ruff: noqa: TID251  (this package is where sockets are opened)
"""One audit's access to the network: every packet to a device passes here, with a permit and at the agreed pace."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import math
import socket
import ssl
import struct
import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from auditor.common.errors import AuditorError, CannotScan, NotPermitted
from auditor.common.limits import CONNECT_DEADLINE, EXCHANGE_DEADLINE, MAX_IDENTITIES_PER_SOURCE, NEVER_PORTS
from auditor.model import Pace, Status
from auditor.net.interfaces import routes_to
from auditor.net.pace import Bucket, pay
from auditor.site import MulticastPermit, Permit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
    from types import TracebackType

# What one exchange costs on the wire (tests/net/test_network.py measures it again): SYN, ACK, request, ACK of the
# answer, FIN, ACK of the device's FIN. Each is paid when it is about to leave; what the kernel sent beyond that is
# read from TCP_INFO and charged afterwards.
OPENING_PACKETS = 2  # SYN, ACK
CLOSING_PACKETS = 2  # FIN, ACK of the device's FIN
EXCHANGE_PACKETS = OPENING_PACKETS + 2 + CLOSING_PACKETS
NEIGHBOUR_REQUESTS = 3  # the kernel asks a silent address three times, one second apart (mcast_solicit)

# Kernels since 6.5 send SYNs at 0, 1 and 2 s even when told to repeat only once; leaving before the third keeps the
# promise of one repetition on every kernel.
_SYN_WAIT = min(CONNECT_DEADLINE, 1.95)
_SYN_REPEATED = 1.0  # s after which the kernel sends the SYN again
_SPACING = 1.02  # on top of the interval between two SYNs, so that a window of one second never holds one too many
_HALF_OPEN = 32  # connections waiting for an answer, whole audit: routers and neighbour tables stay calm (row 18)
# Bytes a device may send before we read, and what acknowledging them costs when every segment gets its own: paid
# before the request leaves, given back when it was not used. Fifty devices that answer at once stay within the limit.
_WINDOW = 8 * 1024
_AHEAD = 6
_MOST_HELD = _AHEAD + CLOSING_PACKETS  # by one connection; so many connections exchange at a time as fit the limit
_CHUNK = 16 * 1024
_SEGMENT = 1400
_LAST_WORDS = 0.5  # s in which a device may finish its own side after our FIN
_LAST_BYTES = 64 * 1024
_DATAGRAM = 65535
_GRACE = 0.3  # s after the first UDP answer of one device in which it may send another
_NEIGHBOUR_FRESH = 30.0  # s for which the kernel trusts a neighbour it heard from
_IP_RECVERR = 11  # linux/in.h; Python does not name it
_ICMP_ORIGIN = 2
_ICMP_UNREACHABLE = 3
_PROHIBITED_CODES = frozenset({9, 10, 13})
_RETRANSMITS_AT, _SEGMENTS_AT = 100, 136  # offsets of tcpi_total_retrans and tcpi_segs_out in linux/tcp.h


class DialError(AuditorError):
    """A device was not reached, or stopped answering; the normal outcome of asking a network.

    Attributes:
        status: how the question ended.
        reason: one of `connection-refused`, `no-response`, `host-unreachable`, `net-unreachable`,
            `admin-prohibited`, `reset`, `tls-failed`, `budget-spent`, `no-route`, `deadline`, `local-error`.
    """

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class DeviceCount:
    """What one device got from us.

    Attributes:
        opened: completed handshakes.
        tried: SYNs, repetitions included.
        peak: most connections that were open at the same time.
        bytes: received.
    """

    opened: int = 0
    tried: int = 0
    peak: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Counters:
    """What the audit sent and received, for the report. Packets of the kernel's own are as TCP_INFO tells them.

    Attributes:
        packets_sent: all packets, those of child processes included where they tell.
        arp_requests: asked by the capture program, or expected of the kernel.
        connections_tried: SYNs, repetitions included.
        connections_opened: completed handshakes.
        udp_sent: datagrams.
        bytes_received: payload of TCP and UDP.
        retransmits: TCP segments sent again.
        authentication_attempts: logins tried; nothing in this package ever tries one.
        outside_scope: answers from outside the scope, or from excluded addresses: counted and not kept.
        over_limit: answers dropped because one source sent too many.
        capture_drops: frames that the kernel lost before the capture program read them.
        per_device: by address.
    """

    packets_sent: int = 0
    arp_requests: int = 0
    connections_tried: int = 0
    connections_opened: int = 0
    udp_sent: int = 0
    bytes_received: int = 0
    retransmits: int = 0
    authentication_attempts: int = 0
    outside_scope: int = 0
    over_limit: int = 0
    capture_drops: int = 0
    per_device: dict[str, DeviceCount] = field(default_factory=dict)


class _Device:
    """Pacing state of one device."""

    def __init__(self, pace: Pace, count: DeviceCount) -> None:
        self.slots = asyncio.Semaphore(pace.open_connections)
        self.dialling = asyncio.Lock()
        self.count = count
        self.open = 0
        self.next_syn = 0.0
        self.heard = -math.inf
        self.alive = False
        self.on_link: bool | None = None


class Network:
    """One audit's access to the network.

    Attributes:
        pace: the safety numbers in force.
        vantage: sentence on where it looks from, copied into outcomes.
        counters: what was sent and received so far.
        packets, requests: the buckets of all packets, and of ARP and neighbour requests.
    """

    def __init__(self, pace: Pace, *, vantage: str = "") -> None:
        self.pace = pace
        self.vantage = vantage
        self.counters = Counters()
        self.packets = Bucket(pace.packets)
        self.requests = Bucket(pace.arp)
        self._devices: dict[str, _Device] = {}
        self._half_open = asyncio.Semaphore(_HALF_OPEN)
        self._exchanging = asyncio.Semaphore(max(1, int(self.packets.rate // _MOST_HELD)))
        self._kept_open: list[socket.socket] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets that stayed open for late answers."""
        while self._kept_open:
            self._kept_open.pop().close()

    def connect(
        self, permit: Permit, port: int, *, tls: bool = False, deadline: float = EXCHANGE_DEADLINE
    ) -> Connection:
        """Return a connection that dials when it is entered (`async with`) or awaited.

        Args:
            permit: of the scope; its address is the only one used.
            port: TCP port.
            tls: start TLS at once, believing any certificate and any version that OpenSSL still speaks.
            deadline: s for the whole exchange, counted from the first packet; waiting for our own pace not included.

        Raises:
            NotPermitted: at once, when there is no permit, or the port is one on which devices print what they get.
        """
        _address(permit)
        _check_port(port)
        return Connection(self, permit, port, tls=tls, deadline=deadline)

    async def udp_exchange(
        self, permit: Permit, port: int, payload: bytes, *, wait: float, tries: int = 1
    ) -> list[bytes]:
        """Send a datagram to one device and return its answers, from any of its ports; [] is silence, never "closed".

        Args:
            permit: of the scope.
            port: UDP port.
            payload: sent as it is.
            wait: s to wait after each try.
            tries: stops after the first try that was answered.

        Raises:
            NotPermitted: no permit.
            DialError: this machine could not send.
        """
        address = _address(permit)
        _check_port(port)
        answers: list[bytes] = []
        with _udp_socket() as endpoint:
            for _ in range(tries):
                await self._pay_datagram(address)
                _address(permit)
                _send(endpoint, payload, (address, port))
                async for source, answer in self._answers(endpoint, wait):
                    if source != address:
                        self.counters.outside_scope += 1
                    elif len(answers) < MAX_IDENTITIES_PER_SOURCE:
                        answers.append(answer)
                        self._device(address).heard = time.monotonic()
                        self.counters.per_device.setdefault(address, DeviceCount()).bytes += len(answer)
                        wait = min(wait, _GRACE)
                    else:
                        self.counters.over_limit += 1
                if answers:
                    break
        return answers

    async def udp_multicast(
        self, permit: MulticastPermit, group: str, port: int, payloads: Sequence[bytes], *, wait: float, tries: int,
        keep: Callable[[str], bool],
    ) -> AsyncIterator[tuple[str, bytes]]:  # fmt: skip
        """Send datagrams to a group on one link (TTL 1, no loop) and yield `(sender, answer)` as they come.

        Args:
            permit: of the scope, for the interface.
            group: multicast address.
            port: UDP port.
            payloads: each is sent `tries` times, half a second apart.
            wait: s to listen after the last one.
            tries: rounds.
            keep: whether answers of that sender are wanted; others are counted as outside the scope.

        The socket stays open until the network is closed: were it closed, the kernel would answer a late reply with
        an ICMP error, and that late reply may come from an excluded address.

        Raises:
            NotPermitted: no permit.
            DialError: this machine could not send.
        """
        if not isinstance(permit, MulticastPermit):
            raise NotPermitted(f"no multicast permit was given for {group}")
        endpoint = _udp_socket()
        self._kept_open.append(endpoint)
        endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(permit.source))
        endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        per_source: dict[str, int] = {}
        rounds = [(number, payload) for number in range(tries) for payload in payloads]
        for index, (_, payload) in enumerate(rounds):
            await pay((self.packets, 1))
            self.counters.packets_sent += 1
            self.counters.udp_sent += 1
            _send(endpoint, payload, (group, port))
            last = index == len(rounds) - 1
            async for source, answer in self._answers(endpoint, wait if last else 0.5 / len(payloads)):
                if not keep(source):
                    self.counters.outside_scope += 1
                    continue
                per_source[source] = per_source.get(source, 0) + 1
                if per_source[source] > MAX_IDENTITIES_PER_SOURCE:
                    self.counters.over_limit += 1
                    continue
                yield source, answer

    async def pay_arp(self, requests: int = 1) -> float:
        """Wait until that many ARP requests may leave; count them. Returns the seconds waited."""
        waited = await pay((self.packets, requests), (self.requests, requests))
        self.counters.arp_requests += requests
        self.counters.packets_sent += requests
        return waited

    def count_child(self, packets: int, syns: Mapping[str, int]) -> None:
        """Count what a child process sent, and keep the interval to the devices that it sent SYNs to.

        Args:
            packets: all of it.
            syns: address to number of SYNs; the last one is taken to have left just now.
        """
        self.counters.packets_sent += packets
        for address, number in syns.items():
            device = self._device(address)
            device.count.tried += number
            device.next_syn = time.monotonic() + _SPACING / self.pace.new_connections
            self.counters.connections_tried += number

    @contextlib.contextmanager
    def lend(self, rate: float) -> Iterator[None]:
        """Leave `rate` packets per second to a child process that paces itself."""
        with self.packets.lend(rate):
            yield

    def expect_on_link(self, addresses: Sequence[str]) -> None:
        """Look up many routes in one conversation with the kernel, before many addresses are dialled."""
        for address, route in routes_to(addresses).items():
            self._device(address).on_link = route is not None and route.on_link

    def expect_alive(self, address: str) -> None:
        """Take note that an address answers on its link: the kernel will need one ARP request for it, not three."""
        self._device(address).alive = True

    def _device(self, address: str) -> _Device:
        if address not in self._devices:
            count = self.counters.per_device.setdefault(address, DeviceCount())
            self._devices[address] = _Device(self.pace, count)
        return self._devices[address]

    def _neighbour_requests(self, device: _Device, address: str) -> int:
        """Return how many ARP requests the kernel may send before the first packet to a device."""
        if time.monotonic() - device.heard < _NEIGHBOUR_FRESH:
            return 0
        if device.on_link is None:
            try:
                self.expect_on_link([address])
            except CannotScan:
                device.on_link = False  # connect() then says what is wrong
        if not device.on_link:
            return 0
        return 1 if device.alive else NEIGHBOUR_REQUESTS

    def _only_one(self, requests: int) -> int:
        """Give back the repeated ARP requests of an address that answered the first; return what it took."""
        for bucket in (self.packets, self.requests):
            bucket.refund(max(0, requests - 1))
        return min(requests, 1)

    async def _pay_datagram(self, address: str) -> None:
        device = self._device(address)
        requests = self._neighbour_requests(device, address)
        await pay((self.packets, 1 + requests), (self.requests, requests))
        if device.alive:
            device.heard = time.monotonic()  # by ARP, before the datagram leaves
        self.counters.arp_requests += requests
        self.counters.packets_sent += 1 + requests
        self.counters.udp_sent += 1

    async def _answers(self, endpoint: socket.socket, wait: float) -> AsyncIterator[tuple[str, bytes]]:
        loop = asyncio.get_running_loop()
        until = loop.time() + wait
        while (left := until - loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    answer, sender = await loop.sock_recvfrom(endpoint, _DATAGRAM)
            except TimeoutError:
                return
            except OSError as error:  # the interface went away, or a device's ICMP error came in
                if error.errno in _GONE:
                    raise _dial_error(error) from error
                continue
            self.counters.bytes_received += len(answer)
            yield sender[0], answer


class Connection:
    """One TCP connection to one device, made by `Network.connect`.

    Every operation is bounded by the deadline of the exchange and raises `DialError(TIMED_OUT, "deadline")` beyond it.

    Attributes:
        peer_der: the device's TLS certificate as it sent it, or None.
        address, port: of the device.
    """

    def __init__(self, network: Network, permit: Permit, port: int, *, tls: bool, deadline: float) -> None:
        self.peer_der: bytes | None = None
        self.address = permit.address
        self._permit = permit
        self.port = port
        self._network = network
        self._device = network._device(permit.address)  # noqa: SLF001  (one class in two halves)
        self._tls_wanted = tls
        self._allowed = deadline
        self._until = math.inf
        self._began = 0.0
        self._paced = 0.0  # s spent waiting for our own pace, which no device is blamed for
        self._paid = 0
        self._sent = 0
        self._estimate = 0
        self._socket: socket.socket | None = None
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ended = False
        self._counted = False
        self._exchanging = False  # holds one of the places for exchanges

    @property
    def elapsed(self) -> float:
        """Seconds since the first packet, our own waiting for the pace left out."""
        return time.monotonic() - self._began - self._paced

    def __await__(self) -> Generator[object, None, Self]:
        return self._dial().__await__()

    async def __aenter__(self) -> Self:
        return await self._dial() if self._socket is None else self

    async def __aexit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.close(quick=kind is not None and not issubclass(kind, Exception))

    async def send(self, data: bytes) -> None:
        """Send all bytes.

        Raises:
            DialError: the deadline passed, or the device ended the connection.
        """
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        await self._send_raw(data)

    async def receive(self, limit: int) -> bytes:
        """Return at most `limit` bytes as soon as some are there; b"" when the device ended its side.

        Raises:
            DialError: the deadline passed, the device reset the connection (`reset`), or its TLS is broken
                (`tls-failed`).
        """
        while self._tls is not None:
            try:
                data = self._tls.read(limit)
            except ssl.SSLWantReadError:
                await self._feed()
                continue
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError:
                return b""  # ended without the TLS goodbye, as most cameras do
            except ssl.SSLError as error:
                raise DialError(Status.UNREADABLE, "tls-failed") from error
            return data
        return await self._receive_raw(limit)

    async def close(self, *, quick: bool = False) -> None:
        """End the connection with a FIN and give the device a moment to end its side; `quick` does not wait.

        May be called twice.
        """
        if self._socket is None:
            return
        endpoint = self._socket
        try:
            if not quick and (due := CLOSING_PACKETS - (self._paid - self._sent)) > 0:
                await self._network.packets.take(0, due)
                self._paid += due
            if self._tls is not None and not self._ended:
                _say_goodbye(endpoint, self._tls, self._outgoing)
            with contextlib.suppress(OSError):  # the device was faster, or the interface is gone
                endpoint.shutdown(socket.SHUT_WR)
            if not quick:
                await self._drain(endpoint)
        finally:
            self._socket = None
            _empty(endpoint)  # unread bytes would turn the FIN into a RST
            self._settle(endpoint, closing=True)
            endpoint.close()
            if self._exchanging:
                self._exchanging = False
                self._network._exchanging.release()  # noqa: SLF001
            self._device.open -= self._counted
            self._device.slots.release()

    async def _dial(self) -> Self:
        device = self._device
        await device.slots.acquire()
        try:
            async with device.dialling:
                await self._open(device)
        except BaseException:
            device.slots.release()
            raise
        if self._tls_wanted:
            try:
                await self._start_tls()
            except BaseException as error:
                await self.close(quick=not isinstance(error, Exception))
                raise
        return self

    async def _open(self, device: _Device) -> None:  # noqa: PLR0915  (one dial, told in order)
        network = self._network
        if device.count.opened >= network.pace.connections:
            raise DialError(Status.NOT_ATTEMPTED, "budget-spent")
        if (early := device.next_syn - time.monotonic()) > 0:
            await asyncio.sleep(early)
        async with network._half_open:  # noqa: SLF001
            requests = network._neighbour_requests(device, self.address)  # noqa: SLF001
            # The SYN and the kernel's ARP requests leave at once, the ACK when the device has answered.
            await pay((network.packets, 1 + requests), (network.requests, requests), held=OPENING_PACKETS - 1)
            try:
                _address(self._permit)  # an excluded MAC may have been seen there while we waited
                endpoint = _tcp_socket()
            except BaseException:
                network.packets.release(OPENING_PACKETS - 1)
                raise
            self._paid, self._sent = OPENING_PACKETS, 1
            network.counters.packets_sent += 1
            self._began = time.monotonic()
            self._until = self._began + self._allowed
            syns = 1
            try:
                await self._handshake(endpoint)
            except BaseException as error:
                syns += self._repeated(endpoint)
                if not isinstance(error, DialError) or error.reason not in ("no-response", "host-unreachable"):
                    requests = network._only_one(requests)  # noqa: SLF001
                if isinstance(error, DialError) and error.reason == "connection-refused":
                    device.heard = time.monotonic()
                self._settle(endpoint, closing=False)
                network.packets.release(self._paid - self._sent)
                if self._unresolved(error):
                    # The kernel never learned the MAC, so the SYNs it counted did not leave.
                    network.counters.packets_sent -= self._sent
                    syns = 0
                endpoint.close()
                raise
            else:
                syns += self._repeated(endpoint)
                requests = network._only_one(requests)  # noqa: SLF001
                device.heard = time.monotonic()
            finally:
                device.next_syn = self._last_syn(syns) + _SPACING / network.pace.new_connections
                device.count.tried += syns
                network.counters.connections_tried += syns
                network.counters.arp_requests += requests
                network.counters.packets_sent += requests
        self._socket = endpoint
        self._counted = True
        device.count.opened += 1
        network.counters.connections_opened += 1
        device.open += 1
        device.count.peak = max(device.count.peak, device.open)
        self._estimate = OPENING_PACKETS

    def _unresolved(self, error: BaseException) -> bool:
        """Return whether a dial ended before the kernel knew the MAC of a device on this machine's own link."""
        device = self._device
        unanswered = isinstance(error, DialError) and error.reason in ("no-response", "host-unreachable")
        return bool(unanswered and device.on_link and not device.alive and device.heard == -math.inf)

    def _last_syn(self, syns: int) -> float:
        """Return when the last SYN left at the latest: after an answer, the kernel may have first asked for the MAC."""
        last = self._began + (_SYN_REPEATED if syns > 1 else 0.0)
        return max(last, self._device.heard) if self._device.heard >= self._began else last

    async def _handshake(self, endpoint: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(_SYN_WAIT, self._allowed)):
                await loop.sock_connect(endpoint, (self.address, self.port))
        except TimeoutError as error:
            # asyncio.timeout and ETIMEDOUT both end here: nobody answered.
            raise DialError(Status.TIMED_OUT, "no-response") from error
        except OSError as error:
            raise _dial_error(error, _icmp_code(endpoint)) from error

    def _repeated(self, endpoint: socket.socket) -> int:
        retransmits, _ = _tcp_info(endpoint)
        if retransmits == 0 and time.monotonic() - self._began > _SYN_REPEATED and not self._device.on_link:
            return 1  # the kernel forgot its counters with the connection
        return min(1, retransmits)

    async def _start_tls(self) -> None:
        tls = _tls_context().wrap_bio(self._incoming, self._outgoing, server_side=False)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._send_raw(self._outgoing.read())
                await self._feed()
            except (ssl.SSLError, OSError) as error:
                raise DialError(Status.UNREADABLE, "tls-failed") from error
        self._tls = tls
        await self._send_raw(self._outgoing.read())
        self.peer_der = tls.getpeercert(binary_form=True)

    async def _feed(self) -> None:
        data = await self._receive_raw(_CHUNK)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _send_raw(self, data: bytes) -> None:
        if not data:
            return
        segments = math.ceil(len(data) / _SEGMENT)
        await self._pace(segments)
        self._estimate += segments
        await self._bounded(lambda loop, endpoint: loop.sock_sendall(endpoint, data))

    async def _receive_raw(self, limit: int) -> bytes:
        await self._pace(0)
        data: bytes = await self._bounded(lambda loop, endpoint: loop.sock_recv(endpoint, min(limit, _CHUNK)))
        self._estimate += math.ceil(len(data) / (2 * _SEGMENT))
        self._device.heard = time.monotonic()
        self._device.count.bytes += len(data)
        self._network.counters.bytes_received += len(data)
        self._ended = self._ended or not data
        if self._socket is not None:
            self._settle(self._socket, closing=False)
        return data

    async def _pace(self, packets: int) -> None:
        """Wait until `packets` more may leave, and after them what a full window of the device's bytes will cost."""
        if self._socket is not None:
            self._settle(self._socket, closing=False)
        began = time.monotonic()
        if not self._exchanging:
            await self._network._exchanging.acquire()  # noqa: SLF001
            self._exchanging = True
        if (due := packets + _AHEAD - (self._paid - self._sent)) > 0:
            await self._network.packets.take(0, due)
            self._paid += due
        waited = time.monotonic() - began
        self._paced += waited
        self._until += waited

    async def _bounded(self, operation: Callable[[asyncio.AbstractEventLoop, socket.socket], object]) -> bytes:
        if self._socket is None:
            raise DialError(Status.NOT_ATTEMPTED, "local-error")
        try:
            async with asyncio.timeout(max(0.0, self._until - time.monotonic())):
                return await operation(asyncio.get_running_loop(), self._socket)  # type: ignore[misc,no-any-return]
        except TimeoutError as error:
            raise DialError(Status.TIMED_OUT, "deadline") from error
        except OSError as error:
            raise _dial_error(error) from error

    async def _drain(self, endpoint: socket.socket) -> None:
        """Read on until the device ends its side, within narrow bounds."""
        loop = asyncio.get_running_loop()
        drained = 0
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_LAST_WORDS):
                while not self._ended and drained < _LAST_BYTES:
                    data = await loop.sock_recv(endpoint, _CHUNK)
                    drained += len(data)
                    self._ended = not data

    def _settle(self, endpoint: socket.socket, *, closing: bool) -> None:
        """Charge what the kernel sent beyond what was paid; at the end give back what was not used."""
        network = self._network
        retransmits, segments = _tcp_info(endpoint)
        sent = segments or self._estimate
        if closing:
            sent += not self._ended  # the kernel still has the device's FIN to acknowledge
            network.counters.retransmits += retransmits
        newly = max(0, sent - self._sent)
        paid = min(newly, self._paid - self._sent)
        network.packets.settle(paid)
        if newly > paid:
            network.packets.charge(newly - paid)
            self._paid += newly - paid
        self._sent += newly
        network.counters.packets_sent += newly
        if closing:
            network.packets.release(self._paid - self._sent)


_GONE = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL, errno.EBADF, errno.ENETUNREACH})
_MEANING = {
    errno.ECONNREFUSED: (Status.REFUSED, "connection-refused"),
    errno.ECONNRESET: (Status.REFUSED, "reset"),
    errno.ECONNABORTED: (Status.REFUSED, "reset"),
    errno.EPIPE: (Status.REFUSED, "reset"),
    errno.EPERM: (Status.NOT_ATTEMPTED, "admin-prohibited"),  # a firewall of this machine itself
    errno.EACCES: (Status.NOT_ATTEMPTED, "admin-prohibited"),
    errno.ETIMEDOUT: (Status.TIMED_OUT, "no-response"),
    errno.EHOSTUNREACH: (Status.TIMED_OUT, "host-unreachable"),
} | dict.fromkeys(_GONE, (Status.NOT_ATTEMPTED, "no-route"))


def _dial_error(error: OSError, icmp: int | None = None) -> DialError:
    """Translate a system error. `icmp` is the code of a "destination unreachable" message, where one was seen."""
    if icmp in _PROHIBITED_CODES:
        return DialError(Status.REFUSED, "admin-prohibited")
    if error.errno == errno.ENETUNREACH and icmp is not None:
        return DialError(Status.TIMED_OUT, "net-unreachable")
    return DialError(*_MEANING.get(error.errno or 0, (Status.NOT_ATTEMPTED, "local-error")))


def _icmp_code(endpoint: socket.socket) -> int | None:
    """Return the code of the ICMP message that ended a dial, or None (older kernels do not say)."""
    try:
        _, ancillary, _, _ = endpoint.recvmsg(1, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return None
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_RECVERR and len(data) >= 7:  # noqa: PLR2004
            _, origin, icmp_type, code = struct.unpack_from("=IBBB", data)
            if origin == _ICMP_ORIGIN and icmp_type == _ICMP_UNREACHABLE:
                return int(code)
    return None


def _tcp_info(endpoint: socket.socket) -> tuple[int, int]:
    """Return `(segments sent again, segments sent)` of a socket; zeros where the system does not tell."""
    try:
        info = endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return 0, 0
    if len(info) < _SEGMENTS_AT + 4:
        return 0, 0
    return struct.unpack_from("=I", info, _RETRANSMITS_AT)[0], struct.unpack_from("=I", info, _SEGMENTS_AT)[0]


def _address(permit: Permit) -> str:
    if not isinstance(permit, Permit):
        raise NotPermitted("a packet was asked for without a permit of the scope; nothing was sent")
    if permit.withdrawn:
        raise NotPermitted(f"{permit.address} turned out to be an excluded device; nothing more is sent to it")
    address: str = permit.address
    if ":" in address:
        raise NotPermitted(f"{address} is an IPv6 address; this version contacts IPv4 addresses only")
    return address


def _check_port(port: int) -> None:
    if port in NEVER_PORTS or not 0 < port < 65536:  # noqa: PLR2004
        raise NotPermitted(f"port {port} is never connected to: printers print what arrives there")


def _tcp_socket() -> socket.socket:
    try:
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise DialError(Status.NOT_ATTEMPTED, "local-error") from error
    endpoint.setblocking(False)
    endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
    endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
    endpoint.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    return endpoint


def _udp_socket() -> socket.socket:
    try:
        endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise DialError(Status.NOT_ATTEMPTED, "local-error") from error
    endpoint.setblocking(False)
    return endpoint


def _send(endpoint: socket.socket, payload: bytes, destination: tuple[str, int]) -> None:
    try:
        endpoint.sendto(payload, destination)
    except OSError as error:
        raise _dial_error(error) from error


def _empty(endpoint: socket.socket) -> None:
    """Throw away what lies in the receive buffer, without waiting."""
    with contextlib.suppress(OSError):
        for _ in range(_LAST_BYTES // _CHUNK):
            if not endpoint.recv(_CHUNK):
                return


def _say_goodbye(endpoint: socket.socket, tls: ssl.SSLObject, outgoing: ssl.MemoryBIO) -> None:
    """Send the TLS close_notify where the socket takes it at once."""
    with contextlib.suppress(ssl.SSLError, OSError):
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.unwrap()
        endpoint.send(outgoing.read())


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """Return a context that talks to any device: the certificate is evidence here, not a ground for trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what old cameras speak
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)  # named since Python 3.12
    return context
