# SPDX-License-Identifier: GPL-2.0-only
"""Ask by ARP on one link, as a program of its own that can do nothing else.

Imports scapy and the standard library only. Speaks JSON, one object a line, on standard input and output. Input:

    {"interface": "eth0", "source": "10.88.0.2", "source_mac": "02:...", "allow": [[176685057, 176685310], ...]}
    {"ask": "10.88.0.5"}      one ARP request; the address must lie in a range of `allow`
    {"count": 1}              answered with the counters below
    {"end": 1}                counters, then the program ends with 0; so does the end of input

Output:

    {"ready": {"mac": "02:...", "uid": 65534}}
    {"reply": {"address": "10.88.0.5", "mac": "44:...", "same": true}}    `same`: Ethernet source and ARP sender agree
    {"refused": "10.99.0.1"}  asked for an address outside `allow`; nothing was sent
    {"count": {"sent": 2, "replies": 1, "outside": 0, "unasked": 0, "unreadable": 0, "drops": 0}}
    {"unavailable": "sentence"}   no socket could be opened; the program ends with 3
    {"failed": "sentence"}        the link went away or a line was not understood; the program ends with 4

The raw socket is opened first. Then privileges, files, processes and memory are given up for good.
"""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import ipaddress
import json
import os
import resource
import select
import struct
import sys
from typing import Any

_ETH_P_ARP = 0x0806
_PACKET_OUTGOING = 4
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 24, 47, 4
_LAST_CAPABILITY = 63
_CAPABILITY_VERSION_3 = 0x20080522
_NOBODY = 65534
_MEMORY = 768 * 1024 * 1024  # bytes of address space; scapy's layer 2 needs about a third
_CPU = 900  # s
_LINE = 8 * 1024 * 1024  # bytes of one input line: the allow-list of a scattered /8 fits
_FRAMES_PER_TURN = 256
_ARP_FRAME = 42  # bytes of an Ethernet header and an ARP packet for IPv4


class _Unavailable(Exception):  # noqa: N818  (reads as a sentence where it is raised)
    """No raw socket can be had here; the text says why and what would help."""


class _Failed(Exception):  # noqa: N818
    """The program cannot go on; the text says why."""


def main() -> int:
    """Run until the end of input; return the exit status."""
    try:
        order = _first_line()
        link = _Link(order)
        _give_up_privileges()
        _say({"ready": {"mac": link.mac, "uid": os.getuid()}})
        link.serve()
    except _Unavailable as error:
        _say({"unavailable": str(error)})
        return 3
    except _Failed as error:
        _say({"failed": str(error)})
        return 4
    return 0


class _Link:
    """One interface, its raw socket, and what was counted there."""

    def __init__(self, order: dict[str, Any]) -> None:
        try:
            self._interface = str(order["interface"])
            self._source = str(ipaddress.IPv4Address(order["source"]))
            wanted_mac = str(order["source_mac"]).lower()
            ranges = sorted((int(first), int(last)) for first, last in order["allow"])
        except (KeyError, TypeError, ValueError) as error:
            raise _Failed(f"the first line is not understood: {error}") from error
        self._starts = [first for first, _ in ranges]
        self._ends = [last for _, last in ranges]
        self._ether, self._arp, self._raw = _open(self._interface)
        self.mac = self._raw.ins.getsockname()[4].hex(":")
        if self.mac != wanted_mac:
            raise _Failed(f"{self._interface} has the MAC {self.mac}, not {wanted_mac}; no MAC is ever forged")
        self._raw.ins.setblocking(False)
        self._asked: set[str] = set()
        self._count = {"sent": 0, "replies": 0, "outside": 0, "unasked": 0, "unreadable": 0, "drops": 0}

    def serve(self) -> None:
        """Obey lines and report replies until told to end."""
        pending = b""
        while True:
            readable, _, _ = select.select([0, self._raw.ins], [], [])
            if self._raw.ins in readable:
                self._read_frames()
            if 0 in readable:
                chunk = os.read(0, 65536)
                *lines, pending = (pending + chunk).split(b"\n")
                if len(pending) > _LINE:
                    raise _Failed("an input line is too long")
                if not all(self._obey(line) for line in lines) or not chunk:
                    return

    def _obey(self, line: bytes) -> bool:
        """Do what one line says; False when it says to end."""
        try:
            order = json.loads(line)
            if "ask" in order:
                self._ask(ipaddress.IPv4Address(order["ask"]))
            elif "count" in order or "end" in order:
                self._read_frames()
                self._read_drops()
                _say({"count": self._count})
            else:
                raise _Failed("an input line holds no known order")
        except (ValueError, TypeError) as error:
            raise _Failed(f"an input line is not understood: {error}") from error
        return "end" not in order

    def _ask(self, address: ipaddress.IPv4Address) -> None:
        if not self._allows(int(address)):
            _say({"refused": str(address)})
            return
        self._asked.add(str(address))
        request = self._ether(src=self.mac, dst="ff:ff:ff:ff:ff:ff") / self._arp(
            op=1, hwsrc=self.mac, psrc=self._source, hwdst="00:00:00:00:00:00", pdst=str(address)
        )
        try:
            self._raw.outs.send(bytes(request))
        except OSError as error:
            raise _Failed(f"{self._interface} does not send any more: {error.strerror}") from error
        self._count["sent"] += 1

    def _allows(self, number: int) -> bool:
        place = bisect.bisect_right(self._starts, number) - 1
        return place >= 0 and number <= self._ends[place]

    def _read_frames(self) -> None:
        for _ in range(_FRAMES_PER_TURN):
            try:
                frame, origin = self._raw.ins.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError as error:
                raise _Failed(f"{self._interface} does not receive any more: {error.strerror}") from error
            if origin[2] != _PACKET_OUTGOING:
                self._read_frame(frame)

    def _read_frame(self, frame: bytes) -> None:
        # Requests of others are most of the traffic and need no dissection: ARP opcode 2 is a reply.
        if len(frame) < _ARP_FRAME:
            self._count["unreadable"] += 1
            return
        if frame[20:22] != b"\x00\x02":
            return
        try:
            seen = self._ether(frame)
            reply = seen[self._arp]
            if reply.hwtype != 1 or reply.ptype != 0x0800 or reply.hwlen != 6 or reply.plen != 4:  # noqa: PLR2004
                raise ValueError("not ARP for IPv4 over Ethernet")  # noqa: TRY301
            address, mac, source = str(reply.psrc), str(reply.hwsrc).lower(), str(seen.src).lower()
            number = int(ipaddress.IPv4Address(address))
        except Exception:  # noqa: BLE001  (a dissector may raise anything on hostile bytes; the frame is counted)
            self._count["unreadable"] += 1
            return
        if not self._allows(number):
            self._count["outside"] += 1
        elif address not in self._asked:
            self._count["unasked"] += 1
        else:
            self._count["replies"] += 1
            _say({"reply": {"address": address, "mac": mac, "same": mac == source}})

    def _read_drops(self) -> None:
        # The kernel resets its counter with every reading.
        _, drops = struct.unpack("=II", self._raw.ins.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._count["drops"] += drops


def _open(interface: str) -> tuple[Any, Any, Any]:
    """Return scapy's Ether and ARP, and a socket for ARP frames on one interface."""
    try:
        from scapy.layers.l2 import ARP, Ether  # noqa: PLC0415, TID251  (its absence is an answer of this program)
    except ImportError as error:
        raise _Unavailable(f"scapy is not installed ({error.name}), so nothing can be asked by ARP") from error
    from scapy.config import conf  # noqa: PLC0415, TID251

    try:
        return Ether, ARP, conf.L2socket(iface=interface, type=_ETH_P_ARP, promisc=False)
    except PermissionError as error:
        raise _Unavailable(
            "this process may not open raw sockets: run it as root or give it CAP_NET_RAW to ask by ARP"
        ) from error
    except (OSError, ValueError) as error:
        raise _Unavailable(f"no raw socket on {interface}: {error}") from error


def _give_up_privileges() -> None:
    """Keep the open socket and nothing else. Every step is verified: a capability that stays ends the program."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(_LAST_CAPABILITY + 1):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # refused without CAP_SETPCAP; then there is little to drop
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if os.geteuid() == 0:
        # A user namespace may not know `nobody`; the capabilities go all the same.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    header = struct.pack("=II", _CAPABILITY_VERSION_3, 0)
    if libc.capset(header, bytes(24)) != 0:
        raise _Failed("the capabilities could not be given up")
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _Failed("no_new_privs could not be set")
    for kind, limit in (
        (resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _CPU), (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_NPROC, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        resource.setrlimit(kind, (limit, limit))
    header_out, data = ctypes.create_string_buffer(header), ctypes.create_string_buffer(24)
    if libc.capget(header_out, data) != 0 or any(data.raw[:24]):
        raise _Failed("a capability stayed after all were given up")


def _first_line() -> dict[str, Any]:
    line = bytearray()
    while not line.endswith(b"\n"):
        # One byte at a time: what follows the line belongs to `serve`.
        byte = os.read(0, 1)
        if not byte or len(line) > _LINE:
            raise _Failed("no first line came")
        line += byte
    try:
        order = json.loads(line)
    except ValueError as error:
        raise _Failed(f"the first line is not JSON: {error}") from error
    if not isinstance(order, dict):
        raise _Failed("the first line is not an object")
    return order


def _say(line: dict[str, Any]) -> None:
    try:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody listens any more; the end of input ends the program in order.
        os._exit(5)


if __name__ == "__main__":
    sys.exit(main())
