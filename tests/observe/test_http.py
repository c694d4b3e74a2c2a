"""HTTP answers as broken devices send them."""

import hashlib

import pytest

from auditor.model import Outcome
from auditor.observe import observe
from auditor.observe.http import favicon_mmh3, parse


def test_plain_answer_gives_every_fact():
    facts = parse(
        b'HTTP/1.1 200 OK\r\nServer: App-webs/\r\nETag: "1-2"\r\nContent-Type: text/html\r\n\r\n<html><title> A &amp;\n B </title>',
        "GET /",
    )
    assert facts["http.status"] == ("200",)
    assert facts["http.server"] == ("App-webs/",)
    assert facts["http.header_names"] == ("Server", "ETag", "Content-Type")
    assert facts["http.header.etag"] == ('"1-2"',)
    assert facts["http.title"] == ("A & B",)
    assert facts["http.body"] == ("<html><title> A &amp;\n B </title>",)


def test_header_names_keep_order_and_spelling():
    facts = parse(b"HTTP/1.1 200 OK\r\nCONNECTION: close\r\nContent-length: 0\r\nCONTENT-TYPE: x\r\n\r\n", None)
    assert facts["http.header_names"] == ("CONNECTION", "Content-length", "CONTENT-TYPE")


@pytest.mark.parametrize("raw", [
    b"Server: App-webs/\r\nDate: x\r\n\r\n", b"Server: App-webs/\n", b"HTTP/1.0 200\nServer: App-webs/\n\nbody",
    b"\r\nHTTP/1.1 200 OK\rServer: App-webs/\r\r", b"HTTP/1.1 200 OK\r\nServer:App-webs/\r\n<html>",
])  # fmt: skip
def test_framing_may_be_broken_or_missing(raw):
    assert parse(raw, "GET /")["http.server"] == ("App-webs/",)


@pytest.mark.parametrize("body", [b"table.MotionDetect[0].Enable=true\n", b"<html><p>x: y</p></html>", b'{"a": 1}'])
def test_a_body_alone_is_a_body(body):
    facts = parse(body, "GET /")
    assert facts["http.body"] == (body.decode(),)
    assert facts["http.header_names"] == ()


def test_folded_header_is_joined():
    facts = parse(b"HTTP/1.1 200 OK\r\nX-Long: one\r\n  two\r\nServer: x\r\n\r\n", None)
    assert facts["http.header.x-long"] == ("one two",)
    assert facts["http.server"] == ("x",)


def test_challenges_are_listed_one_by_one():
    facts = parse(
        b'HTTP/1.1 401 U\r\nWWW-Authenticate: Digest realm="a, Basic b", qop="auth", Basic realm="c"\r\nWWW-Authenticate: Basic realm="d"\r\n\r\n',
        None,
    )
    assert facts["http.www_authenticate"] == (
        'Digest realm="a, Basic b", qop="auth"',
        'Basic realm="c"',
        'Basic realm="d"',
    )


@pytest.mark.parametrize(("coded", "plain"), [
    (b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"), (b"3;x=y\r\nabc\r\n0\r\n\r\n", "abc"), (b"3\r\nabc\r\nnonsense", "abcnonsense"),
    (b"ffffff\r\nabc", "abc"),
])  # fmt: skip
def test_chunks_are_joined_as_far_as_they_can_be_read(coded, plain):
    assert parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded, None)["http.body"] == (plain,)


@pytest.mark.parametrize(("raw", "title"), [
    ("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=gb2312\r\n\r\n<title>海康</title>".encode("gb2312"), "海康"),
    ("HTTP/1.1 200 OK\r\n\r\n<meta charset='shift_jis'><title>カメラ</title>".encode("shift_jis"), "カメラ"),
    (b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-7\r\n\r\n<title>+ADw-</title>", "+ADw-"),
    (b"HTTP/1.1 200 OK\r\n\r\n<TITLE lang=en>caf\xe9</TITLE>", "café"),
    (b"\xff\xfe" + "<title>wide</title>".encode("utf-16-le"), "wide"),
])  # fmt: skip
def test_title_is_read_in_the_declared_charset(raw, title):
    assert parse(raw, None)["http.title"] == (title,)


def test_byte_order_mark_stays_a_trait_of_the_body():
    assert parse(b"HTTP/1.1 200 OK\r\n\r\n\xef\xbb\xbf<!doctype html>", None)["http.body"] == ("\ufeff<!doctype html>",)


def test_favicon_hashes_need_a_real_icon():
    icon = b"\x00\x00\x01\x00" + bytes(range(200))
    facts = parse(b"HTTP/1.1 200 OK\r\n\r\n" + icon, "GET /favicon.ico")
    assert facts["http.favicon.md5"] == (hashlib.md5(icon).hexdigest(),)
    assert facts["http.favicon.mmh3"] == (favicon_mmh3(icon),)
    assert "http.favicon.mmh3" not in parse(b"HTTP/1.1 404 Not Found\r\n\r\n" + icon, "GET /favicon.ico")
    assert "http.favicon.mmh3" not in parse(b"HTTP/1.1 200 OK\r\n\r\n<html>not found</html>", "GET /favicon.ico")
    assert "http.favicon.mmh3" not in parse(b"HTTP/1.1 200 OK\r\n\r\n" + icon, "GET /")


def test_favicon_hash_is_the_one_that_lists_publish():
    # 57 bytes give exactly one full line of 76 characters; the line end belongs to the hash
    assert favicon_mmh3(b"\x00" * 57) != favicon_mmh3(b"\x00" * 58)
    assert favicon_mmh3(b"") == "0"
    # reference: base64.encodebytes and MurmurHash3 x86 32, as the published lists are made
    import base64

    import mmh3

    for length in (1, 56, 57, 58, 114, 1150):
        assert favicon_mmh3(bytes(length)) == str(mmh3.hash(base64.encodebytes(bytes(length))))


def test_body_of_binary_content_is_no_text():
    assert "http.body" not in parse(b"HTTP/1.1 200 OK\r\n\r\n\x89PNG\x00\x00", "GET /x")


def test_long_values_are_cut():
    found = observe(Outcome("d", "http", raw=b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 100_000), 1)
    assert max(len(value) for item in found for value in item.values) == 16_384
