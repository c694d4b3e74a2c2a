"""ISAPI, magicBox, MAC, SNMP and plain banners."""

import pytest

from auditor.observe import isapi, mac, magicbox, snmp
from auditor.observe.registry import PARSERS


def test_isapi_nested_names_do_not_pass_for_the_device():
    facts = isapi.parse(
        b'<InputProxyChannelList xmlns="http://www.hikvision.com/ver20/XMLSchema"><InputProxyChannel><id>1</id><source><model>DS-2CD1</model></source>'
        b"</InputProxyChannel></InputProxyChannelList>", None)  # fmt: skip
    assert facts["isapi.root"] == ("InputProxyChannelList",)
    assert facts["isapi.xmlns"] == ("http://www.hikvision.com/ver20/XMLSchema",)
    assert facts["isapi.InputProxyChannel.source.model"] == ("DS-2CD1",)
    assert "isapi.model" not in facts


@pytest.mark.parametrize("raw", [
    b'<DeviceInfo version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema"><model>DS-KV6113-WPE1(B)</model><deviceType>\tVis</deviceType></DeviceInfo>',
    b'{"DeviceInfo": {"$": {"xmlns": "http://www.isapi.org/ver20/XMLSchema"}, "model": "DS-KV6113-WPE1(B)", "deviceType": "\\tVis"}}',
    b'{"@version": "2.0", "@xmlns": "http://www.isapi.org/ver20/XMLSchema", "model": "DS-KV6113-WPE1(B)", "deviceType": "Vis"}',
    b"{'@xmlns': 'http://www.isapi.org/ver20/XMLSchema', 'model': 'DS-KV6113-WPE1(B)', 'deviceType': '\\tVis', 'opt': None, 'name': 'it\\'s \"new\"'}",
    b"{ DeviceInfo: {\n '$': { xmlns: 'http://www.isapi.org/ver20/XMLSchema' },\n model: [ 'DS-KV6113-WPE1(B)' ],\n deviceType: 'Vis',\n note: \"it's\",\n }\n}",
])  # fmt: skip
def test_isapi_as_xml_and_as_json(raw):
    facts = isapi.parse(raw, None)
    assert facts["isapi.xmlns"] == ("http://www.isapi.org/ver20/XMLSchema",)
    assert facts["isapi.model"] == ("DS-KV6113-WPE1(B)",)
    assert facts["isapi.deviceType"] == ("Vis",)


def test_isapi_status_as_json_names_its_codes():
    facts = isapi.parse(b'{"statusCode": 4, "statusString": "Invalid Operation", "subStatusCode": "notSupport"}', None)
    assert facts == {
        "isapi.statusCode": ("4",), "isapi.statusString": ("Invalid Operation",), "isapi.subStatusCode": ("notSupport",)}  # fmt: skip


@pytest.mark.parametrize("raw", [
    b"{'InputProxyChannel': {'source': {'model': 'DS-2CD1'}}}",
    b"{'source': {'model': 'DS-2CD1'}, 'id': 1}",
])  # fmt: skip
def test_isapi_nested_names_of_an_object_do_not_pass_for_the_device(raw):
    assert "isapi.model" not in isapi.parse(raw, None)


@pytest.mark.parametrize(
    "raw", [b"{'model': __import__('os')}", b"{model: 'a' 'b'}", b"{'model': 'a'", b"{model}", b"{" * 5000]
)
def test_isapi_reads_no_other_code(raw):
    assert isapi.parse(raw, None) == {}


def test_magicbox_with_and_without_framing():
    body = b"deviceType=31\r\nserialNumber=4F07335PAZEEA9B\r\n"
    wanted = {"magicbox.deviceType": ("31",), "magicbox.serialNumber": ("4F07335PAZEEA9B",)}
    assert magicbox.parse(body, None) == wanted
    assert wanted.items() <= magicbox.parse(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body, None).items()


@pytest.mark.parametrize("text", [b"44:19:B6:00:00:05", b"4419.b600.0005", b"44-19-b6-00-00-05", b"4419b6000005\n"])
def test_mac_spellings(text):
    assert mac.parse(text, None) == {"mac": ("44:19:b6:00:00:05",)}


@pytest.mark.parametrize("text", [b"", b"44:19:b6", b"44:19:b6:00:00:05:06:07", b"no address here: 44:19:b6:00:00:05"])
def test_no_mac(text):
    assert mac.parse(text, None) == {}


def test_snmp_lines_and_bare_description():
    assert snmp.parse(b"Hikvision company products", None) == {"snmp.sysdescr": ("Hikvision company products",)}
    assert snmp.parse(b".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.4.1.39165.1\n1.3.6.1.4.1.39165.1.1.0|4|DS-2CD2185FWD-I\n", None) == {
        "snmp.sysobjectid": ("1.3.6.1.4.1.39165.1",), "snmp.1.3.6.1.4.1.39165.1.1.0": ("DS-2CD2185FWD-I",)}  # fmt: skip


def test_snmp_names_in_words():
    raw = (
        b"SNMPv2-MIB::sysDescr.0 = STRING: Linux\nSNMPv2-MIB::sysObjectID.0 = OID: SNMPv2-SMI::enterprises.39165.1\n"
        b'SNMPv2-SMI::enterprises.39165.1.1.0 = STRING: "IPC7A27-ANPR"\n'
    )
    assert snmp.parse(raw, None) == {
        "snmp.sysdescr": ("Linux",),
        "snmp.sysobjectid": ("1.3.6.1.4.1.39165.1",),
        "snmp.1.3.6.1.4.1.39165.1.1.0": ("IPC7A27-ANPR",),
    }


@pytest.mark.parametrize("name", ["iso.3.6.1.2.1.1.2.0", ".1.3.6.1.2.1.1.2.0", ".iso.3.6.1.2.1.1.2.0", "SNMPv2-MIB::sysObjectID.0", "RFC1213-MIB::sysObjectID.0", ".iso.org.dod.internet.mgmt.mib-2.system.sysObjectID.0", "system.sysObjectID.0", "mib-2.1.2.0"])  # fmt: skip
@pytest.mark.parametrize("value", ["iso.3.6.1.4.1.1004849.3.2.10", ".1.3.6.1.4.1.1004849.3.2.10", "enterprises.1004849.3.2.10", "SNMPv2-SMI::enterprises.1004849.3.2.10", ".iso.org.dod.internet.private.enterprises.1004849.3.2.10"])  # fmt: skip
def test_every_spelling_of_the_object_is_the_same(name, value):
    assert snmp.parse(f"{name} = OID: {value}\r\n".encode(), None) == {
        "snmp.sysobjectid": ("1.3.6.1.4.1.1004849.3.2.10",)
    }


def test_only_the_object_is_rewritten():
    assert snmp.parse(b'iso.3.6.1.2.1.1.1.0 = STRING: "enterprises.5 x"', None) == {
        "snmp.sysdescr": ("enterprises.5 x",)
    }


@pytest.mark.parametrize(("probe", "raw", "facts"), [
    ("telnet", b"\xff\xfd\x01\xff\xfb\x03192.0.0.64 login: ", {"telnet.banner": ("192.0.0.64 login:",)}),
    ("ftp", b"220 ready\x07\r\n", {"ftp.banner": ("220 ready",)}),
    ("ssh", b"SSH-2.0-x\r\n", {"ssh.banner": ("SSH-2.0-x",)}),
    ("sip", b"SIP/2.0 200 OK\r\nUser-Agent: AXIS A8105-E\r\n\r\n", {"sip.user_agent": ("AXIS A8105-E",)}),
    ("sip", b"AXIS A8105-E", {"sip.user_agent": ("AXIS A8105-E",)}),
    ("dns", b"cam1.example", {"dns.name": ("cam1.example",)}),
    ("dhcp", b"AXIS,Network Camera,M1,5.5", {"dhcp.vendor_class": ("AXIS,Network Camera,M1,5.5",)}),
    ("mdns", b"AXIS._axis-video._tcp.local\nmacaddress=1", {"mdns.service": ("AXIS._axis-video._tcp.local",), "mdns.txt": ("macaddress=1",)}),
])  # fmt: skip
def test_plain_protocols(probe, raw, facts):
    assert PARSERS[probe](raw, None) == facts
