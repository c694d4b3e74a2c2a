"""What holds for every parser."""

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.model import Outcome, Status
from auditor.observe import PARSERS, observe

SEEDS = [
    b'HTTP/1.1 401 U\r\nServer: App-webs/\r\nTransfer-Encoding: chunked\r\nWWW-Authenticate: Digest realm="x"\r\n\r\n5\r\n<titl',
    b"RTSP/1.0 200 OK\r\nPublic: A\r\n\r\nv=0", b"<?xml version='1.0'?><ProbeMatch><MAC>1</MAC></ProbeMatch>", b"\x20\0\0\0DHIP" + bytes(24) + b'{"params": {"a": 1}}',
    b"\x16\x03\x01\x00\x08\x0b\x00\x00\x04\x30\x82", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", b"type=IPC\n", b"1.3.6.1.4.1.39165.1|4|x",
    b"\xff\xfe<\0a\0>\0", b"\xef\xbb\xbf<DeviceInfo xmlns='a'><b/></DeviceInfo>", b"<!DOCTYPE x>", b"&#x0; <title>&#xffffffff;</title>",
]  # fmt: skip
mutated = st.builds(
    lambda seed, cut, insert: seed[:cut] + insert + seed[cut:],
    st.sampled_from(SEEDS),
    st.integers(0, 80),
    st.binary(max_size=40),
)


@settings(max_examples=600, deadline=None)
@given(
    probe=st.sampled_from(sorted(PARSERS)),
    raw=st.one_of(st.binary(max_size=400), mutated),
    request=st.sampled_from([None, "GET /", "GET /favicon.ico", "\udcff"]),
)
def test_device_bytes_never_raise_and_give_text(probe, raw, request):
    for item in observe(Outcome("d", probe, raw=raw, request=request), 3):
        assert item.values
        assert item.response == 3
        assert all(isinstance(value, str) and value for value in item.values)
        "".join(item.values).encode("utf-8")  # no lone surrogate comes from device bytes


def test_provenance_is_kept():
    outcome = Outcome(
        "10.0.0.5",
        "http",
        Status.ANSWERED,
        b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
        None,
        81,
        "GET /",
        "2026-11-21T00:00:00Z",
        "v",
        True,
        True,
    )
    for item in observe(outcome, 7):
        assert (item.device, item.probe, item.response, item.port, item.request) == ("10.0.0.5", "http", 7, 81, "GET /")
        assert (item.status, item.at, item.vantage, item.tls, item.truncated) == (
            Status.ANSWERED,
            "2026-11-21T00:00:00Z",
            "v",
            True,
            True,
        )


def test_given_facts_win_over_raw():
    found = observe(
        Outcome(
            "d",
            "http",
            raw=b"HTTP/1.1 200 OK\r\nServer: raw\r\n\r\n",
            facts={"http.server": "given", "http.header_names": ["A", "B"]},
        ),
        1,
    )
    assert {item.key: item.values for item in found} == {"http.server": ("given",), "http.header_names": ("A", "B")}


def test_mac_fact_is_normalised():
    assert observe(Outcome("d", "mac", facts={"mac": "44-19-B6-00-00-05"}), 1)[0].values == ("44:19:b6:00:00:05",)


def test_unknown_probe_and_silence_give_nothing():
    assert observe(Outcome("d", "acme", raw=b"x"), 1) == ()
    assert observe(Outcome("d", "http", Status.TIMED_OUT), 1) == ()


def test_reading_lines_does_not_load_the_certificate_library():
    """It is loaded with the first certificate: it takes longer than a thousand lines."""
    program = (
        "import sys; from auditor.observe import PARSERS; before = 'cryptography' in sys.modules; "
        "PARSERS['tls'](b'', None); print(before, 'cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
