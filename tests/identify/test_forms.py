"""The same answer in the forms in which people and tools save it names the same maker."""

import base64
import gzip
import io
import json
import re

import pytest

from auditor.identify import identify_lines, load_rules
from auditor.observe import observe, read_lines

RULES = load_rules()
_BODY = re.compile(r"[^\r\n\0-\x1f]{1,2000}")


def _examples(key):
    """Yield text and wanted maker of every example of a rule on one fact that needs no request and settles a maker."""
    for rule in RULES.rules:
        if (
            rule.observable == key
            and rule.says.maker
            and rule.request is None
            and rule.port is None
            and rule.strength.value == "conclusive"
        ):
            for example in rule.examples[:1]:
                if isinstance(example.input, str) and _BODY.fullmatch(example.input):
                    yield example.input.strip()


def _maker(**line):
    data = json.dumps({"device": "a", **line}).encode() + b"\n"
    [found] = identify_lines(read_lines(io.BytesIO(data)), RULES, observe=observe)
    return found.maker


def _forms(headers, body=""):
    """Yield fields of a line for one response in many forms."""
    block = "\r\n".join(headers)
    full = f"HTTP/1.1 200 OK\r\n{block}\r\n\r\n{body}"
    yield {"raw": full}
    yield {"raw": full.replace("\r\n", "\n")}
    yield {"raw": full.replace("\r\n", "\r")}
    yield {"raw_base64": base64.b64encode(full.encode()).decode()}
    yield {"raw": full, "request": "GET /"}
    yield {"raw": full, "request": "GET / HTTP/1.1"}
    yield {"raw": full, "request": "GET / HTTP/1.1", "port": 80, "status": "answered"}
    yield {"raw": f"{block}\r\n\r\n{body}"}
    yield {"raw": f"{block}\n\n{body}"}
    yield {"raw": f"HTTP/1.1 200\r\n{block}\r\n\r\n{body}"}
    yield {"raw": f"HTTP/1.0 200 OK\r\nDate: x\r\n{block}\r\n\r\n{body}"}
    packed = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n{block}\r\n\r\n".encode() + gzip.compress(body.encode())
    yield {"raw_base64": base64.b64encode(packed).decode()}
    if not body:
        yield {"raw": f"HTTP/1.1 200 OK\r\n{block}"}
        yield {"raw": f"HTTP/1.1 200 OK\n{block}"}
        yield {"raw": block}


SERVERS = sorted(set(_examples("http.server")))
CHALLENGES = sorted(
    text for text in set(_examples("http.www_authenticate")) if text.lower().startswith(("digest ", "basic "))
)
TITLES = sorted(text for text in set(_examples("http.title")) if not re.search(r"[<>&]|  ", text))


def test_there_are_enough_examples():
    assert min(len(SERVERS), len(CHALLENGES), len(TITLES)) >= 5, (len(SERVERS), len(CHALLENGES), len(TITLES))


@pytest.mark.parametrize("server", SERVERS)
def test_server_header(server):
    wanted = _maker(probe="http", facts={"http.server": server})
    assert wanted is not None
    for form in _forms([f"Server: {server}"]):
        assert _maker(probe="http", **form) == wanted, form


@pytest.mark.parametrize("title", TITLES)
def test_title(title):
    wanted = _maker(probe="http", facts={"http.title": title})
    page = f"<html><head><title>{title}</title></head></html>"
    assert wanted is not None
    for form in [*_forms(["Content-Type: text/html; charset=utf-8"], page), {"raw": page}]:
        assert _maker(probe="http", **form) == wanted, form


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_challenges(challenge):
    other = "Negotiate"
    wanted = _maker(probe="http", facts={"http.www_authenticate": challenge})
    assert wanted is not None
    name = "WWW-Authenticate"
    blocks = [[f"{name}: {challenge}"], [f"{name}: {challenge}", f"{name}: {other}"], [f"{name}: {other}", f"{name}: {challenge}"],
              [f"{name}: {other}, {challenge}"], [f"{name}: {challenge}, {other}"], [f"{name.lower()}:{challenge}"]]  # fmt: skip
    for block in blocks:
        for form in _forms(block):
            assert _maker(probe="http", **form) == wanted, form
    for facts in (f"{name}: {challenge}", [other, challenge], f"{challenge}\r\n{other}"):
        assert _maker(probe="http", facts={"http.www_authenticate": facts}) == wanted, facts
