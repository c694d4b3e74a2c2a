"""Which questions the evidence makes worth a connection."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.common.limits import MAX_XADDRS
from auditor.probe.evidence import Evidence, Page, Target
from tests.probe.fakes import page

ALLOWED = frozenset({80, 8080, 443, 8000})


def seen(*pages, **facts):
    return Evidence(pages=[Page(80 + index, False, raw) for index, raw in enumerate(pages)], **facts)


@pytest.mark.parametrize(
    "raw",
    [
        page(b"", "Server: App-webs/"),
        page(b"", "Server: DNVRS-Webs"),
        page(b"", "Server: Webs"),
        page(b"", "Server: webserver"),
        page(b"", "Server: MWS 0.01"),
        page(b'<script>location="/doc/page/login.asp?_1"</script>', "Server: thing"),
        page(b"", 'WWW-Authenticate: Digest realm="5d3b", domain="::", stale="FALSE"', "Server: x", status="401 x"),
        page(b"", 'WWW-Authenticate: Digest realm="IP Camera(C1214)"', "Server: x", status="401 Unauthorized"),
        page(b"", status="401 Unauthorized"),
        page(b"<title>Camera login</title>"),
        page(b"<input TYPE='password'>", "Server: mini_httpd"),
    ],
)
def test_pages_that_make_isapi_worth_asking(raw):
    assert seen(raw).isapi().raw == raw


@pytest.mark.parametrize(
    "raw",
    [
        page(b"<title>Welcome to nginx</title>", "Server: nginx/1.24"),
        page(b"<title>HP LaserJet</title><input type=password>", "Server: HP HTTP Server"),
        page(b"hello", "Server: thing"),
        page(b"<title>Cookies</title>", "Server: thing"),
    ],
)
def test_pages_that_do_not(raw):
    assert seen(raw).isapi() is None
    assert seen(raw, rtsp=True).isapi() is not None
    assert seen(raw, discovered=True).isapi() is not None
    assert seen(raw, listening={8000}).isapi() is not None
    assert seen(raw, listening={37777}).isapi() is None


def test_isapi_goes_to_the_port_that_looks_like_it():
    plain, camera = page(b"hello", "Server: nginx"), page(b"", "Server: App-webs/")
    assert seen(plain, camera).isapi().port == 81
    assert seen().isapi() is None


def test_onvif_is_left_out_for_ordinary_servers_unless_something_speaks_for_it():
    ordinary = page(b"x", "Server: Apache/2.4")
    assert seen(ordinary).onvif(ALLOWED) is None
    assert seen(ordinary, rtsp=True).onvif(ALLOWED) == Target(80, tls=False)
    assert seen(page(b"x", "Server: thing")).onvif(ALLOWED) == Target(80, tls=False)
    assert seen(ordinary, page(b"x")).onvif(ALLOWED) == Target(81, tls=False)
    assert seen(rtsp=True).onvif(ALLOWED) is None


def test_plain_pages_come_before_tls_and_mere_redirects_never():
    redirect = Page(80, False, page(b"", "Location: https://10.0.0.5/", status="302 Found"))
    secure = Page(443, True, page(b"x"))
    assert Evidence(pages=[redirect]).web() is None
    assert Evidence(pages=[redirect, secure]).web() is secure
    plain = Page(8080, False, page(b"x"))
    assert Evidence(pages=[redirect, secure, plain]).web() is plain


def discovery(*xaddrs):
    return f"<e xmlns:d='u'><d:ProbeMatch><d:XAddrs>{' '.join(xaddrs)}</d:XAddrs></d:ProbeMatch></e>".encode()


def named(raw, address="10.0.0.5"):
    evidence = Evidence()
    evidence.take_discovery(raw, address)
    assert evidence.discovered
    return evidence


@pytest.mark.parametrize(
    ("xaddr", "target"),
    [
        ("http://10.0.0.5/onvif/device_service", Target(80, tls=False)),
        ("http://10.0.0.5:8000/onvif/device_service", Target(8000, tls=False)),
        ("https://10.0.0.5/onvif/device_service", Target(443, tls=True)),
        ("http://10.0.0.6/onvif/device_service", None),
        ("http://169.254.3.4/onvif/device_service", None),
        ("http://camera.invalid/onvif/device_service", None),
        ("http://10.0.0.5@10.0.0.6/x", None),
        ("http://10.0.0.5:37777/x", None),
        ("http://10.0.0.5:99999/x", None),
        ("http://10.0.0.5:x/", None),
        ("http://[fe80::1%25eth0]/", None),
        ("http://[fe80::1", None),
        ("ftp://10.0.0.5/", None),
        ("soap.udp://10.0.0.5:3702", None),
        ("", None),
    ],
)
def test_addresses_named_in_discovery(xaddr, target):
    assert named(discovery(xaddr)).onvif(ALLOWED) == target


def test_only_so_many_addresses_are_read_and_the_first_allowed_wins():
    many = [f"http://10.0.0.{number}/" for number in range(10, 10 + MAX_XADDRS)]
    assert named(discovery(*many, "http://10.0.0.5/")).onvif(ALLOWED) is None
    two = discovery("http://10.0.0.9/", "http://10.0.0.5:8080/", "http://10.0.0.5/")
    assert named(two).onvif(ALLOWED) == Target(8080, tls=False)


def test_damaged_discovery_answers():
    undeclared = b"<e><d:XAddrs>http://10.0.0.5/x</d:XAddrs></e>"
    assert named(undeclared).onvif(ALLOWED) == Target(80, tls=False)
    bomb = b'<!DOCTYPE e [<!ENTITY a "http://10.0.0.5/">]><e><XAddrs>&a;</XAddrs></e>'
    assert named(bomb).named == []
    assert named(b"not xml").named == []


@given(st.binary(max_size=400))
def test_any_bytes_are_taken(noise):
    named(noise)
    shown = seen(b"HTTP/1.1 200 OK\r\n" + noise)
    shown.isapi()
    shown.onvif(ALLOWED)


CORPUS = Path(os.environ.get("CAMERA_AUDITOR_CORPUS", Path(__file__).parents[2].parent / "shared/corpus"))


def test_published_answers_of_rebranded_cameras_make_isapi_worth_asking():
    """Without the corpus the same holds for the strings written down above."""
    lines = (CORPUS / "corpus.jsonl").read_text(encoding="utf-8").splitlines() if CORPUS.is_dir() else []
    missed = []
    for line in map(json.loads, lines):
        raw = line["raw"].encode("latin-1", "replace")
        if line["truth"].get("maker") != "Hikvision" or line.get("weak") or not raw.startswith(b"HTTP/1.1 200"):
            continue
        if not Page(80, False, raw).may_have_isapi:
            missed.append(line["id"])
    assert missed == []
    assert Page(80, False, b"HTTP/1.1 200 OK\r\nServer: DNVRS-Webs\r\n\r\n").may_have_isapi
