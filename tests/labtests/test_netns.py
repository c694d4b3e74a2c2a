"""The site on namespaces: right device by address, right behaviour on the wire, honest counters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from lab import Lab
from lab.netlab import remove_leftovers, without
from lab.sniffer import Wire, checksum

TESTS = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.netns

CLIENT = textwrap.dedent(
    """
    import json, socket, ssl, struct, sys, time
    def get(address, port=80, path="/", tls=False, head=b"", wait=3):
        s = socket.create_connection((address, port), wait)
        if tls:
            c = ssl._create_unverified_context(); s = c.wrap_socket(s)
        s.sendall(b"GET %s HTTP/1.1\\r\\nHost: x\\r\\n%sConnection: close\\r\\n\\r\\n" % (path.encode(), head))
        data = b""
        while part := s.recv(65536): data += part
        s.close()
        return data.decode("utf-8", "replace")
    def dial(address, port, wait=0.9):
        s = socket.socket(); s.settimeout(wait)
        try: s.connect((address, port))
        except ConnectionRefusedError: return "refused"
        except TimeoutError: return "timeout"
        except OSError as e: return "errno %d" % e.errno
        finally: s.close()
        return "open"
    def arping(target, wait=0.7, interface="lan0"):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)); s.bind((interface, 0x0806))
        own = s.getsockname()[4]
        s.send(b"\\xff" * 6 + own + b"\\x08\\x06" + b"\\0\\1\\x08\\0\\6\\4\\0\\1" + own + socket.inet_aton(ME) + bytes(6) + socket.inet_aton(target))
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0:
            s.settimeout(left)
            try: f = s.recv(100)
            except TimeoutError: break
            if f[20:22] == b"\\0\\2" and f[28:32] == socket.inet_aton(target): return f[22:28].hex(":")
        return None
    PROBE = '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:MessageID>urn:uuid:q</w:MessageID></e:Header><e:Body><d:Probe>%s</d:Probe></e:Body></e:Envelope>'
    def discover(to, types="<d:Types>dn:NetworkVideoTransmitter</d:Types>", wait=1.2):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((ME, 0))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(ME))
        s.sendto((PROBE % types).encode(), (to, 3702))
        seen = {}; end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0:
            s.settimeout(left)
            try: data, sender = s.recvfrom(65535)
            except (TimeoutError, ConnectionRefusedError): break
            seen[sender[0]] = data.decode()
        return seen
    """
)


def ask(lab, expression):
    """Evaluate an expression with the client's functions inside the scanner's namespace."""
    code = f"ME = {lab.scanner!r}\n{CLIENT}\nprint(json.dumps({expression}))"
    done = lab.exec([sys.executable, "-I", "-c", code], timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_address_decides_which_device_answers(office):
    pages = ask(office, "{a: get(a) for a in ('10.88.0.11', '10.88.0.151', '10.88.0.166')}")
    assert "Server: App-webs/" in pages["10.88.0.11"]
    assert pages["10.88.0.151"].startswith("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=0\r\nP3P: CP=CAO PSA OUR\r\n")
    assert "\r\n\r\n\ufeff<!DOCTYPE html" in pages["10.88.0.151"]
    assert "Server: uc-httpd 1.0.0" in pages["10.88.0.166"]


def test_arp_answers_with_the_devices_own_mac(office):
    found = ask(office, "[arping('10.88.0.11'), arping('10.88.0.25'), arping('10.88.0.60'), arping('10.88.0.99')]")
    assert found == ["44:19:b6:1d:40:11", "bc:ad:28:37:5e:a9", None, None]


def test_closed_silent_and_open_ports_differ(office):
    expression = (
        "[dial('10.88.0.11', 443), dial('10.88.0.11', 8000), dial('10.88.0.25', 80), dial('10.88.0.35', 443),"
        " dial('10.88.0.44', 80)]"
    )
    assert ask(office, expression) == ["refused", "open", "timeout", "timeout", "refused"]


def test_a_certificate_carries_the_described_names(office):
    code = "__import__('ssl').get_server_certificate(('10.88.0.20', 443))"
    pem = ask(office, code)
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-subject", "-issuer"], input=pem, capture_output=True, text=True, check=True
    )
    assert "CN = axis-b8a44f3c0791" in done.stdout
    assert "issuer=O = Axis Communications AB" in done.stdout


def test_multicast_finds_the_units_that_answer_that_form(office):
    transmitters = ask(office, "discover('239.255.255.250')")
    assert {"10.88.0.11", "10.88.0.12", "10.88.0.143", "10.88.0.151", "10.88.0.164"} <= set(transmitters)
    assert "10.88.0.141" not in transmitters, "the recorder has no WS-Discovery"
    assert "4419b61d4011" in transmitters["10.88.0.11"]
    assert "http://10.88.0.164:8000/onvif/device_service" in transmitters["10.88.0.164"]
    devices = ask(office, "discover('239.255.255.250', '<d:Types>tds:Device</d:Types>')")
    assert "10.88.0.143" not in devices, "the thermal camera ignores this form"
    assert "10.88.0.11" in devices
    assert set(ask(office, "discover('10.88.0.151')")) == {"10.88.0.151"}
    assert ask(office, "discover('10.88.0.141')") == {}


def test_the_counters_agree_with_what_was_sent(office):
    office.reset()
    ask(office, "[get('10.88.0.11'), get('10.88.0.11', path='/ISAPI/System/deviceInfo'), dial('10.88.0.11', 443)]")
    ask(office, "get('10.88.0.11', head=b'Authorization: Basic eDp5\\r\\n')")
    counters = office.counters()
    seen = counters["devices"]["hik-camera"]
    assert seen["connections"] == 3
    assert seen["peak_open"] == 1
    assert seen["http"] == {"GET /": 2, "GET /ISAPI/System/deviceInfo": 1}
    assert seen["authentication_attempts"] == 1
    wire = counters["wire"]["addresses"]["10.88.0.11"]
    assert wire["syn"] == 4
    assert wire["tcp_ports"] == {"80": 3, "443": 1}
    assert wire["payload_to_ports"] == {"80": 3}
    assert wire["opened"] == 3
    assert wire["peak_open"] == 1
    assert counters["wire"]["fragments"] == counters["wire"]["bad_checksums"] == counters["wire"]["dropped"] == 0
    assert counters["wire"]["odd"] == []
    assert set(counters["wire"]["protocols"]) <= {"arp", "tcp"}
    assert "10.88.0.9" not in counters["wire"]["addresses"]


def test_the_wire_sees_what_leaves_the_scope(office):
    office.reset()
    assert ask(office, "dial('10.99.0.1', 80)") == "timeout"
    assert office.counters()["wire"]["outside"]["10.99.0.1"] >= 1


def test_parallel_connections_are_seen_by_both_counters(office):
    office.reset()
    ask(office, "[time.sleep(0.3) for kept in [[socket.create_connection(('10.88.0.141', 8000)) for _ in range(3)]]]")
    counters = office.counters()
    assert counters["devices"]["hik-recorder"]["peak_open"] == 3
    assert counters["devices"]["hik-recorder"]["max_new_per_second"] == 3
    assert counters["wire"]["addresses"]["10.88.0.141"]["peak_open"] == 3
    assert counters["wire"]["addresses"]["10.88.0.141"]["max_syn_per_second"] == 3


def test_what_a_printer_or_silent_port_receives_is_kept(office):
    office.reset()
    ask(
        office,
        "[socket.create_connection(('10.88.0.30', 9100)).send(b'hello'), socket.create_connection(('10.88.0.11', 8000)).send(b'xy'), time.sleep(0.3)]",
    )
    counters = office.counters()["devices"]
    assert counters["hp-printer"]["printed_bytes"] == 5
    assert counters["hik-camera"]["payload_hex"] == b"xy".hex()


def test_faults_can_be_switched(lab):
    with_faults = lab("routed")
    address = "10.88.4.3"
    with_faults.refuse(address)
    assert ask(with_faults, f"dial({address!r}, 80)") == "refused"
    with_faults.restore(address)
    assert ask(with_faults, f"dial({address!r}, 80)") == "open"
    with_faults.drop(address)
    assert ask(with_faults, f"[dial({address!r}, 80), arping({address!r})]") == ["timeout", "44:19:b6:1d:40:11"]
    with_faults.restore(address)
    with_faults.prohibit(address)
    assert ask(with_faults, f"dial({address!r}, 80)") == "errno 113"
    with_faults.restore(address)
    with_faults.loss(100)
    assert ask(with_faults, f"dial({address!r}, 80)") == "timeout"
    with_faults.loss(0)
    with_faults.link(up=False)
    assert ask(with_faults, f"dial({address!r}, 80)").startswith("errno")
    with_faults.link(up=True)
    assert ask(with_faults, f"dial({address!r}, 80, wait=5)") == "open"


def test_behind_a_router_there_is_no_arp_and_no_multicast(lab):
    routed = lab("routed")
    routed.reset()
    assert "WEB SERVICE" in ask(routed, "get('10.88.5.3')")
    assert ask(routed, "[dial('10.88.5.9', 80), dial('10.88.5.10', 80), dial('10.88.5.11', 81), dial('10.88.5.30', 80)]") == [
        "timeout", "errno 113", "refused", "timeout",
    ]  # fmt: skip
    assert set(ask(routed, "discover('239.255.255.250')")) == {"10.88.4.3", "10.88.4.5"}
    assert set(ask(routed, "discover('10.88.5.3')")) == {"10.88.5.3"}
    counters = routed.counters()["wire"]
    assert counters["addresses"]["10.88.5.3"]["arp"] == 0
    assert counters["addresses"]["10.88.5.3"]["syn"] == 1
    assert counters["addresses"]["10.88.4.1"]["arp"] >= 1, "the router is asked for by ARP"
    router = next(line for line in routed.truth() if line["id"] == "router")
    assert ask(routed, f"arping({router['address']!r})") == router["mac"]


def test_a_definition_of_ones_own(lab, tmp_path):
    (tmp_path / "own.yaml").write_text(
        """
        name: Copies
        scanner: 10.90.0.14/28
        gateway: 10.90.0.1
        empty: host-unreachable
        proxy_arp: "00:1b:54:00:00:aa"
        zones:
          - {name: near, role: core, subnets: [10.90.0.0/28]}
          - {name: far, role: guest, subnets: [10.90.1.0/29], link: routed}
        devices: {10.90.1.2: dahua-camera}
        repeat: [{device: hik-camera, first: 10.90.0.3, count: 4}]
        """
    )
    own = lab(tmp_path / "own.yaml")
    macs = ask(own, "[arping('10.90.0.%d' % n) for n in range(3, 8)]")
    assert macs[4] == "00:1b:54:00:00:aa", "nothing is at this address: the middlebox answers"
    assert len(set(macs)) == 5
    assert [mac[:8] for mac in macs[:4]] == ["44:19:b6"] * 4
    assert ask(own, "[dial('10.90.0.4', 80), dial('10.90.1.2', 80), dial('10.90.1.5', 80), arping(ME)]") == [
        "open", "open", "errno 113", None,
    ]  # fmt: skip
    assert macs[1].replace(":", "") in ask(own, "discover('10.90.0.4')")["10.90.0.4"]


def test_units_that_break(lab):
    hard = lab("hard")
    # A watchdog ends the unit above five connections in one second, ARP included.
    ask(hard, "[dial('10.88.8.10', 80) for _ in range(7)]")
    assert ask(hard, "[dial('10.88.8.10', 80), arping('10.88.8.10')]") == ["timeout", None]
    assert hard.counters()["devices"]["fault-fragile"]["died"] is True
    # Two sessions at most; the third SYN is refused.
    held = "[socket.create_connection(('10.88.8.11', 80)), socket.create_connection(('10.88.8.11', 80))]"
    assert ask(hard, f"[dial('10.88.8.11', 80) for kept in [{held}]][0]") == "refused"
    assert ask(hard, "dial('10.88.8.11', 80)") == "open"
    # Five connections are served, then every SYN is refused.
    ask(hard, "[get('10.88.8.12') for _ in range(5)]")
    assert ask(hard, "dial('10.88.8.12', 80)") == "refused"
    # One connection is served, then nothing answers.
    ask(hard, "get('10.88.8.13')")
    time.sleep(0.3)
    assert ask(hard, "dial('10.88.8.13', 554)") == "timeout"
    # A tarpit accepts any port and never speaks.
    assert ask(hard, "[dial('10.88.8.16', 1234), dial('10.88.8.16', 61000)]") == ["open", "open"]
    # A drip takes as long as it takes.
    with pytest.raises(AssertionError, match="timed out"):
        ask(hard, "get('10.88.8.15', wait=0.2)")
    # Five attempts to log in lock the unit.
    pages = ask(hard, "[get('10.88.8.17', head=b'Authorization: Basic eDp5\\r\\n') for _ in range(5)]")
    assert "lockStatus" not in pages[0]
    assert "lockStatus" in ask(hard, "get('10.88.8.17')")
    seen = hard.counters()["devices"]["fault-lockout"]
    assert (seen["authentication_attempts"], seen["locked"]) == (5, True)


def test_nothing_is_left_behind_even_after_an_error():
    class Broken(Lab):
        def _serve(self):
            raise RuntimeError("on purpose")

    broken = Broken("office", prefix=f"calab-{os.getpid()}-broken-")
    with pytest.raises(RuntimeError, match="on purpose"):
        broken.__enter__()
    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert broken.scan not in names
    assert broken.place not in names


def test_leftovers_of_a_dead_process_are_removed():
    ended = subprocess.Popen(["true"])
    ended.wait()
    name = f"calab-{ended.pid}-9-scan"
    subprocess.run(["ip", "netns", "add", name], check=True)
    assert name in remove_leftovers()
    assert name not in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def test_a_killed_run_leaves_no_process_and_the_next_one_cleans_up():
    code = (
        f"import sys, time; sys.path.append({str(TESTS)!r}); from lab import Lab\n"
        "with Lab('routed') as l: print(l.place, flush=True); time.sleep(60)"
    )
    victim = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with victim:
        name = victim.stdout.readline().strip()
        assert subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True).stdout.split()
        victim.kill()
    end = time.monotonic() + 5
    while (
        left := subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True).stdout
    ) and (time.monotonic() < end):
        time.sleep(0.1)
    assert left == ""
    assert name in remove_leftovers()


def test_the_sniffer_notices_what_is_not_clean():
    import ipaddress
    import struct

    def frame(flags, *, fragment=0, good=True, protocol=6):
        tcp = struct.pack("!HHIIBBHHH", 4000, 80, 1, 0, 0x50, flags, 100, 0, 0)
        header = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 40, 0, fragment, 64, protocol, 0, bytes([10, 88, 0, 250]), bytes([10, 88, 0, 11])
        )
        header = header[:10] + checksum(header).to_bytes(2, "big") + header[12:]
        value = checksum(header[12:20] + b"\0\6" + len(tcp).to_bytes(2, "big") + tcp)
        tcp = tcp[:16] + (value if good else value ^ 1).to_bytes(2, "big") + tcp[18:]
        return bytes(12) + b"\x08\x00" + header + tcp

    wire = Wire("10.88.0.250", ["10.88.0.0/24"])
    wire.frame(frame(2), outgoing=False, moment=1.0)
    assert wire.as_json()["odd"] == []
    wire.frame(frame(2), outgoing=False, moment=1.1)
    wire.frame(frame(0x29), outgoing=False, moment=1.2)
    wire.frame(frame(2, good=False), outgoing=False, moment=1.3)
    wire.frame(frame(2, fragment=0x2000), outgoing=False, moment=1.4)
    wire.frame(frame(2, protocol=47), outgoing=False, moment=1.5)
    wire.frame(bytes(12) + b"\x86\xdd" + bytes(40), outgoing=False, moment=2.05)
    seen = wire.as_json()
    assert seen["odd_flags"] == {"0x29": 1}
    assert (seen["bad_checksums"], seen["fragments"], seen["retransmitted_syn"]) == (1, 1, 2)
    assert seen["protocols"] == {"tcp": 5, "ip-47": 1, "ethertype-86dd": 1}
    assert seen["max_per_second"] == 6
    assert seen["addresses"]["10.88.0.11"]["max_syn_per_second"] == 3
    assert [str(block) for block in without(ipaddress.ip_network("10.0.0.0/30"), ["10.0.0.1"])] == [
        "10.0.0.2/31",
        "10.0.0.0/32",
    ]
