"""Compressed bodies: HTTP and what is carried by it."""

import gzip
import time
import zlib

import pytest

from auditor.common.limits import MAX_RESPONSE
from auditor.observe import isapi, onvif
from auditor.observe.http import favicon_mmh3, parse
from auditor.observe.message import split

PAGE = b"<html><title>WEB SERVICE</title>" + bytes(str(list(range(400))), "ascii") + b"</html>"
HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Encoding: "


def _bare(body):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(("coding", "body"), [
    (b"gzip", gzip.compress(PAGE)), (b"X-GZip", gzip.compress(PAGE)), (b"identity, gzip", gzip.compress(PAGE)), (b"deflate", zlib.compress(PAGE)), (b"deflate", _bare(PAGE)),
    (b"gzip", gzip.compress(PAGE).decode("latin-1").encode()), (b"gzip", PAGE), (b"br", PAGE), (b"deflate", PAGE), (b"", PAGE), (b"identity", PAGE),
])  # fmt: skip
def test_a_body_is_read_as_the_page_it_is(coding, body):
    facts = parse(HEAD + coding + b"\r\n\r\n" + body, "GET /")
    assert facts["http.body"] == (PAGE.decode(),)
    assert facts["http.title"] == ("WEB SERVICE",)
    assert facts["http.server"] == ("x",)


def test_chunks_are_joined_first():
    packed = gzip.compress(PAGE)
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (7, packed[:7], len(packed) - 7, packed[7:])
    assert split(HEAD + b"gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks).body == PAGE


def test_of_a_body_that_is_cut_what_came_is_read():
    facts = parse(HEAD + b"gzip\r\n\r\n" + gzip.compress(PAGE)[:200], "GET /")
    assert facts["http.title"] == ("WEB SERVICE",)
    assert 0 < len(facts["http.body"][0]) < len(PAGE)


def _damaged():
    packed = bytearray(gzip.compress(PAGE))
    packed[-6] ^= 255  # in the check sum
    return bytes(packed)


@pytest.mark.parametrize(("coding", "body"), [
    (b"gzip", _damaged()), (b"gzip", gzip.compress(PAGE)[:11] + b"\xff" * 50), (b"gzip", gzip.compress(PAGE).replace(b"\x8b", b"\xef\xbf\xbd")), (b"gzip", zlib.compress(PAGE)), (b"deflate", b"\x78\x9c" + b"\xff" * 90),
    (b"br", b"\x0b\x02\x80hello\x03"), (b"zstd", b"\x28\xb5\x2f\xfd\x04\x00"), (b"gzip, br", gzip.compress(PAGE)), (b"gzip", b"\x1f\x8b"), (b"gzip", b""),
])  # fmt: skip
def test_a_body_that_cannot_be_unpacked_leaves_the_headers(coding, body):
    facts = parse(HEAD + coding + b"\r\n\r\n" + body, "GET /")
    assert "http.body" not in facts
    assert facts["http.server"] == ("x",)
    assert facts["http.status"] == ("200",)


def test_a_bomb_is_read_up_to_the_limit_of_a_response():
    bomb = gzip.compress(gzip.compress(bytes(300_000_000), 1), 1)
    once = gzip.compress(b"a" * 300_000_000, 1)[: MAX_RESPONSE // 2]
    start = time.process_time()
    assert len(split(HEAD + b"gzip\r\n\r\n" + once).body) == MAX_RESPONSE
    assert split(HEAD + b"gzip, gzip\r\n\r\n" + bomb).body == b""
    assert time.process_time() - start < 1  # s; unpacking all of it takes several


def test_other_readers_of_http_see_the_page_too():
    device = b'<DeviceInfo xmlns="http://www.hikvision.com/ver20/XMLSchema"><model>DS-2CD1</model></DeviceInfo>'
    head = HEAD + b"gzip\r\nContent-Type: application/xml\r\n\r\n"
    assert isapi.parse(head + gzip.compress(device), None)["isapi.model"] == ("DS-2CD1",)
    assert "isapi.model" not in isapi.parse(head + _damaged(), None)
    answer = b"<Envelope><GetDeviceInformationResponse><Model>M1</Model></GetDeviceInformationResponse></Envelope>"
    assert onvif.parse(head + gzip.compress(answer), None)["onvif.model"] == ("M1",)


def test_an_icon_is_hashed_unpacked():
    icon = b"\x00\x00\x01\x00" + bytes(range(256))
    facts = parse(HEAD + b"gzip\r\n\r\n" + gzip.compress(icon), "GET /favicon.ico")
    assert facts["http.favicon.mmh3"] == (favicon_mmh3(icon),)
