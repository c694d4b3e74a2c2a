"""The same answer in the forms in which other tools write it."""

import pytest

from auditor.model import Outcome
from auditor.observe import given, observe


def _facts(facts, probe="http"):
    return {item.key: item.values for item in observe(Outcome("a", probe, facts=facts), 1)}


SCOPES = ("onvif://www.onvif.org/name/AXIS%20M10", "onvif://www.onvif.org/type/ptz")


@pytest.mark.parametrize(("facts", "wanted"), [
    ({"wsd.scopes": " ".join(SCOPES)}, {"wsd.scopes": SCOPES}), ({"wsd.scopes": "\n".join(SCOPES)}, {"wsd.scopes": SCOPES}), ({"wsd.scopes": [" ".join(SCOPES)]}, {"wsd.scopes": SCOPES}),
    ({"onvif.scopes": "onvif://x/name/A B"}, {"onvif.scopes": ("onvif://x/name/A B",)}), ({"wsd.scopes": " "}, {}),
    ({"wsd.xaddrs": "http://10.0.0.5/a http://[::1]/b"}, {"wsd.xaddrs": ("http://10.0.0.5/a", "http://[::1]/b")}),
    ({"http.header_names": "Date, Server,X-Frame-Options"}, {"http.header_names": ("Date", "Server", "X-Frame-Options")}),
    ({"http.header_names": "Date\r\nServer:\r\n"}, {"http.header_names": ("Date", "Server")}), ({"http.header_names": ["Date", "Server"]}, {"http.header_names": ("Date", "Server")}),
    ({"http.www_authenticate": 'WWW-Authenticate: Digest realm="a"'}, {"http.www_authenticate": ('Digest realm="a"',)}),
    ({"rtsp.www_authenticate": 'www-authenticate:Digest realm="a"\r\nWWW-Authenticate: Basic realm="a"'}, {"rtsp.www_authenticate": ('Digest realm="a"', 'Basic realm="a"')}),
    ({"http.www_authenticate": 'Digest realm="a, Basic b", Basic realm="c"'}, {"http.www_authenticate": ('Digest realm="a, Basic b"', 'Basic realm="c"')}),
    ({"http.server": "Server: App-webs/"}, {"http.server": ("App-webs/",)}), ({"http.server": "Servers: x"}, {"http.server": ("Servers: x",)}),
    ({"rtsp.public": ["OPTIONS", "DESCRIBE"]}, {"rtsp.public": ("OPTIONS, DESCRIBE",)}), ({"rtsp.public": "Public: OPTIONS, PLAY"}, {"rtsp.public": ("OPTIONS, PLAY",)}),
    ({"rtsp.public": "OPTIONS,DESCRIBE,  play"}, {"rtsp.public": ("OPTIONS, DESCRIBE, PLAY",)}), ({"rtsp.public": "public:OPTIONS DESCRIBE,PLAY,"}, {"rtsp.public": ("OPTIONS, DESCRIBE, PLAY",)}),
    ({"wsd.scopes": "  ".join(SCOPES) + " \n\n"}, {"wsd.scopes": SCOPES}), ({"wsd.scopes": f"<d:Scopes>{' '.join(SCOPES)}\n</d:Scopes>"}, {"wsd.scopes": SCOPES}),
    ({"wsd.scopes": f'<d:ProbeMatch><d:Types>dn:NVT</d:Types><d:Scopes MatchBy="x">\n{SCOPES[0]} {SCOPES[1]}</d:Scopes><d:XAddrs>http://b/a http://c/d</d:XAddrs></d:ProbeMatch>'}, {"wsd.scopes": SCOPES}),
    ({"wsd.xaddrs": "<XAddrs>http://b/a?x=1&amp;y http://c/d</XAddrs>"}, {"wsd.xaddrs": ("http://b/a?x=1&y", "http://c/d")}), ({"wsd.types": "<Types>dn:NVT tds:Device</Types>"}, {"wsd.types": ("dn:NVT", "tds:Device")}),
    ({"onvif.scopes": "".join(f"<tt:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>{scope}</tt:ScopeItem></tt:Scopes>" for scope in SCOPES)}, {"onvif.scopes": SCOPES}),
    ({"onvif.scopes": "onvif://x/name/a<b"}, {"onvif.scopes": ("onvif://x/name/a<b",)}),
    ({"snmp.sysobjectid": "iso.3.6.1.4.1.39165.1"}, {"snmp.sysobjectid": ("1.3.6.1.4.1.39165.1",)}), ({"snmp.sysobjectid": "OID: .1.3.6.1.4.1.39165.1"}, {"snmp.sysobjectid": ("1.3.6.1.4.1.39165.1",)}),
    ({"snmp.sysobjectid": ["enterprises.39165.1"]}, {"snmp.sysobjectid": ("1.3.6.1.4.1.39165.1",)}), ({"snmp.iso.3.6.1.4.1.39165.1.1.0": "DS"}, {"snmp.1.3.6.1.4.1.39165.1.1.0": ("DS",)}),
    ({"snmp..1.3.6.1.2.1.1.2.0": "enterprises.39165"}, {"snmp.sysobjectid": ("1.3.6.1.4.1.39165",)}), ({"snmp.sysDescr.0": "Linux"}, {"snmp.sysdescr": ("Linux",)}), ({"snmp.sysdescr": "enterprises.1.2"}, {"snmp.sysdescr": ("enterprises.1.2",)}),
    ({"http.title": "<title>WEB SERVICE</title>"}, {"http.title": ("WEB SERVICE",)}), ({"http.title": "a < b"}, {"http.title": ("a < b",)}),
    ({"mac": "44-19-B6-00-00-05"}, {"mac": ("44:19:b6:00:00:05",)}), ({"mac": "44:19:b6"}, {"mac": ("44:19:b6",)}), ({"a": "", "b": []}, {}), ({"mac": ""}, {}),
])  # fmt: skip
def test_forms(facts, wanted):
    assert _facts(facts) == wanted


def test_an_unknown_probe_with_facts_is_used():
    assert _facts({"http.server": "App-webs/"}, probe="shodan") == {"http.server": ("App-webs/",)}


def test_values_and_facts_are_bounded():
    many = _facts({f"http.header.x{number}": "y" * 20_000 for number in range(300)} | {"wsd.scopes": "a:b " * 500})
    assert len(many) == 256
    assert {len(value[0]) for value in many.values()} == {16_384}
    assert len(_facts({"wsd.scopes": "a:b " * 500})["wsd.scopes"]) == 128


PIECES = (
    "server:", "Server: ", "USN:", "Location:", "public:", "Public:", "www-authenticate:", "WWW-Authenticate: ", 'Digest realm="a"', 'Basic REALM="b"',
    ", ", "\r\n", "\n", "\x0b", "\u2028", " ", "\t", "onvif://a", "http://b", "a:b", "<title>", "</title>", "<", "1.3.6", "iso.3", ".", "OID: ", "OPTIONS", "44:19:b6:00:00:05", "44-19-B6-00-00-05", "\u0130", "", ";", ":", "x",
)  # fmt: skip


@pytest.mark.parametrize("key", sorted(given._FORMS))
def test_a_text_that_is_taken_as_it_stands_is_what_its_form_would_give(key):
    texts = {left + middle + right for left in PIECES for middle in PIECES for right in PIECES}
    assert given._IN_FORM.keys() == given._FORMS.keys()
    passed = {text for text in texts if text and given._IN_FORM[key](text)}
    assert 0 < len(passed) < len(texts) - 10
    assert [text for text in sorted(passed) if given._FORMS[key]((text,)) != (text,)] == []


@pytest.mark.parametrize(("key", "values", "wanted"), [
    ("other", ["a", "b "], ("a", "b ")), ("other", ["a", "", "b"], ("a", "b")), ("other", ["a" * 16_385, "b"], ("a" * 16_384, "b")), ("other", ["x"] * 129, ("x",) * 128), ("other", [], ()), ("other", [""], ()),
    ("wsd.scopes", ["onvif://a", "b:c"], ("onvif://a", "b:c")), ("wsd.scopes", ["onvif://a ", "b:c"], ("onvif://a ", "b:c")), ("wsd.scopes", ["onvif://a ", "b:c\u2003d:e"], ("onvif://a", "b:c", "d:e")),
    ("wsd.scopes", ["a", "", "b"], ("a", "b")), ("wsd.scopes", ["a" * 16_385], ("a" * 16_384,)), ("wsd.scopes", ["x"] * 129, ("x",) * 128), ("wsd.scopes", [" "], ()),
    ("http.header_names", ["Date", "", "Server"], ("Date", "Server")), ("http.header_names", ["Date", "Server:"], ("Date", "Server")), ("http.header_names", ["x"] * 129, ("x",) * 128), ("http.header_names", ["a" * 16_385, "b"], ("a" * 16_384, "b")),
])  # fmt: skip
def test_lists_are_bounded_and_split_where_they_have_to_be(key, values, wanted):
    assert _facts({key: values}).get(key, ()) == wanted
