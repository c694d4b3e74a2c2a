"""The demo site on loopback, as its own process without privileges."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from lab import load_site
from lab.devices import HERE
from lab.fixtures import Demo
from ruamel.yaml import YAML


def get(address, port, path="/", *, tls=False):
    sock = socket.create_connection((address, port), 3)
    if tls:
        sock = ssl._create_unverified_context().wrap_socket(sock)
    with sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while part := sock.recv(65536):
            data += part
    return data.decode()


def test_the_demo_serves_counts_and_ends(demo):
    site = load_site("demo")
    assert demo.ready["ready"] is True
    assert demo.ready["devices"] == len(site.devices) >= 34
    assert len(demo.ready["excluded"]) == 3
    assert "Server: App-webs/" in get("127.88.0.10", 10080)
    assert 'Digest realm="Login to 5L0C3A1PAK7F2D9"' in get(
        "127.88.1.16", 10080, "/cgi-bin/magicBox.cgi?action=getDeviceType"
    )
    assert "HTTP/1.1 401" in get("127.88.0.16", 10443, tls=True)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.88.0.10", 10443), 3)
    for address in site.silent:
        for port in (10080, 10443, 10554, 18000, 47777, 44567):
            with pytest.raises(TimeoutError):
                socket.create_connection((address, port), 0.3)
    seen = demo.counters()["devices"]
    assert seen["hik-camera"]["http"] == {"GET /": 1}
    assert seen["axis-camera"]["tls_handshakes"] == 1
    assert seen["ezviz-camera"]["connections"] == 0
    assert demo.close() == 0


def test_discovery_answers_on_its_own_address(demo):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(
            b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
            b' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:MessageID>urn:uuid:q</w:MessageID>'
            b"</e:Header><e:Body><d:Probe/></e:Body></e:Envelope>",
            ("127.88.1.22", 13702),
        )
        data, sender = sock.recvfrom(65535)
    assert sender == ("127.88.1.22", 13702)
    assert b"http://127.88.1.22:18000/onvif/device_service" in data


def test_the_written_site_file_fits_the_addresses(demo):
    data = YAML(typ="safe", pure=True).load(demo.site_file.read_text())
    assert data["ports"] == {
        "http": [10080],
        "https": [10443],
        "rtsp": [10554],
        "listen": [18000, 47777, 44567],
        "wsd": 13702,
    }
    assert data["pace"] == "standard"
    assert data["policies"] == ["uk-2022", "us-889"]
    assert {zone["role"] for zone in data["zones"]} == {"core", "isolated"}
    assert data["authorisation"]["valid_from"] <= dt.datetime.now(dt.UTC).date() <= data["authorisation"]["valid_until"]
    site = load_site("demo")
    size = sum(ipaddress.ip_network(cidr).num_addresses for zone in data["zones"] for cidr in zone["subnets"])
    assert size == len(site.devices) + len(site.silent)


def test_sigterm_ends_it(tmp_path):
    running = Demo(tmp_path / "site.yaml")
    try:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(5) == 0
    finally:
        running.close()


def test_it_runs_from_a_copied_folder_without_privileges(tmp_path):
    # As in an installed wheel: another place, and no capability that root would have.
    shutil.copytree(HERE, tmp_path / "lab")
    bare = ("setpriv", "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()
    running = Demo(tmp_path / "site.yaml", script=tmp_path / "lab" / "serve.py", before=bare)
    try:
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff"))
        assert int(effective, 16) == 0
        assert "App-webs" in get("127.88.0.10", 10080)
    finally:
        assert running.close() == 0


def test_it_can_be_started_again_at_once(tmp_path):
    first = Demo(tmp_path / "one.yaml")
    get("127.88.0.10", 10080)
    first.close()
    second = Demo(tmp_path / "two.yaml")
    try:
        assert "App-webs" in get("127.88.0.10", 10080)
    finally:
        second.close()


def test_an_address_in_use_is_said_in_one_line(demo):
    done = subprocess.run(
        [sys.executable, "-I", str(HERE / "serve.py"), "demo"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "127.88.0.10:10080" in done.stderr
    assert "Traceback" not in done.stderr
