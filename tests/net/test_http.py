"""The HTTP reader against everything that real and hostile devices send."""

from __future__ import annotations

import asyncio
import base64
import gzip
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.common.errors import NotPermitted
from auditor.common.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_RESPONSE
from auditor.model import Status
from auditor.net import http
from auditor.net.soap import onvif_messages
from tests.probe.fakes import answering, device, page, silent


def exchange(handler, *, deadline=3.0, path="/", tls=None):
    """Ask one scripted device for a page; return the exchange, the device and the seconds it took."""

    async def run():
        async with device() as (fake, network):
            port = await fake.serve(handler, tls=tls)
            started = time.monotonic()
            answer = await http.get(network, fake.permit, port, path, deadline=deadline, tls=tls is not None)
            return answer, fake, time.monotonic() - started

    return asyncio.run(run())


def held_open(raw):
    """Send an answer and keep the connection open: the reader must know by itself where it ends."""

    async def handler(connection):
        await connection.request()
        await connection.send(raw)
        await silent(connection)

    return handler


def test_request_bytes_are_exactly_the_template():
    answer, fake, _ = exchange(answering(page(b"x")), path="/favicon.ico")
    port = fake.requests[0][0]
    assert fake.requests == [
        (
            port,
            (
                f"GET /favicon.ico HTTP/1.1\r\nHost: {fake.address}:{port}\r\nUser-Agent: camera-auditor\r\n"
                "Accept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
            ).encode(),
        )
    ]
    assert answer.status is Status.ANSWERED


def test_host_names_the_port_only_where_it_is_not_the_usual_one():
    assert b"Host: 10.0.0.5\r\n" in http.get_request("10.0.0.5", 80, "/")
    assert b"Host: 10.0.0.5:443\r\n" in http.get_request("10.0.0.5", 443, "/")
    assert b"Host: 10.0.0.5\r\n" in http.get_request("10.0.0.5", 443, "/", tls=True)
    assert b"Host: [2001:db8::1]:81\r\n" in http.get_request("2001:db8::1", 81, "/")


@pytest.mark.parametrize("path", ["", "x", "/a b", "/a\r\nX: y", "/é", "http://other/", "/\x00"])
def test_a_path_that_breaks_the_request_line_is_refused(path):
    with pytest.raises(ValueError, match="path"):
        http.get_request("10.0.0.5", 80, path)


COMPLETE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "length zero": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "LF only": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "leading empty lines": b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "no reason, odd version": b"HTTP/1.2 200\r\nContent-Length: 2\r\n\r\nhi",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nhi",
    "line without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nhi",
    "folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
    "equal lengths twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nhi",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunked, extension and trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"
    ),
    "chunked and a length": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    ),
    "interim answer first": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "RTSP without a length": b"RTSP/1.0 405 Method Not Allowed\r\nCSeq: 1\r\n\r\n",
    "Latin-1 and NUL": b"HTTP/1.1 200 OK\r\nServer: caf\xe9\x00\r\nContent-Length: 2\r\n\r\n\x00\xff",
    "four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nhi",
}


@pytest.mark.parametrize("raw", COMPLETE.values(), ids=COMPLETE.keys())
def test_the_end_is_known_without_waiting_for_the_peer(raw):
    answer, _, seconds = exchange(held_open(raw))
    assert answer.raw == raw
    assert (answer.status, answer.truncated, answer.detail) == (Status.ANSWERED, False, "")
    assert seconds < 1.5  # half a second of it is the goodbye


@pytest.mark.parametrize("raw", COMPLETE.values(), ids=COMPLETE.keys())
def test_one_byte_at_a_time_gives_the_same(raw):
    framing = http.Framing()
    for index in range(len(raw)):
        assert not framing.done, f"done after {index} of {len(raw)} bytes"
        framing.feed(raw[index : index + 1])
    assert framing.done
    assert not framing.truncated


CLOSED = {
    "no length": (b"HTTP/1.0 200 OK\r\n\r\nhello", False, ""),
    "HTTP/0.9": (b"<html>old</html>\n", False, ""),
    "too short": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", True, "closed after 5 of 9 bytes of the body"),
    "negative length": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", False, "Content-Length is unusable"),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nhello", False, "Content-Length is unusable"
    ),
    "bad chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", False, "chunk size is unusable"
    ),
    "early close in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", True, "closed before the last chunk"
    ),
    "early close in the header": (b"HTTP/1.1 200 OK\r\nServer: x", True, "closed within the header"),
    "status line cut": (b"HT", True, "closed within the header"),
    "chunk longer than its size": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", False,
        "chunk longer than its size",
    ),
    "TLS alert on a plain port": (b"\x15\x03\x01\x00\x02\x02\x46", False, ""),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "truncated", "detail"), CLOSED.values(), ids=CLOSED.keys())
def test_answers_that_end_with_the_connection(raw, truncated, detail):
    answer, _, seconds = exchange(answering(raw))
    assert answer.raw == raw
    assert (answer.status, answer.truncated, answer.detail) == (Status.ANSWERED, truncated, detail)
    assert seconds < 1.5


def test_a_banner_of_another_protocol_is_over_when_it_falls_silent():
    answer, _, seconds = exchange(held_open(b"SSH-2.0-dropbear\r\n"), deadline=9.0)
    assert answer.raw == b"SSH-2.0-dropbear\r\n"
    assert answer.truncated
    assert seconds < http.QUIET_END + 1.5


@pytest.mark.parametrize(
    "raw",
    [
        b"ICY 200 OK\r\nicy-name: x\r\n\r\naudio",
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=x\r\n\r\n--x",
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n\r\nxx",
    ],
)
def test_a_stream_is_not_read(raw):
    answer, _, seconds = exchange(held_open(raw))
    assert answer.truncated
    assert answer.detail == "a stream; not read"
    assert seconds < 1.5


def test_a_missing_end_is_cut_by_the_deadline_and_kept():
    answer, _, seconds = exchange(
        held_open(b"HTTP/1.1 200 OK\r\nContent-Length: 4294967296\r\n\r\nhello"), deadline=1.0
    )
    assert answer.raw.endswith(b"hello")
    assert answer.truncated
    assert answer.detail.startswith("deadline after")
    assert 0.9 < seconds < 2.5


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nServer: slow",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nbody",
    ],
    ids=["status and headers", "body", "chunks"],
)
def test_dripped_bytes_do_not_stretch_the_deadline(raw):
    async def handler(connection):
        await connection.request()
        await connection.drip(raw + b"x" * 500, 0.05)

    answer, _, seconds = exchange(handler, deadline=1.5)
    assert answer.status is Status.ANSWERED
    assert answer.truncated
    assert 10 < len(answer.raw) < 60
    assert seconds < 3.0


@pytest.mark.slow
def test_dripping_for_ever_ends_within_eleven_seconds():
    async def handler(connection):
        await connection.request()
        await connection.drip(b"HTTP/1.1 200 OK\r\nServer: " + b"x" * 500, 0.4)

    answer, _, seconds = exchange(handler, deadline=10.0)
    assert answer.truncated
    assert 9.5 < seconds < 11.0


def test_endless_chunks_stop_at_the_limit():
    async def handler(connection):
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await connection.send(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")

    answer, _, _ = exchange(handler, deadline=10.0)
    assert len(answer.raw) == MAX_RESPONSE
    assert answer.truncated
    assert answer.detail == f"cut at {MAX_RESPONSE} bytes"


def test_too_many_headers_are_cut():
    block = b"".join(b"X-%d: y\r\n" % index for index in range(5000))
    answer, _, seconds = exchange(held_open(b"HTTP/1.1 200 OK\r\n" + block + b"\r\n"))
    assert answer.raw.startswith(b"HTTP/1.1 200 OK\r\nX-0: y\r\n")
    assert answer.raw.count(b"\n") > MAX_HEADERS
    assert len(answer.raw) <= MAX_HEADER_BYTES + 16384
    assert answer.truncated
    assert answer.detail == f"over {MAX_HEADERS} headers"
    assert seconds < 2


def test_exactly_the_allowed_headers_are_not_cut():
    block = b"".join(b"X-%d: y\r\n" % index for index in range(MAX_HEADERS - 1))
    raw = b"HTTP/1.1 200 OK\r\n" + block + b"Content-Length: 2\r\n\r\nhi"
    answer, _, _ = exchange(held_open(raw))
    assert (answer.raw, answer.truncated) == (raw, False)


def test_a_header_of_a_megabyte_is_cut():
    answer, _, _ = exchange(answering(b"HTTP/1.1 200 OK\r\nServer: " + b"x" * 1_000_000 + b"\r\n\r\n"))
    assert MAX_HEADER_BYTES < len(answer.raw) <= MAX_HEADER_BYTES + 16384
    assert answer.truncated
    assert answer.detail == f"headers over {MAX_HEADER_BYTES} bytes"


def test_an_encoded_body_is_kept_as_it_came():
    bomb = gzip.compress(b"\0" * 50_000_000)
    raw = page(bomb, "Content-Encoding: gzip")
    answer, _, _ = exchange(answering(raw))
    assert answer.raw == raw


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_redirects_are_not_followed(status):
    async def run():
        async with device() as (other, _), device() as (fake, network):
            there = await other.serve(answering(page(b"there")))
            raw = page(b"", f"Location: http://{other.address}:{there}/", status=status)
            port = await fake.serve(answering(raw))
            answer = await http.get(network, fake.permit, port, "/")
            return answer.raw == raw, fake.connections, other.connections

    assert asyncio.run(run()) == (True, 1, 0)


def test_no_answer_is_told_apart():
    answer, _, _ = exchange(silent, deadline=0.8)
    assert (answer.status, answer.raw, answer.reason) == (Status.TIMED_OUT, b"", "no-answer")

    async def closes(connection):
        await connection.request()

    answer, _, _ = exchange(closes)
    assert (answer.status, answer.raw, answer.reason) == (Status.REFUSED, b"", "closed")

    async def resets(connection):
        await connection.request()
        connection.reset()

    answer, _, _ = exchange(resets)
    assert (answer.status, answer.raw, answer.reason) == (Status.REFUSED, b"", "reset")


def test_a_reset_in_the_middle_keeps_what_came():
    async def handler(connection):
        await connection.request()
        await connection.send(b"HTTP/1.1 200 OK\r\nServer: x\r\n")
        await asyncio.sleep(0.2)
        connection.reset()

    answer, _, _ = exchange(handler)
    assert (answer.status, answer.truncated) == (Status.ANSWERED, True)
    assert answer.detail == "reset after 28 bytes"


def test_a_closed_port_is_refused():
    async def run():
        async with device() as (fake, network):
            return await http.get(network, fake.permit, fake.closed_port(), "/")

    answer = asyncio.run(run())
    assert (answer.status, answer.reason) == (Status.REFUSED, "connection-refused")


def test_first_byte_has_a_deadline_of_its_own(monkeypatch):
    monkeypatch.setattr(http, "FIRST_BYTE_DEADLINE", 0.6)
    answer, _, seconds = exchange(silent, deadline=9.0)
    assert answer.reason == "no-answer"
    assert seconds < 2.0


def test_soap_posts_only_what_is_on_the_list():
    body, action = onvif_messages().body_for("GetServices")

    async def run():
        async with device() as (fake, network):
            port = await fake.serve(answering(page(b"<x/>")))
            answer = await http.soap(network, fake.permit, port, "/onvif/device_service", body, action)
            with pytest.raises(NotPermitted):
                await http.soap(network, fake.permit, port, "/onvif/device_service", body, action + "Set")
            return answer, fake

    answer, fake = asyncio.run(run())
    [(port, sent)] = fake.requests
    assert (
        sent
        == http.SOAP_TEMPLATE.format(
            path="/onvif/device_service",
            host=f"{fake.address}:{port}",
            action=action,
            length=len(body),
            body=body.decode(),
        ).encode()
    )
    assert answer.status is Status.ANSWERED
    assert b"\n" not in body


def test_no_way_to_send_credentials_or_another_method():
    source = Path(http.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r'"([A-Z]{3,8}) \{path\}', source)) == {"GET", "POST"}
    for template in (http.GET_TEMPLATE, http.SOAP_TEMPLATE):
        assert not re.search(r"(?i)authorization|cookie|referer", template)
    assert not {"put", "post", "head", "delete", "request"} & set(vars(http))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=2000), st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n",
       b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"RTSP/1.0 200 OK\r\n"]), st.integers(1, 97))  # fmt: skip
def test_framing_takes_any_bytes_in_any_portions(noise, start, size):
    raw = start + noise
    framing = http.Framing()
    for at in range(0, len(raw), size):
        if framing.done:
            break
        framing.feed(raw[at : at + size])
    whole = http.Framing()
    whole.feed(raw)
    assert framing.done == whole.done or framing.done
    framing.close()
    assert framing.done or not raw
    assert raw.startswith(bytes(framing.raw))


def test_any_bytes_from_a_device_come_back_as_an_answer():
    @settings(max_examples=40, deadline=None)
    @given(st.binary(min_size=1, max_size=600))
    def check(raw):
        answer, _, _ = exchange(answering(raw), deadline=1.0)
        assert answer.status is Status.ANSWERED
        assert raw.startswith(answer.raw), base64.b64encode(raw)

    check()
