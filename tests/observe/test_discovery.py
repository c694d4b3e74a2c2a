"""SADP, DHIP and SSDP."""

import json

import pytest

from auditor.observe import dhip, sadp, ssdp

SADP = b"""<?xml version="1.0" encoding="UTF-8"?>
<ProbeMatch><Uuid>1</Uuid>
<Types>inquiry</Types><DeviceDescription>DS-2CD2385G1-I</DeviceDescription><DeviceSN>DS-2CD2385G1-I20200414AAWRE33842150</DeviceSN>
<MAC>58-50-ed-1f-e3-85</MAC><HCPlatformEnable>flase</HCPlatformEnable></ProbeMatch>
"""


@pytest.mark.parametrize("raw", [SADP, b"\xef\xbb\xbf" + SADP, SADP + b"\0\0", SADP.replace(b"</ProbeMatch>", b"")])
def test_sadp(raw):
    facts = sadp.parse(raw, "inquiry")
    assert facts["sadp.DeviceDescription"] == ("DS-2CD2385G1-I",)
    assert facts["sadp.MAC"] == ("58-50-ed-1f-e3-85",)
    assert facts["sadp.HCPlatformEnable"] == ("flase",)


def test_other_xml_is_no_sadp():
    assert sadp.parse(b"<html><MAC>1</MAC></html>", None) == {}


INFORMATION = {"mac": "b4:4c:3b:00:00:01", "method": "client.notifyDevInfo", "params": {"deviceInfo": {
    "DeviceType": "IPC-HDW1431T1-S4", "Init": 1206, "Find": True, "IPv4Address": {"IPAddress": "192.0.2.8", "DhcpEnable": False}}}}  # fmt: skip


def _framed(document) -> bytes:
    body = json.dumps(document).encode() + b"\n\0"
    size = len(body).to_bytes(4, "little")
    return b"\x20\0\0\0DHIP" + bytes(8) + size + bytes(4) + size + bytes(4) + body


@pytest.mark.parametrize("raw", [_framed(INFORMATION), json.dumps(INFORMATION).encode()])
def test_dhip(raw):
    facts = dhip.parse(raw, "DHDiscover.search")
    assert facts == {
        "dhip.mac": ("b4:4c:3b:00:00:01",), "dhip.method": ("client.notifyDevInfo",), "dhip.DeviceType": ("IPC-HDW1431T1-S4",),
        "dhip.Init": ("1206",), "dhip.Find": ("true",), "dhip.IPv4Address.IPAddress": ("192.0.2.8",),
        "dhip.IPv4Address.DhcpEnable": ("false",),
    }  # fmt: skip


def test_damaged_dhip_gives_what_can_be_read():
    damaged = _framed(INFORMATION).replace(b'"Init": 1206', b'"Version": "1.0000, "Init": 1206')
    facts = dhip.parse(damaged, None)
    assert facts["dhip.method"] == ("client.notifyDevInfo",)
    assert facts["dhip.DeviceType"] == ("IPC-HDW1431T1-S4",)
    assert dhip.parse(damaged[32:], None) == facts  # the method shows what it was


@pytest.mark.parametrize("raw", [
    b"mac=b4:4c:3b:00:00:01\nmethod=client.notifyDevInfo\nDeviceType=IPC-HDW1431T1-S4\nInit=1206\n", b"MAC: b4:4c:3b:00:00:01\r\n Method : client.notifyDevInfo\r\ndevice_type: IPC-HDW1431T1-S4\r\nInit: 1206",
    b"method=client.notifyDevInfo\nmac='b4:4c:3b:00:00:01'\nparams.deviceInfo.DeviceType=IPC-HDW1431T1-S4\nparams.deviceInfo.Init=1206", json.dumps(INFORMATION).encode()[:150], b"junk" + json.dumps(INFORMATION).encode()[:150],
])  # fmt: skip
def test_dhip_as_other_tools_save_it(raw):
    facts = dhip.parse(raw, None)
    assert facts["dhip.mac"] == ("b4:4c:3b:00:00:01",)
    assert facts["dhip.method"] == ("client.notifyDevInfo",)
    assert facts["dhip.DeviceType"] == ("IPC-HDW1431T1-S4",)
    assert facts["dhip.Init"] == ("1206",)


@pytest.mark.parametrize("document", [
    INFORMATION["params"], INFORMATION["params"]["deviceInfo"], {"mac": "b4:4c:3b:00:00:01", **INFORMATION["params"]}, {"DeviceType": ["IPC-HDW1431T1-S4"], "IPv4Address": {"IPAddress": "192.0.2.8"}},
])  # fmt: skip
def test_dhip_information_out_of_its_message(document):
    facts = dhip.parse(json.dumps(document).encode(), None)
    assert facts["dhip.DeviceType"] == ("IPC-HDW1431T1-S4",)
    assert facts["dhip.IPv4Address.IPAddress"] == ("192.0.2.8",)
    assert "dhip.method" not in facts


@pytest.mark.parametrize("parse", [sadp.parse, dhip.parse])
@pytest.mark.parametrize("raw", [
    b"HTTP/1.1 200 OK\r\nServer: App-webs/\r\n\r\nhello", b"nothing here", b'{"id": 1, "result": true}', b'{"a": "b', b"Server: x\nDate: y", b"a=" * 40_000, b"{" * 70_000, b'{"a":"' * 9000, b"a " * 30_000 + b":",
])  # fmt: skip
def test_other_text_is_no_discovery_answer(parse, raw):
    assert parse(raw, None) == {}


@pytest.mark.parametrize("raw", [
    b'{"DeviceDescription": "DS-2CD2385G1-I", "MAC": "58-50-ed-1f-e3-85", "HttpPort": 80, "Activated": true}', b'{"ProbeMatch": {"DeviceDescription": ["DS-2CD2385G1-I"], "MAC": ["58-50-ed-1f-e3-85"], "HttpPort": "80", "Activated": "true"}}',
    b'\xef\xbb\xbf[{"deviceDescription": "DS-2CD2385G1-I", "mac": "58-50-ed-1f-e3-85", "http_port": 80, "activated": true}]', b'{"DeviceDescription": "DS-2CD2385G1-I", "MAC": "58-50-ed-1f-e3-85", "HttpPort": 80, "Activated": true, "Sal',
    b"DeviceDescription=DS-2CD2385G1-I\nMAC=58-50-ed-1f-e3-85\nHttpPort=80\nActivated=true\n", b"DeviceDescription: DS-2CD2385G1-I\r\nMAC: 58-50-ed-1f-e3-85\r\nHttpPort: 80\r\nActivated:\ttrue\r\n\0",
])  # fmt: skip
def test_sadp_as_other_tools_save_it(raw):
    facts = sadp.parse(raw, None)
    wanted = {"DeviceDescription": "DS-2CD2385G1-I", "MAC": "58-50-ed-1f-e3-85", "HttpPort": "80", "Activated": "true"}
    assert {key: facts[key] for key in (f"sadp.{name}" for name in wanted)} == {
        f"sadp.{name}": (value,) for name, value in wanted.items()
    }


def test_saved_discovery_answers_are_bounded():
    for parse in (sadp.parse, dhip.parse):
        many = "".join(f"x{number}=1\n" for number in range(5000))
        assert len(parse(f"MAC=1\n{many}".encode(), None)) == 256
        assert len(parse(json.dumps({"mac": "1"} | {f"x{number}": 1 for number in range(5000)}).encode(), None)) == 256
        assert parse(b'{"mac": "\\ud800"}', None) == {
            f"{parse.__module__.rpartition('.')[2]}.{'MAC' if parse is sadp.parse else 'mac'}": ("?",)
        }


def test_dhip_challenge():
    assert dhip.parse(_framed({"params": {"realm": "Login to 907F3C6C73FEDA77"}}), None) == {
        "dhip.realm": ("Login to 907F3C6C73FEDA77",)
    }


@pytest.mark.parametrize(
    "raw", [b"", b"DHIP", b"[1]", b'{"a":' * 5000 + b"1" + b"}" * 5000, b'{"params": {"x": ' + b"9" * 5000 + b"}}"]
)
def test_hostile_dhip_gives_nothing(raw):
    assert dhip.parse(raw, None) == {}


def test_ssdp_answer_and_announcement():
    rest = b"LOCATION: http://192.0.2.1:49152/d.xml\r\nSERVER: Linux UPnP/1.0\r\nUSN: uuid:1\r\n\r\n"
    wanted = {
        "ssdp.server": ("Linux UPnP/1.0",),
        "ssdp.usn": ("uuid:1",),
        "ssdp.location": ("http://192.0.2.1:49152/d.xml",),
    }
    assert ssdp.parse(b"HTTP/1.1 200 OK\r\n" + rest, None) == wanted
    assert ssdp.parse(b"NOTIFY * HTTP/1.1\r\n" + rest, None) == wanted
