"""What safety reads out of raw answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.probe import answers
from tests.probe.fakes import NOT_AUTHORISED, envelope, page, rtsp


def refusal(body):
    return page(body, 'WWW-Authenticate: Digest realm="x"', status="401 Unauthorized")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 200),
        (b"\r\nHTTP/1.0 404\n\n", 404),
        (b"RTSP/1.0 401 Unauthorized\r\n\r\n", 401),
        (b"http/1.1  302 x", 302),
        (b"HTTP/1.1 2000 OK", None),
        (b"<html>200", None),
        (b"", None),
    ],
)
def test_status_codes(raw, code):
    assert answers.status_code(raw) == code


def test_headers_are_found_whatever_their_case_and_spacing():
    raw = b"HTTP/1.1 200 OK\nSERVER : caf\xe9 \nX: y\nserver: two\n\nServer: not a header"
    assert answers.header(raw, "Server") == "caf\xe9, two"
    assert answers.header(raw, "absent") == ""


def test_refusals():
    assert answers.is_refusal(refusal(b""))
    assert answers.is_refusal(rtsp("401 Unauthorized"))
    assert answers.is_refusal(NOT_AUTHORISED)
    assert not answers.is_refusal(page(b"NotAuthorized"))
    assert not answers.is_refusal(page(b"", status="403 Forbidden"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("You still have 4 attempt(s)", 4),
        ("you still have 29 login attempts", 29),
        ("2 attempts left", 2),
        ("3 attempt(s) remaining", 3),
        ("attempts remaining: 3", None),
        ("try again", None),
    ],
)
def test_counted_attempts(text, left):
    assert answers.attempts_left(refusal(text.encode())) == left
    fault = envelope(f"<s:Fault><s:Reason><s:Text>{text}</s:Text></s:Reason></s:Fault>")
    assert answers.attempts_left(fault) == left


def test_a_page_that_carries_such_a_text_for_later_does_not_count():
    assert answers.attempts_left(page(b"var text = 'you still have 3 attempts'")) is None


@pytest.mark.parametrize(
    ("body", "busy"),
    [
        (b"Too many connections", True),
        (b"Maximum number of users reached", True),
        (b"session limit reached", True),
        (b"<userCheck><lockStatus>lock</lockStatus></userCheck>", True),
        (b"<userCheck><lockStatus>unlock</lockStatus><retryLoginTime>5</retryLoginTime></userCheck>", False),
        (b"<statusString>Unauthorized</statusString>", False),
        (b"", False),
    ],
)
def test_busy_refusals(body, busy):
    assert answers.is_busy(refusal(body)) is busy
    assert not answers.is_busy(page(body))


def test_redirects_to_tls():
    assert answers.moves_to_tls(page(b"", "Location: https://10.0.0.5/", status="301 Moved"))
    assert not answers.moves_to_tls(page(b"", "Location: /index.asp", status="302 Found"))
    assert not answers.moves_to_tls(page(b"", "Location: https://10.0.0.5/"))


@given(st.binary(max_size=500), st.sampled_from([b"", b"HTTP/1.1 401 x\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"<s:Fault>"]))
def test_any_bytes_are_taken(noise, start):
    raw = start + noise
    answers.status_code(raw)
    answers.header(raw, "server")
    assert isinstance(answers.is_busy(raw), bool)
    assert answers.attempts_left(raw) is None or answers.attempts_left(raw) >= 0
    assert isinstance(answers.moves_to_tls(raw), bool)
    assert isinstance(answers.is_envelope(raw), bool)
    assert raw.endswith(answers.body(raw))
