"""OPTIONS and DESCRIBE, and nothing beyond."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Status
from auditor.net import rtsp as reader
from tests.probe.fakes import answering, device, page, rtsp, silent

OPTIONS = rtsp("200 OK", "Public: OPTIONS, DESCRIBE", "Server: Rtsp Server/3.0")
REFUSAL = rtsp("401 Unauthorized", 'WWW-Authenticate: Digest realm="IP Camera(C1214)"', cseq=2)


def ask(handler, **options):
    async def run():
        async with device() as (fake, network):
            port = await fake.serve(handler)
            first, second = await reader.ask(network, fake.permit, port, deadline=3.0, **options)
            return first, second, fake, port

    return asyncio.run(run())


def test_both_questions_share_a_connection_that_stays_open():
    started = time.monotonic()
    first, second, fake, port = ask(answering(OPTIONS, REFUSAL, keep_open=True))
    assert (first.raw, second.raw) == (OPTIONS, REFUSAL)
    assert fake.connections == 1
    url = f"rtsp://{fake.address}:{port}/"
    assert [raw for _, raw in fake.requests] == [
        f"OPTIONS {url} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: camera-auditor\r\n\r\n".encode(),
        f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: camera-auditor\r\nAccept: application/sdp\r\n\r\n".encode(),
    ]
    assert time.monotonic() - started < 2


def test_a_second_connection_where_the_first_is_closed():
    first, second, fake, _ = ask(answering(OPTIONS))
    assert (first.raw, second.raw) == (OPTIONS, OPTIONS)
    assert fake.connections == 2
    assert [line.split()[0] for line in fake.lines()] == ["OPTIONS", "DESCRIBE"]


def test_connection_close_is_believed():
    first, second, fake, _ = ask(answering(rtsp("200 OK", "Connection: close"), REFUSAL, keep_open=True))
    assert fake.connections == 2
    assert first.status is second.status is Status.ANSWERED


def test_a_described_stream_is_read_and_never_set_up():
    sdp = b"v=0\r\ns=Media Presentation\r\nm=video 0 RTP/AVP 96\r\n"
    described = rtsp("200 OK", "Content-Type: application/sdp", cseq=2, body=sdp)
    _, second, fake, _ = ask(answering(OPTIONS, described, keep_open=True))
    assert second.raw == described
    assert {line.split()[0] for line in fake.lines()} == {"OPTIONS", "DESCRIBE"}


def test_other_protocols_are_asked_nothing_more():
    for raw in (b"SSH-2.0-OpenSSH_9.2\r\n", page(b"web", status="400 Bad Request"), b"\x15\x03\x01\x00\x02\x02\x46"):
        first, second, fake, _ = ask(answering(raw))
        assert (first.raw, second, fake.connections) == (raw, None, 1)


def test_the_caller_can_stop_after_options():
    first, second, fake, _ = ask(answering(REFUSAL, keep_open=True), go_on=lambda exchange: b"401" not in exchange.raw)
    assert first.raw == REFUSAL
    assert second is None
    assert len(fake.requests) == 1


def test_silence_and_closed_ports():
    async def run():
        async with device() as (fake, network):
            first, second = await reader.ask(network, fake.permit, await fake.serve(silent), deadline=0.5)
            assert (first.status, first.reason, second) == (Status.TIMED_OUT, "no-answer", None)
            first, second = await reader.ask(network, fake.permit, fake.closed_port(), deadline=0.5)
            assert (first.status, first.reason, second) == (Status.REFUSED, "connection-refused", None)

    asyncio.run(run())


def test_dripped_answers_are_cut_by_the_deadline():
    async def handler(connection):
        await connection.request()
        await connection.drip(OPTIONS, 0.2)

    first, second, fake, _ = ask(handler)
    assert first.truncated
    assert first.raw
    assert second is not None  # one more connection, then the end
    assert fake.connections == 2


def test_no_template_carries_credentials_or_sets_anything_up():
    for template in (reader.OPTIONS_TEMPLATE, reader.DESCRIBE_TEMPLATE):
        assert "Authorization" not in template
        assert template.split(maxsplit=1)[0] in ("OPTIONS", "DESCRIBE")


def test_any_bytes_come_back_as_an_answer():
    @settings(max_examples=25, deadline=None)
    @given(st.binary(min_size=1, max_size=300), st.booleans())
    def check(raw, as_rtsp):
        raw = b"RTSP/1.0 200 OK\r\n" + raw if as_rtsp else raw
        first, _, _, _ = ask(answering(raw))
        assert first.status is Status.ANSWERED
        assert raw.startswith(first.raw)

    check()
