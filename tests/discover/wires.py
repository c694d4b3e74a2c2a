"""A small network of namespaces for the tests of `auditor.net`, `auditor.capture` and `auditor.discover`.

    scan 10.91.0.2/24 ---- near 10.91.0.1 (router, and devices of its own on the link) ---- far 10.92.0.0/24 (routed)

Devices are threads. What the scanner sends is counted where it arrives, by a packet socket that knows nothing of the
product. The namespaces' names begin with `cab-`, and they are removed at the end.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import ctypes
import itertools
import os
import select
import socket
import struct
import subprocess
import threading
import time

from auditor.model import GENTLE, Ports, Zone, ZoneRole
from auditor.site import Exclusion, Scope

SCANNER, ROUTER = "10.91.0.2", "10.91.0.1"
NEAR, FAR = "10.91.0.0/24", "10.92.0.0/24"
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()
_CLONE_NEWNET = 0x40000000
_OUTGOING = 4


def inside(namespace, work):
    """Run `work()` in a thread that stands in a namespace; return its value or raise its error."""
    box = {}

    def run():
        try:
            handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
            try:
                if _libc.setns(handle, _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            finally:
                os.close(handle)
            box["value"] = work()
        except BaseException as error:  # noqa: BLE001  (raised again in the caller's thread)
            box["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in box:
        raise box["error"]
    return box["value"]


def mac_of(address):
    """The MAC that a device of the near link has here, from its address."""
    return "02:91:00:00:" + ":".join(f"{int(part):02x}" for part in address.split(".")[2:])


def busiest(times, window=1.0):
    """The most moments that lie within any window of that many seconds."""
    most, first, ordered = 0, 0, sorted(times)
    for index, moment in enumerate(ordered):
        while ordered[first] <= moment - window:
            first += 1
        most = max(most, index - first + 1)
    return most


class Frame:
    """One frame that the scanner sent."""

    def __init__(self, at, raw):
        self.at, self.raw = at, raw
        self.kind = raw[12:14].hex()
        self.protocol = raw[23] if self.kind == "0800" else None
        self.flags = raw[47] if self.protocol == 6 else None
        self.arp_op = struct.unpack("!H", raw[20:22])[0] if self.kind == "0806" else None
        at = {"0800": 30, "0806": 38}.get(self.kind)
        self.to = socket.inet_ntoa(raw[at : at + 4]) if at else None

    @property
    def syn(self):
        return self.flags == 0x02


class Tap:
    """Collects every frame that arrives on an interface."""

    def __init__(self, namespace, interface):
        self._socket = inside(namespace, lambda: self._open(interface))
        self._stop = threading.Event()
        self._frames = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _open(self, interface):
        endpoint = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        endpoint.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        endpoint.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS: the kernel's time, not the reader's
        endpoint.bind((interface, 0))
        return endpoint

    def _run(self):
        while not self._stop.is_set():
            if select.select([self._socket], [], [], 0.05)[0]:
                raw, ancillary, _, origin = self._socket.recvmsg(2048, 128)
                if origin[2] == _OUTGOING:
                    continue
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                self._frames.append(Frame(seconds + nanoseconds / 1e9, raw))

    def frames(self):
        """Everything from IPv4 and ARP so far; waits a moment for the last ones."""
        time.sleep(0.15)
        return [frame for frame in list(self._frames) if frame.kind in ("0800", "0806")]

    def clear(self):
        time.sleep(0.15)
        self._frames.clear()

    def to(self, address):
        return [frame for frame in self.frames() if frame.to == address]

    def close(self):
        self._stop.set()
        self._thread.join()
        self._socket.close()


class Devices:
    """Threads that play devices in one namespace until they are told to stop."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._stop = threading.Event()
        self._threads, self._sockets = [], []
        self.heard = collections.defaultdict(list)  # bytes received, by address

    def _start(self, endpoint, serve):
        self._sockets.append(endpoint)

        def loop():
            while not self._stop.is_set():
                if select.select([endpoint], [], [], 0.05)[0]:
                    serve(endpoint)

        thread = threading.Thread(target=loop)
        thread.start()
        self._threads.append(thread)

    def arp(self, interface, addresses, mac=mac_of):
        """Answer ARP for addresses, each with the MAC or MACs that `mac(address)` gives."""

        def open_():
            endpoint = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
            endpoint.bind((interface, 0x0806))
            return endpoint

        wanted = set(addresses)

        def serve(endpoint):
            raw, origin = endpoint.recvfrom(2048)
            asked = socket.inet_ntoa(raw[38:42])
            if origin[2] == _OUTGOING or raw[20:22] != b"\0\1" or asked not in wanted:
                return
            macs = mac(asked)
            for text in [macs] if isinstance(macs, str) else macs:
                own = bytes.fromhex(text.replace(":", ""))
                reply = raw[6:12] + own + b"\x08\x06" + raw[14:20] + b"\0\2" + own + raw[38:42] + raw[22:32]
                endpoint.send(reply)

        self._start(inside(self._namespace, open_), serve)

    def tcp(self, port, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", address="0.0.0.0", pause=0.0):
        """Accept connections, read once, answer, close."""

        def open_():
            endpoint = socket.socket()
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            endpoint.bind((address, port))
            endpoint.listen(512)
            return endpoint

        def talk(peer):
            with contextlib.suppress(OSError), peer:
                peer.settimeout(20)
                data = peer.recv(65536)
                self.heard[peer.getsockname()[0]].append(data)
                if data:
                    time.sleep(pause)
                    peer.sendall(answer)

        def serve(endpoint):
            peer, _ = endpoint.accept()
            thread = threading.Thread(target=talk, args=(peer,))
            thread.start()
            self._threads.append(thread)

        self._start(inside(self._namespace, open_), serve)

    def wsd(self, interface, addresses, body=b"<ProbeMatch/>", *, only=b"", copies=1, mangle=lambda number, data: data):
        """Answer WS-Discovery for addresses, by unicast and for the group, repeating the message id."""
        for address in [*addresses, ""]:

            def open_(address=address):
                endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                endpoint.bind((address or "239.255.255.250", 3702))
                if not address:
                    member = struct.pack(
                        "=4s4si", socket.inet_aton("239.255.255.250"), bytes(4), socket.if_nametoindex(interface)
                    )
                    endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
                return endpoint

            self._start(inside(self._namespace, open_), lambda endpoint, mine=address: answer(endpoint, mine))

        def answer(endpoint, mine):
            message, sender = endpoint.recvfrom(65535)
            self.heard[mine or "group"].append(message)
            if only not in message:
                return
            number = message.split(b"urn:uuid:")[1][:36]
            for own in [mine] if mine else addresses:
                for copy in range(copies):
                    data = b"<a:MessageID>%d</a:MessageID><a:RelatesTo>urn:uuid:%s</a:RelatesTo>" % (
                        time.monotonic_ns(),
                        number,
                    )
                    reply = mangle(copy, data + body)
                    inside(self._namespace, lambda own=own, reply=reply: send_from(own, reply, sender))

    def udp_sink(self, port, address):
        """Receive datagrams and say nothing."""

        def open_():
            endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            endpoint.bind((address, port))
            return endpoint

        self._start(
            inside(self._namespace, open_), lambda endpoint: self.heard[address].append(endpoint.recvfrom(65535)[0])
        )

    def close(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for endpoint in self._sockets:
            endpoint.close()


def send_from(address, data, to):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.bind((address, 0))
        endpoint.sendto(data, to)


class Wires:
    """The three namespaces. `near` owns 10.91.0.32/27 and 10.91.0.128/28, `far` owns 10.92.0.0/25; the rest is silent."""

    def __init__(self):
        stem = f"cab-{os.getpid()}-{next(_numbers)}"
        self.scan, self.near, self.far = f"{stem}-scan", f"{stem}-near", f"{stem}-far"
        self._devices, self._taps = [], []

    def __enter__(self):
        for name in (self.scan, self.near, self.far):
            self.ip(None, "netns", "add", name)
            self.ip(name, "link", "set", "lo", "up")
        self.pair(self.scan, "s0", self.near, "n0")
        self.pair(self.near, "n1", self.far, "f0")
        self.ip(self.scan, "address", "add", f"{SCANNER}/24", "dev", "s0")
        self.ip(self.near, "address", "add", f"{ROUTER}/24", "dev", "n0")
        self.ip(self.near, "address", "add", "192.0.2.1/30", "dev", "n1")
        self.ip(self.far, "address", "add", "192.0.2.2/30", "dev", "f0")
        self.ip(self.scan, "route", "add", "default", "via", ROUTER)
        self.ip(self.far, "route", "add", "default", "via", "192.0.2.1")
        self.ip(self.near, "route", "add", FAR, "via", "192.0.2.2")
        self.ip(self.far, "route", "add", "local", "10.92.0.0/25", "dev", "lo")
        self.ip(self.far, "route", "add", "blackhole", "10.92.0.128/25")
        for own in ("10.91.0.32/27", "10.91.0.128/28"):
            self.ip(self.near, "route", "add", "local", own, "dev", "lo")
        self.run(self.near, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
        # The router answers ARP for itself; `Devices.arp` answers for its devices, whose frames carry their own MACs.
        self.run(self.near, "sysctl", "-qw", "net.ipv4.conf.n0.arp_ignore=1", "net.ipv4.conf.n0.arp_announce=2")
        self.nft(
            self.near,
            "table netdev any {\n chain in {\n type filter hook ingress device n0 priority 0;\n"
            " meta pkttype set host\n}\n}\n",
        )
        return self

    def __exit__(self, *_):
        for item in [*self._devices, *self._taps]:
            item.close()
        for name in (self.scan, self.near, self.far):
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def ip(self, namespace, *words):
        subprocess.run(["ip", *(["-n", namespace] if namespace else []), *words], check=True)

    def run(self, namespace, *words):
        subprocess.run(["ip", "netns", "exec", namespace, *words], check=True)

    def nft(self, namespace, text):
        subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=text, text=True, check=True)

    def filter(self, namespace, hook, *rules):
        lines = "\n".join(rules)
        self.nft(namespace, f"table ip t {{\n chain c {{\n type filter hook {hook} priority 0;\n{lines}\n}}\n}}\n")

    def pair(self, one, name, other, peer):
        self.ip(None, "link", "add", name, "netns", one, "type", "veth", "peer", "name", peer, "netns", other)
        for namespace, device in ((one, name), (other, peer)):
            self.ip(namespace, "link", "set", device, "up")

    def devices(self, namespace):
        found = Devices(namespace)
        self._devices.append(found)
        return found

    def tap(self):
        """Count what the scanner sends."""
        tap = Tap(self.near, "n0")
        self._taps.append(tap)
        return tap

    def scanner(self, work):
        """Run a coroutine function in the scanner's namespace."""
        return inside(self.scan, lambda: asyncio.run(work()))


def scope_of(*subnets, exclude=()):
    return Scope([Zone(f"zone{number}", ZoneRole.CORE, (cidr,)) for number, cidr in enumerate(subnets)], exclude)


def context(scope, pace=GENTLE, ports=None, methods=("arp", "sweep", "wsd")):
    """A discovery context with a network of its own."""
    from auditor.discover import DiscoverContext
    from auditor.net.network import Network

    return DiscoverContext(scope, Network(pace, vantage="test"), ports or Ports(), frozenset(methods))


__all__ = ["Exclusion"]
