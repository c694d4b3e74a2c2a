"""What tells one unit from another, and the published placeholders that do not."""

from __future__ import annotations

import pytest

from auditor.identify.keys import Key, Sort, endpoint_of, is_virtual_router, mac_of, marks, serial_key
from auditor.model import Evidence, Observation, Strength


def fact(key, *values, port=80, response=0):
    return Observation("10.0.0.5", key.split(".")[0], key, values, response, port)


def named(text, port=80, group="web", observation="http.server", strength=Strength.CONCLUSIVE):
    return Evidence("x", observation, "x", text, strength, group, port)


@pytest.mark.parametrize(
    ("fact_key", "text", "value"),
    [
        ("sadp.DeviceSN", "DS-2CD2385G1-I20200414AAWRE33842150", "E33842150"),
        ("onvif.serial", "DS-2CD2385G1-I20200414AAWRE33842150", "E33842150"),
        ("isapi.subSerialNumber", "E33842150", "E33842150"),
        ("isapi.serialNumber", "K29703787", "K29703787"),
        ("isapi.serialNumber", "DS-7816H-SNH1620140125AACH450813722WCVU", "450813722"),
        ("sadp.DeviceSN", "0820160719AARR624053979WCVU", "624053979"),
        ("isapi.serialNumber", "DS-2CD1343G2-LIUF20240823AAWRFM5354993", "FM5354993"),
        ("isapi.serialNumber", "DS-K1T341AMF20220311V030230ENJ70368704", "J70368704"),
    ],
)
def test_the_long_and_the_short_serial_number_of_hikvision_are_one(fact_key, text, value):
    assert serial_key(fact_key, text) == Key(Sort.SERIAL, "hikvision", value)


def test_nine_characters_of_another_maker_are_not_hikvisions():
    assert serial_key("onvif.serial", "K29703787") == Key(Sort.SERIAL, "onvif.serial", "K29703787")
    assert not serial_key("onvif.serial", "K29703787").is_documented


@pytest.mark.parametrize(
    ("fact_key", "text"),
    [
        ("dhip.SerialNo", "4K01FD2PAJ6E3FF"),
        ("rtsp.www_authenticate", "4K01FD2PAJ6E3FF"),
        ("onvif.serial", "4k01fd2paj6e3ff"),
        ("rtsp.www_authenticate", "K3LJ3400209RH"),
        ("http.www_authenticate", "ND021911012345"),
    ],
)
def test_dahua_serial_numbers(fact_key, text):
    assert serial_key(fact_key, text) == Key(Sort.SERIAL, "dahua", text.upper())


def test_a_serial_number_that_is_a_mac_is_that_mac():
    assert serial_key("onvif.serial", "ACCC8E-012B45") == Key(Sort.MAC, "", "ac:cc:8e:01:2b:45")


@pytest.mark.parametrize(
    "text",
    ["0000000000", "1234567890", "0123456789", "123456", "9876543210", "N/A", "SerialNumber", "unknown", "", "A1",
     "00000000-0000", "J00000000", "12121212", "ABCDEFGH", "XXXXXXXX1X", "None"],
)  # fmt: skip
def test_placeholders_are_no_serial_numbers(text):
    assert serial_key("onvif.serial", text) is None
    assert serial_key("isapi.serialNumber", text) is None


def test_the_model_name_is_no_serial_number():
    found = marks([fact("onvif.serial", "IPC-4321")], [
        named("serial IPC-4321", observation="onvif.serial"), named("model IPC-4321"),
        named("serial QW-98734-X1", observation="onvif.serial"),
    ])  # fmt: skip
    assert {key.value for key in found[80].keys} == {"QW98734X1"}


@pytest.mark.parametrize("text", ["44-19-B6-00-1C-05", "4419b6001c05", "44:19:b6:00:1c:05"])
def test_every_usual_spelling_of_a_mac(text):
    assert mac_of(text) == "44:19:b6:00:1c:05"


@pytest.mark.parametrize(
    "text",
    ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:11:22:33:44:55", "00:12:34:56:78:9a", "01:00:5e:7f:ff:fa",
     "02:42:ac:11:00:02", "4419b6", "no mac", "aa:aa:aa:bb:bb:bb"],
)  # fmt: skip
def test_placeholders_groups_and_made_up_macs_are_none(text):
    assert mac_of(text) is None


def test_an_endpoint_of_version_one_ends_in_the_mac():
    assert endpoint_of("urn:uuid:cea94000-fb96-11b3-8260-686DBC5CB15D") == (
        "cea94000-fb96-11b3-8260-686dbc5cb15d", "68:6d:bc:5c:b1:5d",
    )  # fmt: skip
    assert endpoint_of("uuid:a86f9421-b764-4256-8762-5ed0d8602a9c") == ("a86f9421-b764-4256-8762-5ed0d8602a9c", None)


@pytest.mark.parametrize(
    "text",
    ["urn:uuid:00000000-0000-0000-0000-000000000000", "urn:uuid:ffffffff-ffff-ffff-ffff-ffffffffffff",
     "urn:uuid:01234567-dead-beef-baad-abcdeffedcba", "urn:uuid:11111111-1111-1111-1111-111111111112", "urn:uuid:1419d68a-1dd2-11b2-a105-000000000000",
     "urn:uuid:74:73:36:01:99:73", "http://10.0.0.5/onvif", ""],
)  # fmt: skip
def test_nil_well_known_and_broken_endpoints_tell_nothing(text):
    assert endpoint_of(text) is None


def test_macs_that_a_unit_gives_as_its_own():
    found = marks([
        fact("sadp.MAC", "44-19-b6-00-1c-05", port=37020),
        fact("wsd.scopes", "onvif://www.onvif.org/name/X", "onvif://www.onvif.org/MAC/44:19:b6:00:1c:06", port=3702),
        fact("rtsp.www_authenticate", 'Digest realm="4419b6001c07", nonce="1"', port=554),
        fact("mdns.txt", "model=P1", "macaddress=ACCC8E012B45", port=5353),
    ], [])  # fmt: skip
    assert {port: found[port].macs for port in found} == {
        37020: {"44:19:b6:00:1c:05"}, 3702: {"44:19:b6:00:1c:06"}, 554: {"44:19:b6:00:1c:07"},
        5353: {"ac:cc:8e:01:2b:45"},
    }  # fmt: skip
    assert found[554].realms == {"rtsp.www_authenticate": {"44:19:b6:00:1c:07"}}


def test_addresses_that_a_unit_gives_as_its_own():
    found = marks([
        fact("wsd.xaddrs", "http://192.168.7.9/onvif", "http://[fe80::1]/onvif", "http://169.254.3.4/onvif",
             "http://camera.local/onvif", "http://[broken", "http://127.0.0.1/"),
        fact("sadp.IPv4Address", "0.0.0.0"),
        fact("dhip.IPv4Address.IPAddress", "192.168.7.10"),
        fact("ssdp.location", "http://192.168.7.11:49152/upnp.xml"),
        fact("rtsp.body", "v=0\r\no=- 1 1 IN IP4 192.168.9.9\r\nc=IN IP4 192.168.7.12\r\nc=IN IP4 239.1.1.1\r\n"),
    ], [])  # fmt: skip
    assert found[80].homes == {"192.168.7.9", "192.168.7.10", "192.168.7.11"}
    assert found[80].settings == {"192.168.7.12"}, "a camera copies the line of a stream from its settings"


def test_factory_addresses_are_settings():
    found = marks([fact("wsd.xaddrs", "http://192.168.1.64/x", "http://192.0.0.64/x", "http://192.168.1.65/x"),
                   fact("dhip.IPv4Address.IPAddress", "192.168.1.108")], [])  # fmt: skip
    assert found[80].settings == {"192.168.1.64", "192.0.0.64", "192.168.1.108"}
    assert found[80].homes == {"192.168.1.65"}


def test_the_name_in_a_login_message():
    found = marks([fact("http.www_authenticate", 'Digest qop="auth", realm="IP Camera(K7151)", nonce="6"'),
                   fact("rtsp.www_authenticate", 'Basic realm="IP Dome(fv050)"'),
                   fact("rtsp.www_authenticate", 'Basic realm="IP Camera(LOBBY)"')], [])  # fmt: skip
    assert found[80].logins == {"http.www_authenticate": {"K7151"}, "rtsp.www_authenticate": {"FV050"}}


@pytest.mark.parametrize(
    ("mac", "is_router"),
    [("00:00:5e:00:01:0a", True), ("00:00:5e:00:02:ff", True), ("00:00:5e:00:03:01", False),
     ("00:00:0c:07:ac:01", True), ("00:00:0c:07:ad:01", False), ("00:00:0c:9f:f1:23", True),
     ("00:00:0c:9f:e1:23", False), ("44:19:b6:00:1c:05", False)],
)  # fmt: skip
def test_macs_of_virtual_routers(mac, is_router):
    assert is_virtual_router(mac) is is_router
    assert (mac_of(mac) is None) is is_router


def test_what_shows_a_proxy():
    assert marks([fact("http.header.via", "1.1 squid")], [])[80].proxy == "Via: 1.1 squid"
    assert marks([fact("http.server", "HAProxy")], [])[80].proxy == "Server: HAProxy"
    realm = 'Digest realm="Login to 4K01FD2PAJ6E3FF"'
    both = [fact("http.server", "nginx/1.18"), fact("http.www_authenticate", realm)]
    assert marks(both, [])[80].proxy == "Server: nginx/1.18"
    assert marks(both[:1], [])[80].proxy == "", "many cameras and routers run nginx themselves"
    apart = [fact("http.server", "nginx/1.18"), fact("http.www_authenticate", realm, response=1)]
    assert marks(apart, [])[80].proxy == "", "two answers may come from two programs"


def test_a_maker_counts_only_by_what_the_firmware_does():
    found = marks([], [
        named("maker Hikvision"), named("maker Axis", group="tls", observation="tls.issuer"),
        named("maker Bosch", observation="onvif.manufacturer"), named("maker Sony", strength=Strength.STRONG),
        named("maker Dell", group="mac", observation="mac"),
        named("maker Dahua", port=81), named("kind management-platform", port=81),
    ])  # fmt: skip
    assert found[80].makers == {"Hikvision"}
    assert found[80].hints == {"Hikvision", "Axis", "Bosch", "Sony"}
    assert found[81].makers == set(), "a program for cameras runs on somebody's computer"


def test_a_published_certificate_is_that_of_many_units():
    subject = fact("tls.subject", "CN=axis-accc8e012b45", port=443)
    hashed = fact("tls.sha256", "ab12", port=443)
    assert marks([subject, hashed], [])[443].certificates == {"ab12": "CN=axis-accc8e012b45"}
    known = Evidence("x", "tls.sha256", "AB12", "maker Dahua", Strength.CONCLUSIVE, "tls", 443)
    assert marks([subject, hashed], [known])[443].certificates == {}
    key = fact("tls.spki", "cd34", port=443)
    assert marks([subject, hashed, key], [])[443].certificates == {"cd34": "CN=axis-accc8e012b45"}
