import pytest

from auditor.observe import onvif, wsd

INFORMATION = b"""<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl">
<s:Body><tds:GetDeviceInformationResponse><tds:Manufacturer>Dahua</tds:Manufacturer><tds:Model>DH-2H3400-ADP</tds:Model>
<tds:FirmwareVersion>2.811.0000013.0.R</tds:FirmwareVersion><tds:SerialNumber>BA07995PHA29A85</tds:SerialNumber></tds:GetDeviceInformationResponse></s:Body></s:Envelope>"""


@pytest.mark.parametrize(
    "raw",
    [INFORMATION, b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n" + INFORMATION, INFORMATION[:-30]],
)
def test_device_information(raw):
    facts = onvif.parse(raw, "GetDeviceInformation")
    assert facts["onvif.manufacturer"] == ("Dahua",)
    assert facts["onvif.model"] == ("DH-2H3400-ADP",)
    assert facts["onvif.firmware"] == ("2.811.0000013.0.R",)
    assert facts["onvif.serial"] == ("BA07995PHA29A85",)


def test_cut_document_gives_what_can_be_read():
    cut = INFORMATION[: INFORMATION.index(b"<tds:FirmwareVersion>")]
    facts = onvif.parse(cut, None)
    assert facts["onvif.model"] == ("DH-2H3400-ADP",)
    assert "onvif.firmware" not in facts


def test_refusal_gives_the_challenge():
    facts = onvif.parse(
        b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="Login to 4K01FD2PAJ6E3FF"\r\n\r\n', "GetScopes"
    )
    assert facts["http.www_authenticate"] == ('Digest realm="Login to 4K01FD2PAJ6E3FF"',)


def test_scopes_and_hostname():
    raw = (b'<e:Envelope xmlns:e="x"><GetScopesResponse><Scopes><ScopeDef>Fixed</ScopeDef><ScopeItem> onvif://www.onvif.org/name/A </ScopeItem></Scopes>'
           b"<Scopes><ScopeItem>onvif://b</ScopeItem></Scopes></GetScopesResponse></e:Envelope>")  # fmt: skip
    assert onvif.parse(raw, None)["onvif.scopes"] == ("onvif://www.onvif.org/name/A", "onvif://b")
    host = b"<a><GetHostnameResponse><HostnameInformation><FromDHCP>false</FromDHCP><Name>cam-1</Name></HostnameInformation></GetHostnameResponse></a>"
    assert onvif.parse(host, "GetHostname")["onvif.hostname"] == ("cam-1",)


@pytest.mark.parametrize("raw", [
    b'<!DOCTYPE a [<!ENTITY b "c">]><GetHostnameResponse><Name>&b;</Name></GetHostnameResponse>', b"<a>" * 500, b"\xff\xfe<\x00a\x00", b"<", b"no xml",
])  # fmt: skip
def test_hostile_xml_gives_nothing(raw):
    assert onvif.parse(raw, None) == {}


MATCH = b"""<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">
<e:Header><a:ReplyTo><a:Address>http://anonymous</a:Address></a:ReplyTo></e:Header>
<e:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:ec4914fd-936b-11b5-8467-2857be33e0b0</a:Address></a:EndpointReference>
<d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types><d:Scopes>onvif://www.onvif.org/hardware/DS-2CD2T32-I3
 onvif://www.onvif.org/name/HIKVISION%20DS-2CD2T32-I3</d:Scopes><d:XAddrs>XADDRS</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"""


def test_probe_match():
    raw = MATCH.replace(b"XADDRS", b" ".join(b"http://192.0.2.%d/onvif" % number for number in range(40)))
    facts = wsd.parse(raw, "Probe")
    assert facts["wsd.scopes"] == (
        "onvif://www.onvif.org/hardware/DS-2CD2T32-I3",
        "onvif://www.onvif.org/name/HIKVISION%20DS-2CD2T32-I3",
    )
    assert facts["wsd.types"] == ("dn:NetworkVideoTransmitter", "tds:Device")
    assert facts["wsd.endpoint"] == ("urn:uuid:ec4914fd-936b-11b5-8467-2857be33e0b0",)
    assert len(facts["wsd.xaddrs"]) == 16


def test_bare_list_of_scopes():
    assert wsd.parse(b"onvif://www.onvif.org/name/Dahua\nnonsense\n", None)["wsd.scopes"] == (
        "onvif://www.onvif.org/name/Dahua",
    )


@pytest.mark.parametrize("raw", [
    b"onvif://www.onvif.org/name/A B onvif://www.onvif.org/type/ptz", b" onvif://www.onvif.org/name/A B   \n\n onvif://www.onvif.org/type/ptz\n", b"onvif://www.onvif.org/name/A B\r\nonvif://www.onvif.org/type/ptz",
])  # fmt: skip
def test_a_bare_list_of_scopes(raw):
    wanted = ("onvif://www.onvif.org/name/A B", "onvif://www.onvif.org/type/ptz")
    assert wsd.parse(raw, None) == {"wsd.scopes": wanted}
    assert onvif.parse(raw, None) == {"onvif.scopes": wanted}
