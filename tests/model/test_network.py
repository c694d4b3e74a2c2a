import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import GENTLE, STANDARD, Outcome, Status

TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(
    st.builds(
        Outcome,
        device=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20),
        probe=TEXT,
        status=st.sampled_from(Status),
        raw=st.binary(max_size=64),
        facts=st.none() | st.dictionaries(TEXT, TEXT | st.lists(TEXT), max_size=3),
        port=st.none() | st.integers(1, 65535),
        request=st.none() | TEXT,
        at=st.none() | TEXT,
        vantage=st.none() | TEXT,
        tls=st.booleans(),
        truncated=st.booleans(),
        detail=TEXT,
    )
)
def test_an_outcome_survives_its_line(outcome):
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ({"probe": "http", "raw": ""}, "device"),
        ({"device": "", "probe": "http", "raw": ""}, "device"),
        ({"device": "a\n", "probe": "http", "raw": ""}, "device"),
        ({"device": "\ud800", "probe": "http", "raw": ""}, "device"),
        ({"device": "a\u2028b", "probe": "http", "raw": ""}, "device"),
        ({"device": "a", "probe": "mac", "facts": {"mac": "x", "sadp.DeviceSN": "x"}}, "facts"),
        ({"device": "a", "raw": ""}, "probe"),
        ({"device": "a", "probe": "http"}, "raw"),
        ({"device": "a", "probe": "http", "raw": 5}, "raw"),
        ({"device": "a", "probe": "http", "raw_base64": "%%"}, "raw_base64"),
        ({"device": "a", "probe": "http", "facts": {"mac": 5}}, "facts"),
        ({"device": "a", "probe": "http", "facts": ["mac"]}, "facts"),
        ({"device": "a", "probe": "http", "raw": "", "port": 0}, "port"),
        ({"device": "a", "probe": "http", "raw": "", "port": True}, "port"),
        ({"device": "a", "probe": "http", "raw": "", "port": "80"}, "port"),
        ({"device": "a", "probe": "http", "raw": "", "status": "fine"}, "status"),
        ({"device": "a", "probe": "http", "raw": "", "request": 1}, "request"),
    ],
)
def test_a_wrong_line_is_refused_with_the_name_of_its_key(line, names):
    with pytest.raises(ValueError, match=f"`{names}`"):
        Outcome.from_json(line)


def test_the_published_example_lines_are_read():
    raw = Outcome.from_json(
        {
            "device": "10.0.0.5",
            "probe": "http",
            "port": 80,
            "request": "GET /",
            "raw": "HTTP/1.1 200 OK\r\nServer: App-webs/\r\n\r\n",
        }
    )
    assert raw.raw.startswith(b"HTTP/1.1 200 OK\r\n")
    facts = Outcome.from_json({"device": "10.0.0.5", "probe": "mac", "facts": {"mac": "44:19:b6:00:00:05"}})
    assert facts.facts == {"mac": "44:19:b6:00:00:05"}


def test_the_safety_numbers_are_those_of_the_contract():
    assert (GENTLE.packets, GENTLE.arp, GENTLE.new_connections, GENTLE.open_connections, GENTLE.connections) == (
        100,
        50,
        2,
        1,
        30,
    )
    assert (
        STANDARD.packets,
        STANDARD.arp,
        STANDARD.new_connections,
        STANDARD.open_connections,
        STANDARD.connections,
    ) == (500, 200, 4, 2, 30)


@pytest.mark.parametrize(("key", "good", "bad"), [
    ("sadp.DeviceSN", ["sadp", "shodan"], ["mac", "http", "dhip", "snmp"]), ("dhip.method", ["dhip"], ["http", "mac", "sadp"]), ("isapi.model", ["isapi", "http"], ["onvif", "mac"]),
    ("magicbox.deviceType", ["magicbox", "http"], ["dhip"]), ("onvif.model", ["onvif", "wsd", "http"], ["mac", "rtsp"]), ("snmp.sysdescr", ["snmp"], ["http"]), ("dvrip.HardWare", ["dvrip"], ["ftp"]),
    ("ubnt.firmware", ["ubnt"], ["dns"]), ("wsd.scopes", ["wsd", "onvif"], []), ("http.server", ["http", "onvif", "isapi", "magicbox", "mac"], []),
])  # fmt: skip
def test_facts_of_a_protocol_come_from_its_own_question(key, good, bad):
    for probe in good:
        assert Outcome.from_json({"device": "a", "probe": probe, "facts": {key: "x"}}).facts == {key: "x"}
    for probe in bad:
        with pytest.raises(ValueError, match=f"`{key.partition('.')[0]}` cannot come from the probe `{probe}`"):
            Outcome.from_json({"device": "a", "probe": probe, "facts": {"mac": "x", key: "x"}})


def test_every_probe_with_a_parser_is_held_to_its_own_facts():
    from auditor.model import network
    from auditor.observe import PARSERS

    assert set(PARSERS) <= set(network._PROBES)
    assert set(network._CARRIERS) <= set(network._PROBES)
