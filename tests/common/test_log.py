import io
import json

import pytest

from auditor.common.log import STRUCK, redact, run_log


def written(**event):
    stream = io.BytesIO()
    run_log(stream).info("seen", **event)
    return stream.getvalue()


def test_one_event_is_one_line_whatever_the_device_calls_itself():
    raw = written(name='cam\n{"event": "forged"}\r\x1b[2J\u202e')
    assert raw.count(b"\n") == 1
    line = json.loads(raw)
    assert line["event"] == "seen"
    assert line["level"] == "info"
    assert "\n" not in line["name"]
    assert "\x1b" not in line["name"]
    assert line["at"].endswith("Z")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Digest username=a, response=C@n#ry",
        "<wsse:Security><wsse:UsernameToken>C@n#ry</wsse:UsernameToken></wsse:Security>",
        "GET /?user=a&password=C@n#ry HTTP/1.1",
        "rtsp://admin:C@n#ry@10.0.0.5/",
    ],
)
def test_secrets_are_struck_out(text):
    assert "n#ry" not in redact(text)
    assert STRUCK in redact(text)
    assert b"n#ry" not in written(detail=text, nested={"list": [text.encode()]})


def test_an_exception_is_logged_with_its_traceback_in_the_same_line():
    stream = io.BytesIO()
    run_log(stream).error("internal error", exc_info=ValueError("odd device"))
    assert stream.getvalue().count(b"\n") == 1
    assert "odd device" in json.loads(stream.getvalue())["exception"]
