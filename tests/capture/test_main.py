"""The capture program over its own pipes: what it sends, what it reports of hostile frames, and what it refuses."""

from __future__ import annotations

import ast
import json
import os
import select
import socket
import subprocess
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path

import pytest

import auditor
from tests.discover.wires import SCANNER, inside, mac_of

pytestmark = pytest.mark.netns
PROGRAM = Path(auditor.__file__).parent / "capture" / "__main__.py"
ASKED = "10.91.0.40"


def number(address):
    return int(IPv4Address(address))


ALLOWED = ((number("10.91.0.32"), number("10.91.0.63")),)


class Talk:
    """A running program and its pipes."""

    def __init__(self, wires, allow=ALLOWED, through=(), **changed):
        self.mac = subprocess.run(
            ["ip", "-n", wires.scan, "-o", "link", "show", "s0"], capture_output=True, text=True, check=True
        ).stdout.split("link/ether ")[1][:17]
        self.process = inside(
            wires.scan,
            lambda: subprocess.Popen(
                [*through, sys.executable, "-I", str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ),
        )  # fmt: skip
        self.pending = b""
        first = {"interface": "s0", "source": SCANNER, "source_mac": self.mac, "allow": list(allow)} | changed
        self.write(first)

    def write(self, order):
        self.process.stdin.write((order if isinstance(order, bytes) else json.dumps(order).encode()) + b"\n")
        self.process.stdin.flush()

    def read(self, seconds=10.0):
        """Return the next line, or None at the end."""
        until = time.monotonic() + seconds
        while b"\n" not in self.pending:
            assert select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0], "said nothing"
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def count(self):
        """Return the counters and the replies that came before them."""
        self.write({"count": 1})
        replies = []
        while "count" not in (line := self.read()):
            replies.append(line["reply"])
        return line["count"], replies

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def talk(wires):
    talks = []

    def start(**options):
        talks.append(Talk(wires, **options))
        return talks[-1]

    yield start
    for item in talks:
        item.close()


def inject(wires, *frames):
    """Put raw frames on the link towards the scanner."""

    def send():
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as endpoint:
            endpoint.bind(("n0", 0x0806))
            for frame in frames:
                endpoint.send(frame)

    inside(wires.near, send)
    time.sleep(0.2)


def reply(talk, address, mac=None, *, ether=None, body=b"\0\1\x08\0\6\4\0\2", to=None):
    own = bytes.fromhex((mac or mac_of(address)).replace(":", ""))
    ether = bytes.fromhex(ether.replace(":", "")) if ether else own
    target = bytes.fromhex((to or talk.mac).replace(":", ""))
    addresses = socket.inet_aton(address) + target + socket.inet_aton(SCANNER)
    return target + ether + b"\x08\x06" + body + own + addresses


def test_it_starts_within_a_second_of_work_and_says_who_it_is(talk):
    line = talk().read()
    assert line["ready"]["uid"] == 65534
    import resource

    began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.executable, "-I", "-c", "import scapy.layers.l2"], check=True)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - began < 1.0


def test_a_capability_given_to_an_ordinary_user_is_given_up_too(wires, talk):
    program = talk(through=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all,+net_raw",
                            "--ambient-caps=+net_raw", "--bounding-set=-all,+net_raw"])  # fmt: skip
    assert program.read()["ready"]["uid"] == 65534
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    held = {line.split()[0]: line.split()[1] for line in status.splitlines() if line.startswith("Cap")}
    assert {held[name] for name in ("CapInh:", "CapPrm:", "CapEff:", "CapAmb:")} == {"0" * 16}
    program.write({"ask": ASKED})
    assert program.count()[0]["sent"] == 1


def test_a_request_is_one_plain_broadcast_frame_of_the_interface_itself(wires, talk):
    tap, program = wires.tap(), talk()
    program.read()
    program.write({"ask": ASKED})
    assert program.count()[0]["sent"] == 1
    (frame,) = tap.frames()
    own = bytes.fromhex(program.mac.replace(":", ""))
    assert frame.raw[:42] == (
        b"\xff" * 6
        + own
        + b"\x08\x06\0\1\x08\0\6\4\0\1"
        + own
        + socket.inet_aton(SCANNER)
        + bytes(6)
        + socket.inet_aton(ASKED)
    )


def test_an_address_outside_the_allow_list_is_refused(wires, talk):
    tap, program = wires.tap(), talk()
    program.read()
    for address in ("10.91.0.31", "10.91.0.64", "10.99.0.1", "0.0.0.0", "255.255.255.255"):
        program.write({"ask": address})
        assert program.read() == {"refused": address}
    assert program.count()[0]["sent"] == 0
    assert tap.frames() == []


def test_hostile_frames_are_counted_and_never_reported(wires, talk):
    program = talk()
    program.read()
    program.write({"ask": ASKED})
    good = reply(program, ASKED)
    inject(
        wires,
        reply(program, "10.91.0.99"),  # outside the allow-list
        reply(program, "10.99.0.1"),
        reply(program, "10.91.0.41"),  # allowed, but nobody asked
        good[:30],  # cut; the driver pads nothing on a veth
        reply(program, ASKED, body=b"\0\6\x08\0\6\4\0\2"),  # not Ethernet
        reply(program, ASKED, body=b"\0\1\x86\xdd\6\4\0\2"),  # not IPv4
        reply(program, ASKED, body=b"\0\1\x08\0\xff\xff\0\2"),  # lengths that lie
        reply(program, ASKED, body=b"\0\1\x08\0\0\0\0\2"),
        os.urandom(14) + b"\x08\x06" + os.urandom(40),
        good,
    )
    count, replies = program.count()
    assert replies == [{"address": ASKED, "mac": mac_of(ASKED), "same": True}]
    assert count["outside"] == 2
    assert count["unasked"] == 1
    assert count["unreadable"] == 5
    assert count["replies"] == 1


def test_a_reply_from_another_machines_card_is_marked(wires, talk):
    program = talk()
    program.read()
    program.write({"ask": ASKED})
    program.count()
    inject(wires, reply(program, ASKED, ether="02:00:00:00:00:66"))
    _, replies = program.count()
    assert replies == [{"address": ASKED, "mac": mac_of(ASKED), "same": False}]


def test_a_flood_is_read_or_counted_as_dropped(wires, talk):
    program = talk()
    program.read()
    program.write({"ask": ASKED})
    program.count()
    os.kill(program.process.pid, 19)  # SIGSTOP: it cannot read for a while
    inject(wires, *[reply(program, "10.91.0.99")] * 20000)
    os.kill(program.process.pid, 18)
    seen = 0
    for _ in range(400):
        count, _ = program.count()
        if count["outside"] + count["drops"] == seen:
            break
        seen = count["outside"] + count["drops"]
    assert count["drops"] > 0
    assert seen == 20000


@pytest.mark.parametrize(
    "line",
    [b"hello", b"[1]", b"{}", b'{"ask": "10.91.0.40/24"}', b'{"ask": 7.5}', b'{"ask": "-oX"}', b"\xff\xfe", b"x" * 100],
)
def test_an_order_that_is_not_understood_ends_it_with_an_error(talk, line):
    program = talk()
    program.read()
    program.write(line)
    assert "failed" in program.read()
    assert program.process.wait(10) == 4


@pytest.mark.parametrize(
    "changed",
    [{"allow": "all"}, {"allow": [[1]]}, {"source": "here"}, {"interface": None}, {"source_mac": "02:00:00:00:00:01"}],
    ids=str,
)
def test_a_first_line_that_is_not_understood_ends_it_with_an_error(talk, changed):
    program = talk(**changed)
    line = program.read()
    assert "failed" in line or "unavailable" in line
    assert program.process.wait(10) in (3, 4)


def test_the_end_of_input_ends_it_quietly(talk):
    program = talk()
    program.read()
    program.process.stdin.close()
    assert program.process.wait(10) == 0
    program.process.stdin = None


def test_an_orderly_end_gives_the_counters(talk):
    program = talk()
    program.read()
    program.write({"end": 1})
    assert program.read()["count"]["sent"] == 0
    assert program.process.wait(10) == 0


def test_it_is_a_program_of_its_own_under_its_own_licence():
    for path in PROGRAM.parent.glob("*.py"):
        text = path.read_text()
        assert text.startswith("# SPDX-License-Identifier: GPL-2.0-only\n")
        for node in ast.walk(ast.parse(text)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] in sys.stdlib_module_names | {"scapy"}, f"{path.name} imports {name}"
