"""Counts on the wire what the scanner sends, apart from the servers: frames, ARP, SYNs, protocols, oddities.

Listens on the site's end of the link, where a frame is seen before the packet filter. Times are the kernel's, so a
slow reader does not squeeze a steady stream into a burst.
"""

from __future__ import annotations

import array
import collections
import ctypes
import fcntl
import ipaddress
import json
import os
import selectors
import socket
import struct
import sys

from .servers import busiest

ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
# What a kernel sends for a client that connects, asks and closes (reliability row 8); anything else is odd.
CLEAN_FLAGS = frozenset({SYN, ACK, PSH | ACK, FIN | ACK, FIN | PSH | ACK, RST, RST | ACK})
NAMES = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp"}


class Wire:
    """What came from the scanner. All counts since the start or the last reset."""

    def __init__(self, scanner: str, subnets: list[str]) -> None:
        self.scanner = scanner
        self.subnets = [ipaddress.ip_network(cidr) for cidr in subnets]
        self.forget()

    def forget(self) -> None:
        self.times = array.array("d")
        self.arp_times = array.array("d")
        self.syn_times: dict[str, array.array[float]] = collections.defaultdict(lambda: array.array("d"))
        self.protocols: collections.Counter[str] = collections.Counter()
        self.addresses: dict[str, dict[str, object]] = {}
        self.fragments = self.options = self.bad_checksums = self.retransmitted_syn = self.dropped = self.bytes = 0
        self.odd_flags: collections.Counter[str] = collections.Counter()
        self.odd: list[str] = []
        self.connections: dict[tuple[str, int, str, int], str] = {}
        self.seen_syn: set[tuple[str, int, str, int, int]] = set()
        self.open_now: collections.Counter[str] = collections.Counter()
        self.peak_open: collections.Counter[str] = collections.Counter()
        self.opened: collections.Counter[str] = collections.Counter()

    def _entry(self, address: str) -> dict[str, object]:
        return self.addresses.setdefault(
            address,
            {"frames": 0, "arp": 0, "ip": 0, "syn": 0, "udp": 0, "icmp": 0, "tcp_ports": collections.Counter(),
             "udp_ports": collections.Counter(), "payload_to_ports": collections.Counter()},
        )  # fmt: skip

    def frame(self, data: bytes, outgoing: bool, moment: float) -> None:
        """Count one Ethernet frame; `outgoing` is towards the scanner."""
        ethertype = int.from_bytes(data[12:14], "big")
        if outgoing:
            if ethertype == 0x0800:
                self._towards(data[14:])
            return
        self.times.append(moment)
        self.bytes += len(data)
        if ethertype == 0x0806 and len(data) >= 42:
            self.protocols["arp"] += 1
            if data[20:22] == b"\x00\x01":
                self.arp_times.append(moment)
                entry = self._entry(socket.inet_ntoa(data[38:42]))
                entry["frames"] += 1
                entry["arp"] += 1
        elif ethertype == 0x0800 and len(data) >= 34:
            self._ip(data[14:], moment)
        else:
            self.protocols[f"ethertype-{ethertype:04x}"] += 1
            self._note(f"ethertype {ethertype:04x}: {data[:64].hex()}")

    def _note(self, text: str) -> None:
        if len(self.odd) < 100:
            self.odd.append(text)

    def _ip(self, packet: bytes, moment: float) -> None:
        header = (packet[0] & 15) * 4
        total = int.from_bytes(packet[2:4], "big")
        packet = packet[:total]
        protocol, target = packet[9], socket.inet_ntoa(packet[16:20])
        name = NAMES.get(protocol, f"ip-{protocol}")
        self.protocols[name] += 1
        entry = self._entry(target)
        entry["frames"] += 1
        entry["ip"] += 1
        if name not in {"tcp", "udp", "icmp", "igmp"}:
            self._note(f"IP protocol {protocol} to {target}")
        if int.from_bytes(packet[6:8], "big") & 0x3FFF:
            self.fragments += 1
            return
        if header > 20 and protocol != 2:  # IGMP carries the router alert option by its standard
            self.options += 1
            self._note(f"IP options to {target}")
        if checksum(packet[:header]):
            self.bad_checksums += 1
            self._note(f"bad IP checksum to {target}")
        body = packet[header:]
        if protocol == 6 and len(body) >= 20:
            self._tcp(packet, body, target, entry, moment)
        elif protocol == 17 and len(body) >= 8:
            entry["udp"] += 1
            entry["udp_ports"][int.from_bytes(body[2:4], "big")] += 1
            if body[6:8] != b"\x00\x00" and checksum(pseudo(packet, len(body)) + body):
                self.bad_checksums += 1
                self._note(f"bad UDP checksum to {target}")
        elif protocol == 1:
            entry["icmp"] += 1

    def _tcp(self, packet: bytes, body: bytes, target: str, entry: dict[str, object], moment: float) -> None:
        source = socket.inet_ntoa(packet[12:16])
        sport, dport, sequence = struct.unpack("!HHI", body[:8])
        flags = body[13] & 63
        if checksum(pseudo(packet, len(body)) + body):
            self.bad_checksums += 1
            self._note(f"bad TCP checksum to {target}:{dport}")
        if flags not in CLEAN_FLAGS or body[13] & 0xC0:
            self.odd_flags[f"{body[13]:#04x}"] += 1
            self._note(f"TCP flags {body[13]:#04x} to {target}:{dport}")
        if len(body) > (body[12] >> 4) * 4:
            entry["payload_to_ports"][dport] += 1
        key = (source, sport, target, dport)
        if flags & SYN:
            entry["syn"] += 1
            entry["tcp_ports"][dport] += 1
            self.syn_times[target].append(moment)
            if (*key, sequence) in self.seen_syn:
                self.retransmitted_syn += 1
            self.seen_syn.add((*key, sequence))
            self.connections[key] = "asked"
        elif flags & (FIN | RST):
            self._closed(key)
        elif flags & ACK and self.connections.get(key) == "accepted":
            self.connections[key] = "open"
            self.opened[target] += 1
            self.open_now[target] += 1
            self.peak_open[target] = max(self.peak_open[target], self.open_now[target])

    def _closed(self, key: tuple[str, int, str, int]) -> None:
        if self.connections.pop(key, None) == "open":
            self.open_now[key[2]] -= 1

    def _towards(self, packet: bytes) -> None:
        header = (packet[0] & 15) * 4
        if packet[9] != 6 or len(packet) < header + 20:
            return
        sport, dport = struct.unpack("!HH", packet[header : header + 4])
        flags = packet[header + 13] & 63
        key = (socket.inet_ntoa(packet[16:20]), dport, socket.inet_ntoa(packet[12:16]), sport)
        if flags & RST:
            self._closed(key)
        elif flags & SYN and flags & ACK and self.connections.get(key) == "asked":
            self.connections[key] = "accepted"

    def as_json(self) -> dict[str, object]:
        addresses = {}
        outside = {}
        for address, entry in self.addresses.items():
            parsed = ipaddress.ip_address(address)
            line = {
                **{k: dict(v) if isinstance(v, collections.Counter) else v for k, v in entry.items()},
                "max_syn_per_second": busiest(list(self.syn_times.get(address, ()))),
                "peak_open": self.peak_open[address],
                "opened": self.opened[address],
            }
            for name in ("tcp_ports", "udp_ports", "payload_to_ports"):
                line[name] = {str(port): count for port, count in sorted(line[name].items())}
            addresses[address] = line
            if not parsed.is_multicast and not any(parsed in block for block in self.subnets):
                outside[address] = line["frames"]
        return {
            "frames": len(self.times),
            "bytes": self.bytes,
            "max_per_second": busiest(list(self.times)),
            "arp_requests": len(self.arp_times),
            "max_arp_per_second": busiest(list(self.arp_times)),
            "protocols": dict(self.protocols),
            "syn": sum(len(times) for times in self.syn_times.values()),
            "retransmitted_syn": self.retransmitted_syn,
            "fragments": self.fragments,
            "ip_options": self.options,
            "bad_checksums": self.bad_checksums,
            "odd_flags": dict(self.odd_flags),
            "odd": self.odd,
            "dropped": self.dropped,
            "outside": outside,
            "addresses": addresses,
        }


def checksum(data: bytes) -> int:
    """Return the Internet checksum; 0 for data that carries a right one."""
    if len(data) % 2:
        data += b"\x00"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(packet: bytes, length: int) -> bytes:
    return packet[12:20] + b"\x00" + packet[9:10] + length.to_bytes(2, "big")


def offloads_off(interface: str) -> None:
    """Let the kernel compute checksums itself and send no giant frames, so that the wire shows real packets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in (0x17, 0x1F, 0x2C, 0x15):  # set: tx checksum, TSO, GRO, rx checksum
            value = ctypes.create_string_buffer(struct.pack("=II", command, 0))
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(sock, 0x8946, request)
            except OSError as error:
                if command == 0x17:
                    raise
                print(f"{interface}: offload {command:#x} stays: {error}", file=sys.stderr)


def run(interface: str, scanner: str, subnets: list[str]) -> None:
    """Count until standard input ends; answer `counters` and `reset` with one JSON line each."""
    wire = Wire(scanner, subnets)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 * 1024 * 1024)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((interface, ETH_P_ALL))
    sock.setblocking(False)

    def drain() -> None:
        while True:
            try:
                data, ancillary, _, address = sock.recvmsg(65536, 256)
            except BlockingIOError:
                return
            moment = next(
                (a + b / 1e9 for level, kind, value in ancillary if kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET
                 for a, b in [struct.unpack("=qq", value[:16])]), None,
            )  # fmt: skip
            if moment is None:
                raise RuntimeError("the kernel gave no time for a frame")
            wire.frame(data, address[2] == PACKET_OUTGOING, moment)

    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    print(json.dumps({"ready": True}), flush=True)
    pending = b""
    while True:
        for key, _ in selector.select():
            if key.fileobj is sock:
                drain()
                continue
            chunk = os.read(sys.stdin.fileno(), 4096)
            if not chunk:
                return
            pending += chunk
            *lines, pending = pending.split(b"\n")
            for line in lines:
                drain()
                # Reading the statistics also sets them back to zero.
                lost = struct.unpack("=II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
                wire.dropped += lost
                if line.strip() == b"reset":
                    wire.forget()
                    print(json.dumps({"reset": True}), flush=True)
                else:
                    print(json.dumps(wire.as_json()), flush=True)
