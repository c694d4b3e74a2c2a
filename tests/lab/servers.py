"""Serves all devices of a site from one process: TCP, WS-Discovery and ARP, with a book of what each device saw."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import heapq
import ipaddress
import itertools
import re
import selectors
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .certificates import server_context
from .devices import Reply
from .replies import (
    NOT_SUPPORTED,
    fill,
    probe_match,
    read_probe,
    render,
    soap_answer,
    soap_operation,
    values_of,
)
from .sites import loopback_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from .devices import Device, Service
    from .sites import SiteDefinition

WSD_PORT = 3702
WSD_GROUP = "239.255.255.250"
TARPIT_PORT = 1
IDLE = 20.0  # s a device waits for the next request
SILENT_IDLE = 120.0  # s a silent port keeps a connection
HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024
SILENT_PORTS = (80, 443, 554, 8000, 37777, 34567)
IP_PKTINFO = 8  # the socket module has no name for it
TCP_ESTABLISHED = 1
CREDENTIALS_IN_QUERY = re.compile(r"[?&](?:auth|usr|user|username|pwd|password|pass)=", re.IGNORECASE)
BAD_REQUEST = "HTTP/1.1 400 Bad Request\nContent-Type: application/soap+xml; charset=utf-8\nContent-Length: @length@"
LOCKED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<userCheck>\n<statusValue>401</statusValue>\n'
    "<statusString>Unauthorized</statusString>\n<lockStatus>lock</lockStatus>\n<unlockTime>1800</unlockTime>\n</userCheck>\n"
)


@dataclass
class Book:
    """What one device saw. Counts since the start or the last reset."""

    address: str
    connections: int = 0
    peak_open: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    ports: collections.Counter[int] = field(default_factory=collections.Counter)
    http: collections.Counter[str] = field(default_factory=collections.Counter)
    rtsp: collections.Counter[str] = field(default_factory=collections.Counter)
    soap: collections.Counter[str] = field(default_factory=collections.Counter)
    authentication_attempts: int = 0
    locked: bool = False
    died: bool = False
    over_sessions: int = 0
    unreadable: int = 0
    tls_handshakes: int = 0
    tls_failures: int = 0
    payload: bytearray = field(default_factory=bytearray)
    printed: bytearray = field(default_factory=bytearray)
    wsd: collections.Counter[str] = field(default_factory=collections.Counter)
    accepted_at: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, name: str, by: int = 1) -> None:
        """Count under the lock: several connections of one device run in threads of their own."""
        with self.lock:
            setattr(self, name, getattr(self, name) + by)

    def tally(self, name: str, key: str) -> None:
        with self.lock:
            getattr(self, name)[key] += 1

    def keep(self, name: str, data: bytes) -> None:
        with self.lock:
            getattr(self, name).extend(data)

    def as_json(self) -> dict[str, object]:
        with self.lock:
            return self._as_json()

    def _as_json(self) -> dict[str, object]:
        return {
            "address": self.address,
            "connections": self.connections,
            "peak_open": self.peak_open,
            "max_new_per_second": busiest(self.accepted_at),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "ports": {str(port): count for port, count in sorted(self.ports.items())},
            "http": dict(sorted(self.http.items())),
            "rtsp": dict(sorted(self.rtsp.items())),
            "soap": dict(sorted(self.soap.items())),
            "authentication_attempts": self.authentication_attempts,
            "locked": self.locked,
            "died": self.died,
            "over_sessions": self.over_sessions,
            "unreadable": self.unreadable,
            "tls_handshakes": self.tls_handshakes,
            "tls_failures": self.tls_failures,
            "payload_bytes": len(self.payload),
            "payload_hex": bytes(self.payload[:64]).hex(),
            "printed_bytes": len(self.printed),
            "wsd": dict(sorted(self.wsd.items())),
        }


def busiest(times: list[float], window: float = 1.0) -> int:
    """Return the largest number of events in any window of so many seconds."""
    ordered = sorted(times)
    best = start = 0
    for end, moment in enumerate(ordered):
        while moment - ordered[start] >= window:
            start += 1
        best = max(best, end - start + 1)
    return best


@dataclass(frozen=True)
class Placed:
    """A device at its address."""

    address: str
    device: Device
    book: Book


class Emulation:
    """All devices of a site. `start` binds and serves in threads; `close` ends it."""

    def __init__(self, site: SiteDefinition, interface: str | None = None) -> None:
        """Args: interface: the site's end of the link in netns mode; None means loopback."""
        self.site, self.interface = site, interface
        self.placed = {a: Placed(a, device, Book(a)) for a, device in site.devices.items()}
        self.dead: set[str] = set()
        self._selector = selectors.DefaultSelector()
        self._listeners: dict[str, list[socket.socket]] = collections.defaultdict(list)
        self._live: dict[str, set[socket.socket]] = collections.defaultdict(set)
        self._live_lock = threading.Lock()
        self._kept: list[socket.socket] = []
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    def map_port(self, port: int) -> int:
        return port if self.interface else loopback_port(port)

    # --- start and end ---

    def start(self) -> None:
        if self.interface:
            self._bind_for_all()
        else:
            self._bind_each()
        self._spawn(self._loop, "accept")
        if self.interface:
            self._spawn(self._arp_loop, "arp")

    def _spawn(self, target: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=target, name=f"lab-{name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def close(self) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=2)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        with self._live_lock:
            live = [conn for conns in self._live.values() for conn in conns]
        for sock in [*self._kept, *live]:
            with contextlib.suppress(OSError):
                sock.close()

    def reset(self) -> None:
        """Forget the counts, keep the state (a device that died stays dead)."""
        self.placed = {
            a: replace(p, book=Book(a, died=p.book.died, locked=p.book.locked)) for a, p in self.placed.items()
        }

    def counters(self) -> dict[str, object]:
        return {p.device.id: p.book.as_json() for p in self.placed.values()}

    def _listen(self, address: str, port: int) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OSError as error:
            sock.close()
            raise OSError(error.errno, f"cannot listen on {address}:{port}: {error.strerror}") from error
        sock.listen(128)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, self._accept)
        self._listeners[address].append(sock)

    def _bind_for_all(self) -> None:
        ports = {service.port for p in self.placed.values() for service in p.device.services}
        if any(p.device.behaviour.tarpit for p in self.placed.values()):
            ports.add(TARPIT_PORT)
        for port in sorted(ports):
            self._listen("0.0.0.0", port)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.bind(("0.0.0.0", WSD_PORT))
        member = struct.pack(
            "=4s4si", socket.inet_aton(WSD_GROUP), bytes(4), socket.if_nametoindex(str(self.interface))
        )
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, self._discovery_for_all)

    def _bind_each(self) -> None:
        for placed in self.placed.values():
            for service in placed.device.services:
                self._listen(placed.address, self.map_port(service.port))
            if placed.device.behaviour.tarpit:
                for port in SILENT_PORTS:
                    self._listen(placed.address, self.map_port(port))
            if placed.device.wsd:
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sock.bind((placed.address, self.map_port(WSD_PORT)))
                sock.setblocking(False)
                self._selector.register(sock, selectors.EVENT_READ, self._discovery_of_one)
        wanted = [(address, self.map_port(port)) for address in self.site.silent for port in SILENT_PORTS]
        with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
            for kept in pool.map(lambda place: unanswering(*place), wanted):
                self._kept += kept
        for address in self.site.silent:
            quiet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            quiet.bind((address, self.map_port(WSD_PORT)))
            self._kept.append(quiet)

    # --- one thread accepts, reads datagrams and sends what is due ---

    def _loop(self) -> None:
        while not self._closing.is_set():
            wait = 0.1
            if self._due:
                wait = min(wait, max(0.0, self._due[0][0] - time.monotonic()))
            for key, _ in self._selector.select(wait):
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    key.data(key.fileobj)
            while self._due and self._due[0][0] <= time.monotonic():
                heapq.heappop(self._due)[2]()

    def _later(self, delay: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), action))

    def _accept(self, listener: socket.socket) -> None:
        conn, _ = listener.accept()
        conn.setblocking(True)
        address, port = conn.getsockname()
        placed = self.placed.get(address)
        if placed is None:  # the packet filter lets nothing of this kind through; a race at the end may
            abort(conn)
            return
        port = port if self.interface else port - 10_000
        behaviour, book = placed.device.behaviour, placed.book
        with self._live_lock:
            live = self._live[address]
            live.add(conn)
            is_open = sum(1 for other in live if established(other))
        now = time.monotonic()
        with book.lock:
            book.connections += 1
            book.ports[port] += 1
            book.accepted_at.append(now)
            book.peak_open = max(book.peak_open, is_open)
            number = book.connections
            recent = sum(1 for moment in book.accepted_at[-64:] if now - moment < 1.0)
        if behaviour.watchdog is not None and recent > behaviour.watchdog:
            self._die(placed)
        if behaviour.refuse_after is not None and number >= behaviour.refuse_after:
            self._refuse(placed)
        over = behaviour.max_sessions is not None and is_open > behaviour.max_sessions
        if over:
            book.add("over_sessions")
        if book.died or over or (behaviour.reset_after is not None and number > behaviour.reset_after):
            self._forget(address, conn)
            abort(conn)
            return
        threading.Thread(target=self._serve, args=(placed, conn, port), daemon=True).start()

    def _forget(self, address: str, conn: socket.socket) -> None:
        with self._live_lock:
            self._live[address].discard(conn)

    def _die(self, placed: Placed) -> None:
        """The watchdog: the unit is gone until the lab ends."""
        placed.book.died = True
        self.dead.add(placed.address)
        self._cut(placed.address, "dead")

    def _refuse(self, placed: Placed) -> None:
        self._cut(placed.address, "refuse")

    def _cut(self, address: str, packet_set: str) -> None:
        if self.interface:
            subprocess.run(
                ["nft", "add", "element", "inet", "lab", packet_set, f"{{ {address} }}"], check=True, timeout=10
            )
            return
        for listener in self._listeners.pop(address, []):
            self._selector.unregister(listener)
            listener.close()

    # --- one connection, in its own thread ---

    def _serve(self, placed: Placed, conn: socket.socket, port: int) -> None:
        talk = Talk(self, placed, conn, port)
        try:
            talk.run()
        except (OSError, ssl.SSLError, TimeoutError):
            pass  # the other side went away or sent nothing in time: its right
        finally:
            self._forget(placed.address, talk.conn)
            self._forget(placed.address, conn)
            with contextlib.suppress(OSError):
                talk.conn.close()
        limit = placed.device.behaviour.silent_after
        if limit is not None and placed.book.connections >= limit and self.interface:
            self._cut(placed.address, "dead")

    # --- WS-Discovery ---

    def _discovery_for_all(self, sock: socket.socket) -> None:
        data, ancillary, _, sender = sock.recvmsg(65535, socket.CMSG_SPACE(12))
        to = ""
        for level, kind, value in ancillary:
            if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
                to = socket.inet_ntoa(value[8:12])
        if to == WSD_GROUP:
            direct = self.site.subnets("direct")
            for number, placed in enumerate(self.placed.values()):
                if any(ipaddress.ip_address(placed.address) in block for block in direct):
                    self._discover(placed, data, sender, sock, "multicast", delay=0.01 * (number % 40))
        elif to in self.placed:
            self._discover(self.placed[to], data, sender, sock, "unicast")

    def _discovery_of_one(self, sock: socket.socket) -> None:
        data, sender = sock.recvfrom(65535)
        self._discover(self.placed[sock.getsockname()[0]], data, sender, sock, "unicast")

    def _discover(
        self,
        placed: Placed,
        data: bytes,
        sender: tuple[str, int],
        sock: socket.socket,
        way: str,
        delay: float = 0.0,
    ) -> None:
        wsd, book = placed.device.wsd, placed.book
        if wsd is None or placed.address in self.dead:
            return
        probe = read_probe(data)
        book.tally("wsd", f"{way}:{probe[1] if probe else 'unreadable'}")
        if probe is None or probe[1] not in wsd.answers or not getattr(wsd, way):
            return
        values = values_of(placed.device, placed.address, 80, self.map_port)
        answer = probe_match(wsd, placed.device, probe[0], values, self.map_port)
        book.tally("wsd", "answers")

        def send() -> None:
            with contextlib.suppress(OSError):
                if self.interface:
                    info = struct.pack("=i4s4s", 0, socket.inet_aton(placed.address), bytes(4))
                    sock.sendmsg([answer], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, sender)
                else:
                    sock.sendto(answer, sender)

        self._later(delay, send)

    # --- ARP: the kernel is told to keep still (arp_ignore), each device answers with its own MAC ---

    def _arp_loop(self) -> None:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        sock.bind((str(self.interface), 0x0806))
        sock.settimeout(0.2)
        direct = self.site.subnets("direct")
        table = {
            socket.inet_aton(a): bytes.fromhex(p.device.mac.replace(":", ""))
            for a, p in self.placed.items()
            if p.device.mac and p.device.behaviour.layer != "silent"
            and any(ipaddress.ip_address(a) in block for block in direct)
        }  # fmt: skip
        proxy = bytes.fromhex((self.site.proxy_arp or "").replace(":", ""))
        scanner = socket.inet_aton(str(self.site.scanner).partition("/")[0])
        with sock:
            while not self._closing.is_set():
                try:
                    frame = sock.recv(2048)
                except TimeoutError:
                    continue
                if len(frame) < 42 or frame[12:14] != b"\x08\x06" or frame[20:22] != b"\x00\x01":
                    continue
                asker_mac, asker, target = frame[22:28], frame[28:32], frame[38:42]
                address = socket.inet_ntoa(target)
                mac = table.get(target)
                if mac is None and proxy and target != scanner:
                    mac = proxy if any(ipaddress.ip_address(address) in block for block in direct) else None
                if mac is None or address in self.dead:
                    continue
                sock.send(
                    asker_mac + mac + b"\x08\x06" + b"\x00\x01\x08\x00\x06\x04\x00\x02"
                    + mac + target + asker_mac + asker + bytes(18)
                )  # fmt: skip


class Talk:
    """One connection to one device."""

    def __init__(self, emulation: Emulation, placed: Placed, conn: socket.socket, port: int) -> None:
        self.emulation, self.placed, self.conn, self.port = emulation, placed, conn, port
        self.device, self.book = placed.device, placed.book
        self.rest = b""

    def run(self) -> None:
        service = self.device.service(self.port)
        if self.device.behaviour.tarpit or service is None:
            self._listen_only(b"", "payload")
        elif service.kind == "tcp":
            self._listen_only(service.banner, "printed" if service.printer else "payload")
        elif service.kind == "rtsp":
            self._rtsp(service)
        elif service.kind == "https":
            self._handshake(service)
            self._http(service)
        else:
            self._http(service)

    # --- bytes ---

    def _receive(self, wait: float = IDLE) -> bytes:
        self.conn.settimeout(wait)
        data = self.conn.recv(65536)
        self.book.add("bytes_in", len(data))
        return data

    def _send(self, data: bytes) -> None:
        drip = self.device.behaviour.drip
        step = drip[0] if drip else len(data) or 1
        for start in range(0, len(data), step):
            if start and drip:
                time.sleep(drip[1])
            self.conn.settimeout(IDLE)
            self.conn.sendall(data[start : start + step])
        self.book.add("bytes_out", len(data))

    def _finish(self) -> None:
        """Close as a server does: FIN, then wait for the other side's."""
        if isinstance(self.conn, ssl.SSLSocket):
            self.conn.settimeout(1)
            with contextlib.suppress(OSError, ssl.SSLError):
                self.conn = self.conn.unwrap()
        with contextlib.suppress(OSError):
            self.conn.shutdown(socket.SHUT_WR)
            while self._receive(2):
                pass

    def _until_blank_line(self) -> bytes | None:
        """Return one request head, or None at the end of the connection."""
        while True:
            for mark in (b"\r\n\r\n", b"\n\n"):
                head, found, after = self.rest.partition(mark)
                if found:
                    self.rest = after
                    return head
            data = self._receive()
            if not data or len(self.rest) > HEAD_LIMIT:
                if self.rest:
                    self.book.add("unreadable")
                return None
            self.rest += data

    def _exactly(self, size: int) -> bytes:
        while len(self.rest) < size:
            data = self._receive()
            if not data:
                break
            self.rest += data
        body, self.rest = self.rest[:size], self.rest[size:]
        return body

    def _request(self) -> tuple[str, str, str, dict[str, str], bytes] | None:
        """Return (method, target, version, headers, body) of an HTTP or RTSP request."""
        head = self._until_blank_line()
        if head is None:
            return None
        lines = head.decode("latin-1").splitlines()
        words = lines[0].split(" ") if lines else []
        if len(words) != 3 or "/" not in words[2]:
            self.book.add("unreadable")
            return None
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "0")
        body = self._exactly(min(int(length), BODY_LIMIT)) if length.isdigit() else b""
        if "authorization" in headers or CREDENTIALS_IN_QUERY.search(words[1]):
            self._attempt()
        return words[0], words[1], words[2], headers, body

    def _attempt(self) -> None:
        limit = self.device.behaviour.lockout
        with self.book.lock:
            self.book.authentication_attempts += 1
            if limit is not None and self.book.authentication_attempts >= limit:
                self.book.locked = True

    # --- protocols ---

    def _listen_only(self, banner: bytes, record: str) -> None:
        if banner:
            self._send(banner)
        while data := self._receive(SILENT_IDLE):
            self.book.keep(record, data)

    def _handshake(self, service: Service) -> None:
        values, port = self._values(), self.emulation.map_port

        def filled(parts: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
            return tuple((key, fill(value, values, port)) for key, value in parts)

        given = service.certificate
        context = server_context(
            replace(
                given,
                subject=filled(given.subject),
                issuer=filled(given.issuer),
                names=tuple(fill(name, values, port) for name in given.names),
            )
        )
        self.conn.settimeout(IDLE)
        raw = self.conn
        try:
            self.conn = context.wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError):
            self.book.add("tls_failures")
            raise
        self.book.add("tls_handshakes")
        with self.emulation._live_lock:
            live = self.emulation._live[self.placed.address]
            live.discard(raw)
            live.add(self.conn)

    def _values(self) -> dict[str, str]:
        return values_of(self.device, self.placed.address, self.port, self.emulation.map_port)

    def _render(self, reply: Reply, **extra: str) -> bytes:
        return render(reply, {**self._values(), **extra}, self.emulation.map_port)

    def _http(self, service: Service) -> None:
        while request := self._request():
            method, target, version, headers, body = request
            if not version.startswith("HTTP/"):
                self.book.add("unreadable")
                break
            self.book.tally("http", f"{method} {target}")
            if self.book.locked:
                answer = (
                    "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/xml\r\n"
                    f"Content-Length: {len(LOCKED)}\r\nConnection: close\r\n\r\n{LOCKED}"
                ).encode()
            elif method == "POST" and service.onvif and target in self.device.onvif.paths:
                answer = self._soap(body)
            else:
                reply = service.routes.get(target) or service.routes.get(target.partition("?")[0]) or service.default
                answer = self._render(reply)
                if method == "HEAD":
                    answer = answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            self._send(answer)
            head = answer.partition(b"\r\n\r\n")[0].lower()
            asked = headers.get("connection", "").lower()
            if (
                asked == "close"
                or b"connection: close" in head
                or b"content-length:" not in head
                or version == "HTTP/1.0"
            ):
                break
        self._finish()

    def _soap(self, body: bytes) -> bytes:
        operation, token = soap_operation(body)
        onvif = self.device.onvif
        if token:
            self._attempt()
        if operation is None:
            self.book.add("unreadable")
        self.book.tally("soap", operation or "unreadable")
        if operation in onvif.answers:
            text = soap_answer(operation, onvif.answers[operation], self.device, self._values())
            return self._render(Reply(head=onvif.head, body=text))
        if operation is None:
            return self._render(Reply(head=BAD_REQUEST, body=NOT_SUPPORTED))
        return self._render(onvif.refusal)

    def _rtsp(self, service: Service) -> None:
        while request := self._request():
            method, _, version, headers, _ = request
            if not version.startswith("RTSP/"):
                self.book.add("unreadable")
                break
            self.book.tally("rtsp", method)
            reply = {"OPTIONS": service.options, "DESCRIBE": service.describe}.get(method, service.default)
            answer = self._render(reply, cseq=headers.get("cseq", "0"))
            self._send(answer)
            if b"connection: close" in answer.lower():
                break
        self._finish()


def established(conn: socket.socket) -> bool:
    """Whether the kernel still holds both directions open; a peer's FIN that we have not read yet counts as closed."""
    try:
        return conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0] == TCP_ESTABLISHED
    except OSError:
        return False


def abort(conn: socket.socket) -> None:
    """Close with RST."""
    with contextlib.suppress(OSError):
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def unanswering(address: str, port: int) -> list[socket.socket]:
    """Return sockets that together make a port drop every further SYN: a full accept queue that nobody empties."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(0)
    kept = [listener]
    for _ in range(8):
        filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        filler.settimeout(0.1)
        try:
            filler.connect((address, port))
        except TimeoutError:
            filler.close()
            return kept
        kept.append(filler)
    raise RuntimeError(f"{address}:{port} still accepts connections; on {sys.platform} the queue cannot be filled")
