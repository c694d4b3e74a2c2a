import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.common.limits import MAX_OBSERVATION_LINE
from auditor.model import Outcome
from auditor.observe import lines, observation_line, observe, read_lines

GOOD = b'{"device": "a", "probe": "mac", "facts": {"mac": "44:19:b6:00:00:05"}}\n'


def _read(data: bytes):
    return list(read_lines(io.BytesIO(data)))


def test_bad_lines_are_reported_with_their_number_and_the_rest_goes_on():
    long = b'{"device": "a", "probe": "http", "raw": "' + b"x" * (2 * MAX_OBSERVATION_LINE) + b'"}\n'
    bad = [b"{broken\n", b'{"device": "\xff"}\n', b"[1]\n", b'{"device": "a", "probe": "x", "z": ' + b"[" * 100_000 + b"\n", long,
           b'{"device": "a", "probe": "x", "port": ' + b"9" * 5000 + b"}\n", b'{"device": "a", "probe": "x", "n": NaN}\n',
           b'{"device": "a", "device": "b", "probe": "x", "raw": ""}\n', b'{"device": "a", "probe": "x", "z": ' + b"[" * 70 + b"]" * 70 + b', "raw": ""}\n',
           b'{"device": "a"}\n', b"\x80\x81\n"]  # fmt: skip
    data = b"".join(line + GOOD for line in bad)
    found = _read(data)
    assert len(found) == 2 * len(bad)
    for number, outcome in found:
        assert isinstance(outcome, Outcome) == (number % 2 == 0), (number, outcome)
        if number % 2:
            assert len(str(outcome)) > 5


def test_blank_lines_and_byte_order_mark():
    assert [number for number, _ in _read(b"\xef\xbb\xbf" + GOOD + b"\n   \n" + GOOD)] == [1, 4]


def test_last_line_without_end_and_line_of_exactly_the_limit():
    start, end = b'{"device": "a", "probe": "http", "raw": "', b'"}'
    exact = start + b"x" * (MAX_OBSERVATION_LINE - len(start) - len(end)) + end
    found = _read(exact + b"\n" + GOOD.strip())
    assert [isinstance(outcome, Outcome) for _, outcome in found] == [True, True]


def test_written_line_reads_back_as_the_same_facts():
    outcome = Outcome(
        "a",
        "http",
        raw=b'HTTP/1.1 401 U\r\nServer: x\r\nWWW-Authenticate: Basic realm="a"\r\n\r\n<title>t</title>',
        port=80,
        request="GET /",
        at="2026-11-21T00:00:00Z",
        tls=True,
    )
    first = observe(outcome, 1)
    line = observation_line(outcome, first)
    assert "raw_base64" not in line
    [(_, again)] = _read(json.dumps(line).encode() + b"\n")
    assert observe(again, 1) == first


def _result(read, line):
    try:
        return repr(read(line))
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"


def _closer_look(line):
    """Read as the standard library does, refusing a key that stands twice and NaN."""
    document = lines._DECODER.decode(line.decode("utf-8"))
    if not isinstance(document, dict):
        raise ValueError("a line must be a JSON object")  # noqa: TRY004  (the text that is compared)
    lines._check_depth(document)
    return document


PARTS = [
    *'{}[],:"" \t\r', "\\", '\\"', "\\\\", '"a"', '"b"', '"a":', '"b":', '"a" :', '"facts":{', '"":', '"\\":', '"a\\"":', '"a\\\\":', '":"', '"::"', '"\\":"', "1", "-0", "1.50", "1e999", "NaN", "-Infinity",
    "null", "true", '"\\ud800"', '"\\ud83d\\ude00"', "\u00e9", "\x7f", "\x00", "\x1f", "9" * 4301, "[" * 201, "]" * 201, "[[" * 40 + "]]" * 40,
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join).map(str.encode) | st.binary(max_size=12))
@example(b'{"a\\\\":1,"b":1,"b":2}')
@example(b'{"a\\\\":1,"a\\\\":"\\":"}')
@example(b'{"a":1,"a" :2}')
@example(b'"a":NaN')
@example(b'"a":-Infinity')
@example(b'{"a":":","a"\t:"\\":"}')
@example(b'{"a":1,"a"\r\n:2}')
@example(b'{"a":{"b":1,"b":2}}')
@example(b'{"facts":{"a":"x","a":"y"}}')
@example(b'{"facts":{"a":"\\\\"},"b":1,"b":"\\":"}')
@example(b'{"facts":{"a":"\\":","b":"::"}}')
@example(b'{"a":\xed\xa0\x80}')
@example(b'{"a":"\xed\xa0\x80"}')
def test_the_fast_way_reads_what_the_closer_look_reads(line):
    for text in (line, b"{" + line + b"}\n"):
        assert _result(lines._object, text) == _result(_closer_look, text)


@pytest.mark.parametrize("line", [
    GOOD, b'{"device": "a", "probe": "http", "facts": {"http.www_authenticate": "Digest realm=\\"x\\", domain=\\"::\\"", "http.title": "a : b"}}\n',
    b'{"device": "fe80::1", "probe": "x", "port": 80, "tls": true, "facts": {"wsd.scopes": ["a", "b"]}}\r\n',
])  # fmt: skip
def test_lines_of_everyday_use_take_the_fast_way(line):
    assert lines._plainly_distinct(line) == json.loads(line)
