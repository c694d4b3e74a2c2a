"""Several addresses of one unit become one; several units of one address stay several; a doubt keeps apart."""

from __future__ import annotations

import collections
import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from auditor.identify import Answer, identify, merge
from auditor.identify.merge import MAX_ADDRESSES, MOST_ALIKE
from auditor.model import Identity, Observation, Verdict

MAC = "44:19:b6:00:1c:05"
SERIAL = "DS-2CD2385G1-I20200414AAWRE33842150"
OTHER_SERIAL = "DS-2CD2385G1-I20200414AAWRE33842151"
DAHUA = "4K01FD2PAJ6E3FF"
UUID = "urn:uuid:a86f9421-b764-4256-8762-5ed0d8602a9c"


@pytest.fixture(scope="session")
def gave(rules):
    """Return a function that makes what one address gave from responses: (port, facts) pairs."""

    def make(address, *responses, mac=None):
        observations = []
        for number, (port, facts) in enumerate(responses):
            for key, value in facts.items():
                values = tuple(value) if isinstance(value, list | tuple) else (value,)
                observations.append(Observation(address, key.split(".")[0], key, values, number, port))
        if mac:
            observations.append(Observation(address, "mac", "mac", (mac.lower(),), len(responses)))
        return Answer(address, identify(address, observations, rules), tuple(observations), mac)

    return make


@pytest.fixture(scope="session")
def merged(rules):
    return lambda *answers: merge(answers, rules)


def sadp(serial=SERIAL, **more):
    return (37020, {"sadp.DeviceSN": serial, "sadp.DeviceDescription": "DS-2CD2385G1-I"} | more)


def realm(serial=DAHUA, port=80, **more):
    return (port, {"http.status": "401", "http.www_authenticate": f'Digest realm="Login to {serial}"'} | more)


def onvif(serial, port=80, model="X1", **more):
    return (port, {"onvif.manufacturer": "Acme", "onvif.model": model, "onvif.serial": serial} | more)


def groups(found):
    return [unit.addresses for unit in found.units]


# --- several addresses, one unit ---


def test_one_serial_number_is_one_unit_and_the_reason_is_kept(gave, merged):
    found = merged(gave("10.1.0.5", sadp()), gave("10.0.0.5", (80, {"isapi.subSerialNumber": "E33842150"})))
    (unit,) = found.units
    assert unit.addresses == ("10.0.0.5", "10.1.0.5")
    assert unit.same_because == ("10.0.0.5 and 10.1.0.5 are one unit: both answered with the serial number E33842150.",)
    assert unit.id == "serial-hikvision-e33842150"
    assert unit.identity.maker == "Hikvision"
    assert unit.behind is None
    assert found.warnings == ()


def test_two_half_answers_add_up(gave, merged):
    one = gave("10.0.0.5", realm())
    other = gave("10.1.0.5", (37810, {"dhip.SerialNo": DAHUA, "dhip.DeviceType": "IPC-HDW1431T1-S4",
                                      "dhip.method": "client.notifyDevInfo"}))  # fmt: skip
    (unit,) = merged(one, other).units
    assert one.identity.model is None
    assert unit.identity.model == "IPC-HDW1431T1-S4"
    assert unit.identity.confidence >= max(one.identity.confidence, other.identity.confidence)
    assert {item.observation for item in unit.identity.evidence} >= {"http.www_authenticate", "dhip.DeviceType"}


def test_two_cards_with_macs_of_their_own_are_one_unit_by_its_serial_number(gave, merged):
    other_mac = "44:19:b6:99:1c:05"
    (unit,) = merged(gave("10.0.0.5", sadp(), mac=MAC), gave("10.1.0.5", sadp(), mac=other_mac)).units
    assert unit.mac == MAC
    assert unit.id == "mac-4419b6001c05"
    assert unit.places == (MAC, other_mac, "10.0.0.5", "10.1.0.5")
    assert any(other_mac in note for note in unit.notes)


def test_an_endpoint_is_one_unit(gave, merged):
    found = merged(gave("10.0.0.5", (3702, {"wsd.endpoint": UUID})), gave("10.1.0.5", (3702, {"wsd.endpoint": UUID})))
    (unit,) = found.units
    assert unit.same_because[0].endswith("both announced the ONVIF endpoint a86f9421-b764-4256-8762-5ed0d8602a9c.")
    assert unit.id == "addr-10-0-0-5"


def test_a_mac_is_one_unit_on_the_link_and_across_a_router(gave, merged):
    assert groups(merged(gave("10.0.0.5", mac=MAC), gave("10.0.0.6", mac=MAC.upper()))) == [("10.0.0.5", "10.0.0.6")]
    routed = gave("10.1.0.6", (554, {"rtsp.www_authenticate": 'Digest realm="4419b6001c05"'}))
    found = merged(gave("10.0.0.5", mac=MAC), routed)
    assert found.units[0].same_because == (
        "10.0.0.5 and 10.1.0.6 are one unit: both belong to the hardware address 44:19:b6:00:1c:05.",
    )
    assert merged(routed).units[0].mac == MAC, "the unit names it itself"


def certificate(subject, key="ab" * 32):
    return (443, {"tls.sha256": key, "tls.subject": subject})


def test_a_certificate_made_for_the_unit_is_one_unit(gave, merged):
    for subject in ("CN=axis-accc8e012b45,O=Axis Communications AB", "CN=10.0.0.5"):
        found = merged(gave("10.0.0.5", certificate(subject)), gave("10.1.0.5", certificate(subject)))
        assert len(found.units) == 1, subject
        assert "both showed the certificate" in found.units[0].same_because[0]


@pytest.mark.parametrize("subject", ["CN=www.hikvision.com", "CN=*.example.gov", "CN=IPCAM,O=Acme", "CN=10.0.0.50"])
def test_a_certificate_without_a_name_of_its_own_joins_nothing(gave, merged, subject):
    found = merged(gave("10.0.0.5", certificate(subject)), gave("10.1.0.5", certificate(subject)))
    assert len(found.units) == 2
    assert found.warnings == ()


def test_the_strongest_reason_is_the_one_that_is_kept(gave, merged):
    one = gave("10.0.0.5", sadp(**{"wsd.endpoint": UUID}), mac=MAC)
    (unit,) = merged(one, gave("10.1.0.5", sadp(**{"wsd.endpoint": UUID}), mac=MAC)).units
    assert len(unit.same_because) == 1
    assert "serial number" in unit.same_because[0]


def test_links_add_up_over_several_addresses(gave, merged):
    found = merged(
        gave("10.0.0.5", sadp()), gave("10.0.0.6", sadp(), mac=MAC), gave("10.0.0.7", mac=MAC),
    )  # fmt: skip
    (unit,) = found.units
    assert len(unit.same_because) == 2


# --- what keeps apart ---


def test_different_serial_numbers_never_merge_even_with_one_mac(gave, merged):
    found = merged(gave("10.0.0.5", sadp(), mac=MAC), gave("10.0.0.6", sadp(OTHER_SERIAL), mac=MAC))
    assert groups(found) == [("10.0.0.5",), ("10.0.0.6",)]
    assert "different serial numbers (E33842150, E33842151)" in found.warnings[0]
    assert [unit.id for unit in found.units] == ["addr-10-0-0-5", "addr-10-0-0-6"]
    assert all(unit.notes and MAC not in unit.places for unit in found.units)


def test_different_makers_models_and_firmware_keep_apart(gave, merged):
    def pair(more, less):
        return merged(gave("10.0.0.5", sadp(**more)), gave("10.0.0.6", sadp(**less)))

    assert len(pair({}, {}).units) == 1
    assert "models" in pair({}, {"sadp.DeviceDescription": "DS-7616NI-K2"}).warnings[0]
    assert "firmware" in pair({"sadp.SoftwareVersion": "V5.6.2"}, {"sadp.SoftwareVersion": "V5.6.3"}).warnings[0]
    endpoint = {"wsd.endpoint": UUID}
    found = merged(gave("10.0.0.5", sadp(**endpoint)), gave("10.0.0.6", realm(**endpoint)))
    assert groups(found) == [("10.0.0.5",), ("10.0.0.6",)]
    assert "different makers (Dahua, Hikvision)" in found.warnings[0]


def test_a_mac_prefix_alone_contradicts_nobody(gave, merged):
    card = "00:40:8c:12:a4:05"  # Axis
    found = merged(gave("10.0.0.5", sadp(), mac=MAC), gave("10.0.0.6", sadp(), mac=card), gave("10.0.0.7", mac=card))
    assert groups(found) == [("10.0.0.5", "10.0.0.6", "10.0.0.7")]


def test_a_cloned_serial_number_is_no_key(gave, merged):
    found = merged(*(gave(f"10.0.0.{last}", sadp()) for last in range(1, MAX_ADDRESSES + 2)))
    assert len(found.units) == MAX_ADDRESSES + 1
    (warning,) = found.warnings
    assert warning.startswith("The serial number E33842150 was given at 5 addresses; so many units cannot be one")
    assert all(unit.id.startswith("addr-") for unit in found.units)
    assert len(merged(*(gave(f"10.0.0.{last}", sadp()) for last in range(1, MAX_ADDRESSES + 1))).units) == 1


def test_an_endpoint_or_mac_that_firmware_brings_along_is_no_key(gave, merged):
    def units(facts, count, macs):
        return merged(*(gave(f"10.0.0.{n}", facts, mac=f"00:30:1b:{16 * n:02x}:5a:1c" if macs else None)
                        for n in range(1, count + 1)))  # fmt: skip

    assert len(units((3702, {"wsd.endpoint": UUID}), 5, macs=False).units) == 5
    two = units((3702, {"wsd.endpoint": UUID}), 2, macs=True)
    assert len(two.units) == 2, "their own MACs are strangers"
    assert "the same ONVIF endpoint" in two.warnings[0]
    assert len(units((3702, {"wsd.scopes": "onvif://x/MAC/00:30:1b:ba:02:db"}), 2, macs=True).units) == 2


def test_a_serial_number_of_unknown_form_needs_support(gave, merged):
    serial = "QW-98734-X1"
    alone = merged(gave("10.0.0.5", onvif(serial)), gave("10.1.0.5", onvif(serial)))
    assert len(alone.units) == 2, "some makers give all cameras of a model the same"
    assert "gave the same serial number QW98734X1" in alone.warnings[0]
    endpoint = {"wsd.endpoint": UUID}
    assert (
        len(merged(gave("10.0.0.5", onvif(serial, **endpoint)), gave("10.1.0.5", onvif(serial, **endpoint))).units) == 1
    )
    near = merged(gave("10.0.0.5", onvif(serial), mac=MAC), gave("10.1.0.5", onvif(serial), mac="44:19:b6:00:1c:06"))
    assert len(near.units) == 1
    far = merged(gave("10.0.0.5", onvif(serial), mac=MAC), gave("10.1.0.5", onvif(serial), mac="44:19:b6:00:1c:55"))
    assert len(far.units) == 2


def test_no_placeholder_joins(gave, merged):
    for serial in ("0123456789", "N/A", "0000000000"):
        found = merged(
            gave("10.0.0.5", onvif(serial), mac=MAC), gave("10.0.0.6", onvif(serial), mac="44:19:b6:00:1c:06")
        )
        assert len(found.units) == 2, serial


def test_a_chain_does_not_join_what_contradicts(gave, merged):
    found = merged(
        gave("10.0.0.5", sadp(), mac=MAC), gave("10.0.0.6", mac=MAC), gave("10.0.0.7", sadp(OTHER_SERIAL)),
        gave("10.0.0.8", sadp(OTHER_SERIAL, **{"wsd.endpoint": UUID})), gave("10.0.0.6", (3702, {"wsd.endpoint": UUID})),
    )  # fmt: skip
    for unit in found.units:
        assert not {"10.0.0.5", "10.0.0.7"} <= set(unit.addresses)


def test_a_mac_at_five_addresses_is_a_routers(gave, merged):
    five = merged(*(gave(f"10.0.0.{last}", mac=MAC) for last in range(1, 6)))
    assert len(five.units) == 5
    assert all(unit.mac is None and unit.id.startswith("addr-") for unit in five.units)
    assert "answers for 5 addresses" in five.warnings[0]
    with_serial = merged(*(gave(f"10.0.0.{last}", mac=MAC) for last in range(3, 7)), gave("10.0.0.1", sadp(), mac=MAC),
                         gave("10.0.0.2", sadp(), mac=MAC))  # fmt: skip
    assert groups(with_serial)[0] == ("10.0.0.1", "10.0.0.2"), "the serial number still tells"


def test_makers_that_contradict_each_other_are_kept_apart(rules):
    def seen(address, maker, mac=MAC):
        return Answer(address, Identity(address, maker=maker, verdict=Verdict.CONFIRMED, confidence=0.995), mac=mac)

    found = merge([seen("10.0.0.5", "Hikvision"), seen("10.0.0.6", "Axis")], rules)
    assert [unit.id for unit in found.units] == ["addr-10-0-0-5", "addr-10-0-0-6"]
    assert all(unit.notes and unit.mac == MAC and MAC not in unit.places for unit in found.units)
    assert "Axis, Hikvision" in found.warnings[0]
    card = "3c:ef:8c:12:a4:05"
    assert len(merge([seen("10.0.0.5", "Dahua", card), seen("10.0.0.6", "Bosch", card)], rules).units) == 1, (
        "Dahua builds for Bosch"
    )


# --- one address, several units ---


def test_two_cameras_behind_one_address_stay_two(gave, merged):
    address = gave("10.0.0.5", realm(), realm("4K049EBPAG1D7E7", port=8080))
    found = merged(address)
    first, second = found.units
    assert first.addresses == second.addresses == ("10.0.0.5",)
    assert first.id != second.id
    assert (first.identity.serial, second.identity.serial) == (DAHUA, "4K049EBPAG1D7E7")
    for unit in found.units:
        assert unit.identity.maker == "Dahua"
        assert unit.behind.startswith("More than one unit answers at 10.0.0.5")
        assert "10.0.0.5" not in unit.places, "nobody knows whether the place of the address is theirs"


def test_ports_of_one_unit_stay_together(gave, merged):
    address = gave("10.0.0.5", realm(), (554, {"rtsp.www_authenticate": f'Digest realm="Login to {DAHUA}"'}),
                   realm("4K049EBPAG1D7E7", port=8080),
                   (8554, {"rtsp.www_authenticate": 'Digest realm="Login to 4K049EBPAG1D7E7"'}))  # fmt: skip
    first, second = merged(address).units
    assert {item.port for item in first.identity.evidence} == {80, 554}
    assert {item.port for item in second.identity.evidence} == {8080, 8554}
    assert "this one at ports 8080 and 8554, another at ports 80 and 554" in second.behind


def test_a_router_in_front_of_a_camera_is_another_unit(gave, merged):
    router = (80, {"http.www_authenticate": 'Basic realm="level_15_access"'})
    found = merged(gave("10.0.0.5", router, realm(port=8080), mac="00:1b:54:12:a4:05"))
    assert [unit.identity.maker for unit in found.units] == ["Cisco", "Dahua"]
    assert [unit.id for unit in found.units] == ["addr-10-0-0-5-port-80", "serial-dahua-4k01fd2paj6e3ff"]
    assert found.units[1].mac is None, "nobody knows that the MAC seen on the link is the camera's"
    assert found.units[1].behind is not None


def test_the_mac_of_a_router_joins_none_of_the_units_behind_it(gave, merged):
    card = "00:1b:54:12:a4:05"
    two = gave("10.0.0.5", realm(), realm("4K049EBPAG1D7E7", port=8080), mac=card)
    assert groups(merged(two, gave("10.0.0.6", mac=card))) == [("10.0.0.5",), ("10.0.0.5",), ("10.0.0.6",)]


def test_the_unit_with_the_mac_of_the_link_stands_in_front(gave, merged):
    found = merged(gave("10.0.0.5", (80, {"http.server": "App-webs/"}), realm(port=8080), mac=MAC))
    assert [unit.identity.maker for unit in found.units] == ["Hikvision", "Dahua"]
    front, behind = found.units
    assert (front.id, front.mac, front.behind) == ("mac-4419b6001c05", MAC, None), "the prefix is that of its maker"
    assert any("answers through 10.0.0.5 as well" in note for note in front.notes)
    assert behind.mac is None
    assert behind.behind is not None
    assert "the makers differ: Dahua, Hikvision" in behind.behind


def test_a_port_that_names_nobody_is_shown_with_the_first_and_says_so(gave, merged):
    found = merged(gave("10.0.0.5", realm(), realm("4K049EBPAG1D7E7", port=8080), (81, {"http.server": "mystery"})))
    assert found.units[0].notes == (
        "It cannot be told which of the units at 10.0.0.5 answers at port 81; that is shown here.",
    )
    assert found.units[1].notes == ()


def test_one_camera_is_not_split(gave, merged):
    for responses in (
        [realm(), realm(port=443), onvif(DAHUA, port=80), (37810, {"dhip.SerialNo": DAHUA})],
        [sadp(), onvif(SERIAL, model="LTS CMIP7442N"), (8080, {"onvif.model": "DS-2CD2385G1-I"})],
        [sadp(), onvif("some-other-9981", port=80)],
        [realm(), (443, {"tls.issuer": "CN=x,OU=ST-VS,O=Bosch Sicherheitssysteme GmbH"})],
        [(80, {"http.server": "App-webs/"}), (554, {"rtsp.www_authenticate": 'Digest realm="4419b6001c05"'}),
         (80, {"http.www_authenticate": 'Digest realm="4419b6001c06"'})],
    ):  # fmt: skip
        found = merged(gave("10.0.0.5", *responses))
        assert len(found.units) == 1, responses
        assert found.units[0].behind is None


def test_login_realms_of_two_macs_are_two_units(gave, merged):
    def rtsp(digits, port):
        return (port, {"rtsp.www_authenticate": f'Digest realm="{digits}"'})

    found = merged(gave("10.0.0.5", rtsp("4419b6001c05", 554), rtsp("4419b6009d15", 8554)))
    assert [unit.id for unit in found.units] == ["mac-4419b6001c05", "mac-4419b6009d15"]


def test_ids_of_units_without_a_fact_of_their_own_name_the_port(gave, merged):
    found = merged(
        gave("10.0.0.5", (80, {"http.server": "App-webs/"}), (8080, {"http.server": "VCS-VideoJet-Webserver"}))
    )
    assert [unit.id for unit in found.units] == ["addr-10-0-0-5-port-80", "addr-10-0-0-5-port-8080"]


def test_a_forwarded_port_joins_the_camera_that_it_leads_to(gave, merged):
    camera = gave("10.1.0.9", realm(), mac="3c:ef:8c:12:a4:05")
    router = gave("10.0.0.1", (80, {"http.server": "App-webs/"}), realm(port=8080), mac=MAC)
    front, unit = merged(camera, router).units
    assert front.addresses == ("10.0.0.1",)
    assert unit.addresses == ("10.0.0.1", "10.1.0.9")
    assert unit.behind is None
    assert unit.places == ("3c:ef:8c:12:a4:05", "10.1.0.9")
    assert any(note.startswith("It can also be reached through 10.0.0.1") for note in unit.notes)


# --- behind an address ---


def test_another_address_of_its_own_is_behind(gave, merged):
    (unit,) = merged(gave("10.0.0.5", (3702, {"wsd.xaddrs": "http://192.168.7.9/onvif"}))).units
    assert unit.behind.startswith("The unit that answers at 10.0.0.5 gives 192.168.7.9 as its own address")
    assert unit.places == ()


def test_addresses_that_are_no_sign(gave, merged):
    for facts in (
        {"wsd.xaddrs": ["http://192.168.7.9/onvif", "http://10.0.0.5/onvif"]},
        {"sadp.IPv4Address": "0.0.0.0"},
        {"wsd.xaddrs": "http://169.254.9.9/onvif"},
        {"wsd.xaddrs": "http://[2001:db8::5]/onvif"},
        {"wsd.xaddrs": "http://camera/onvif"},
    ):
        assert merged(gave("10.0.0.5", (3702, facts))).units[0].behind is None, facts


def test_on_the_link_only_another_mac_shows_a_unit_behind(gave, merged):
    stale = sadp(**{"sadp.IPv4Address": "192.168.7.64"})
    (unit,) = merged(gave("10.0.0.5", stale, mac=MAC)).units
    assert unit.behind is None
    assert unit.notes == ("It gives 192.168.7.64 as its own address, which is not where it answered.",)
    own = sadp(**{"sadp.IPv4Address": "192.168.7.64", "sadp.MAC": "44-19-b6-00-1c-05"})
    assert merged(gave("10.0.0.5", own, mac=MAC)).units[0].behind is None
    (unit,) = merged(gave("10.0.0.5", own, mac="4c:5e:0c:12:a4:05")).units
    assert unit.behind is not None
    assert (unit.mac, unit.id) == (MAC, "mac-4419b6001c05"), "the MAC on the link is that of what stands in front"


def test_a_unit_with_two_addresses_names_one_of_them(gave, merged):
    facts = sadp(**{"sadp.IPv4Address": "10.0.0.5"})
    (unit,) = merged(gave("10.0.0.5", facts), gave("10.1.0.5", facts)).units
    assert unit.behind is None
    assert unit.notes == ()


def test_a_proxy_in_front_of_a_camera(gave, merged):
    camera = (80, {"http.server": "App-webs/", "http.header.via": "1.1 gate"})
    (unit,) = merged(gave("10.0.0.5", camera, mac=MAC)).units
    assert unit.behind == (
        "A proxy answered at 10.0.0.5 (Via: 1.1 gate): this unit stands behind this address, or a proxy lies on the way "
        "to it."
    )
    assert (unit.mac, unit.places) == (None, ())
    nothing = merged(gave("10.0.0.5", (80, {"http.server": "mystery", "http.header.via": "1.1 gate"}))).units[0]
    assert nothing.behind is None, "a proxy that no camera answers through is only a proxy"


# --- one MAC in front of several units ---

BRIDGE = "00:0c:29:ab:cd:ef"  # VMware: of no camera maker
OTHER_UUID = "urn:uuid:b97f9421-b764-4256-8762-5ed0d8602a9d"


def rtsp_realm(text, port=554):
    return (port, {"rtsp.www_authenticate": f'Digest realm="{text}"'})


def named(subject, key):
    return (443, {"tls.subject": subject, "tls.sha256": key * 64, "tls.spki": key * 64})


@pytest.mark.parametrize(
    ("mine", "theirs", "word"),
    [
        ((37020, {"sadp.MAC": "44:19:b6:00:1c:05"}), (37020, {"sadp.MAC": "c0:56:e3:77:88:12"}), "hardware addresses"),
        (rtsp_realm("4419b6001c05"), rtsp_realm("c056e3778812"), "hardware addresses"),
        (rtsp_realm("IP Camera(C41D7)"), rtsp_realm("IP Camera(E5802)"), "login names"),
        ((3702, {"wsd.endpoint": UUID}), (3702, {"wsd.endpoint": OTHER_UUID}), "ONVIF endpoints"),
        (named("CN=44:19:b6:00:1c:05", "a"), named("CN=c0:56:e3:77:88:12", "b"), "certificates"),
        (named("CN=10.0.0.5", "a"), named("CN=10.0.0.6", "b"), "certificates"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("link", [BRIDGE, "44:19:b6:77:00:01"])
def test_two_cameras_behind_one_bridge_stay_two_and_a_person_is_told(gave, merged, mine, theirs, word, link):
    found = merged(gave("10.0.0.5", mine, mac=link), gave("10.0.0.6", theirs, mac=link))
    assert groups(found) == [("10.0.0.5",), ("10.0.0.6",)]
    (warning,) = found.warnings
    assert f"different {word}" in warning
    assert link in warning
    assert all(unit.notes and link not in unit.places for unit in found.units)


def test_a_unit_behind_a_bridge_has_the_mac_that_it_gives_itself(gave, merged):
    found = merged(
        gave("10.0.0.5", (37020, {"sadp.MAC": MAC}), mac=BRIDGE),
        gave("10.0.0.6", (37020, {"sadp.MAC": "c0:56:e3:77:88:12"}), mac=BRIDGE),
    )
    assert [(unit.id, unit.mac) for unit in found.units] == [
        ("mac-4419b6001c05", MAC), ("mac-c056e3778812", "c0:56:e3:77:88:12"),
    ]  # fmt: skip


def test_a_certificate_with_the_same_name_contradicts_nobody(gave, merged):
    one, other = named(f"CN=axis-{MAC}", "a"), named(f"CN=axis-{MAC},O=new", "b")
    assert len(merged(gave("10.0.0.5", one, mac=MAC), gave("10.0.0.6", other, mac=MAC)).units) == 1
    shop = named("CN=www.example.com", "a"), named("CN=www.example.org", "b")
    assert len(merged(*(gave(f"10.0.0.{n}", c, mac=MAC) for n, c in enumerate(shop, 5))).units) == 1


def test_near_macs_of_one_board_contradict_nobody(gave, merged):
    found = merged(gave("10.0.0.5", (37020, {"sadp.MAC": MAC}), mac=MAC),
                   gave("10.0.0.6", (37020, {"sadp.MAC": "44:19:b6:00:1c:06"}), mac=MAC))  # fmt: skip
    assert len(found.units) == 1


@pytest.mark.parametrize(
    "mac", ["00:00:5e:00:01:0a", "00:00:5E:00:02:0a", "00:00:0c:07:ac:01", "00:00:0c:9f:f0:01", "00:00:0c:9f:ff:ff"]
)
def test_the_mac_of_a_virtual_router_joins_nobody(gave, merged, mac):
    facts = (554, {"rtsp.server": "Rtsp Server/3.0"})
    found = merged(gave("10.0.0.5", facts, mac=mac), gave("10.0.0.6", facts, mac=mac), gave("10.0.0.7", mac=mac))
    assert len(found.units) == 3
    assert all(unit.mac is None and unit.id.startswith("addr-") for unit in found.units)
    assert all("virtual router" in unit.notes[0] and mac.lower() in unit.notes[0] for unit in found.units)


def test_a_mac_of_neither_maker_needs_support(gave, merged):
    web = (80, {"http.server": "App-webs/"})
    found = merged(gave("10.0.0.5", web, mac=BRIDGE), gave("10.0.0.6", web, mac=BRIDGE))
    assert groups(found) == [("10.0.0.5",), ("10.0.0.6",)]
    assert "which neither gives as its own" in found.warnings[0]
    assert [unit.id for unit in found.units] == ["addr-10-0-0-5", "addr-10-0-0-6"]
    assert all(BRIDGE not in unit.places and found.warnings[0] in unit.notes for unit in found.units)
    assert len(merged(gave("10.0.0.5", web, mac=BRIDGE), gave("10.0.0.6", mac=BRIDGE)).units) == 2
    stated = (37020, {"sadp.MAC": MAC})
    assert len(merged(gave("10.0.0.5", stated, mac=BRIDGE), gave("10.0.0.6", mac=BRIDGE)).units) == 2


@pytest.mark.parametrize("more", [{"wsd.endpoint": UUID}, {"sadp.MAC": MAC}, {"sadp.MAC": BRIDGE}])
def test_a_mac_of_neither_maker_with_support_joins(gave, merged, more):
    facts = (80, {"http.server": "App-webs/"} | more)
    assert len(merged(gave("10.0.0.5", facts, mac=BRIDGE), gave("10.0.0.6", facts, mac=BRIDGE)).units) == 1


def test_an_ordinary_host_with_two_addresses_on_one_card_is_one_unit(gave, merged):
    web = (80, {"http.server": "mystery"})
    for mac in (BRIDGE, MAC, "00:30:1b:5a:1c:01"):
        for facts in ([], [web]):
            found = merged(gave("10.0.0.5", *facts, mac=mac), gave("2001:db8::5", *facts, mac=mac))
            assert len(found.units) == 1, (mac, facts)
            assert found.warnings == ()
    camera = (80, {"http.server": "App-webs/"})
    assert len(merged(gave("10.0.0.5", camera, mac=MAC), gave("2001:db8::5", camera, mac=MAC)).units) == 1
    module = "00:0e:6d:12:a4:05"  # the network module of another maker stands in anybody's camera
    assert len(merged(gave("10.0.0.5", camera, mac=module), gave("2001:db8::5", camera, mac=module)).units) == 1


def test_what_a_bridge_answers_for_is_not_joined_by_what_firmware_brings_along(gave, merged):
    other = "c0:56:e3:77:88:12"
    for facts in ({"wsd.endpoint": UUID}, {"onvif.serial": "QW-98734-X1", "onvif.model": "X1"}):
        found = merged(gave("10.0.0.5", (80, facts | {"sadp.MAC": MAC}), mac=BRIDGE),
                       gave("10.0.0.6", (80, facts | {"sadp.MAC": other}), mac=BRIDGE))  # fmt: skip
        assert len(found.units) == 2, facts
    found = merged(gave("10.0.0.5", sadp(**{"sadp.MAC": MAC}), mac=BRIDGE),
                   gave("10.0.0.6", sadp(**{"sadp.MAC": other}), mac=BRIDGE))  # fmt: skip
    assert len(found.units) == 1
    (warning,) = found.warnings
    assert "may be cloned" in warning
    assert MAC in warning
    assert other in warning


def test_a_certificate_made_for_one_of_them_supports_a_mac_of_neither_maker(gave, merged):
    facts = (443, {"http.server": "App-webs/", "tls.sha256": "ab" * 32})

    def pair(subject):
        shown = (443, facts[1] | {"tls.subject": subject})
        return merged(gave("10.0.0.5", shown, mac=BRIDGE), gave("10.0.0.6", shown, mac=BRIDGE))

    assert (len(pair("CN=10.0.0.5").units), pair("CN=10.0.0.5").warnings) == (1, ())
    assert len(pair("CN=www.example.com").units) == 2


# --- a serial number that may be cloned ---


def test_a_serial_number_with_two_macs_that_are_not_near_may_be_cloned(gave, merged):
    macs = "3c:ef:8c:10:20:30", "3c:ef:8c:50:60:70"
    found = merged(gave("10.0.0.5", realm(), mac=macs[0]), gave("10.0.0.6", realm(), mac=macs[1]))
    (unit,) = found.units
    (warning,) = found.warnings
    assert warning.startswith("10.0.0.5 and 10.0.0.6 are shown as one unit")
    assert "cloned" in warning
    assert "both places" in warning
    assert all(mac in warning and mac in unit.places for mac in macs)
    assert warning in unit.notes


def test_two_macs_with_something_else_in_common_are_no_clone(gave, merged):
    macs = "3c:ef:8c:10:20:30", "3c:ef:8c:50:60:70"
    for facts, pair in (
        ({}, ("3c:ef:8c:10:20:30", "3c:ef:8c:10:20:31")),
        ({"wsd.endpoint": UUID}, macs),
        ({"dhip.mac": macs[0]}, macs),
        ({}, (macs[0], None)),
    ):
        found = merged(gave("10.0.0.5", realm(**facts), mac=pair[0]), gave("10.0.0.6", realm(**facts), mac=pair[1]))
        assert len(found.units) == 1
        assert found.warnings == (), facts


# --- old settings ---


@pytest.mark.parametrize("address", ["192.168.1.64", "192.0.0.64", "192.168.1.108"])
def test_a_factory_address_is_only_a_note(gave, merged, address):
    for facts in (
        {"wsd.xaddrs": [f"http://{address}/onvif", "http://[fe80::1]/onvif"]}, {"sadp.IPv4Address": address},
        {"dhip.IPv4Address.IPAddress": address}, {"ssdp.location": f"http://{address}:49152/upnp.xml"},
    ):  # fmt: skip
        (unit,) = merged(gave("10.0.0.5", (3702, facts))).units
        assert unit.behind is None, facts
        assert unit.places == ("10.0.0.5",)
        assert unit.notes == (f"It gives {address} as its own address, which is not where it answered.",)
    both = {"wsd.xaddrs": [f"http://{address}/x", "http://192.168.7.9/x"]}
    assert merged(gave("10.0.0.5", (3702, both))).units[0].behind is not None
    assert merged(gave(address, (3702, {"sadp.IPv4Address": address}))).units[0].notes == ()


def test_a_connection_line_alone_is_only_a_note(gave, merged):
    body = (554, {"rtsp.body": "v=0\r\nc=IN IP4 192.168.254.3\r\n"})
    (unit,) = merged(gave("10.0.0.5", body)).units
    assert unit.behind is None
    assert unit.notes == ("It gives 192.168.254.3 as its own address, which is not where it answered.",)
    both = merged(gave("10.0.0.5", body, (3702, {"wsd.xaddrs": "http://192.168.254.3/x"}))).units[0]
    assert both.behind is not None


def test_one_of_the_units_at_a_routed_address_may_stand_there(gave, merged):
    for unit in merged(gave("10.0.0.5", realm(), realm("4K049EBPAG1D7E7", port=8080))).units:
        assert "not at it" not in unit.behind
        assert "One of these units may be the one at the address" in unit.behind
    seen = gave("10.0.0.5", (80, {"http.server": "App-webs/"}), realm(port=8080), mac=MAC)
    assert "not at it" in merged(seen).units[1].behind, "the other one stands there"


# --- spelling ---


@pytest.mark.parametrize(
    ("fact_key", "mine", "theirs", "same"),
    [
        ("sadp.DeviceDescription", "DS-2CD2385G1-I", "DS 2CD2385G1 I ", True),
        ("sadp.DeviceDescription", "DS-2CD2385G1-I", "ds_2cd2385g1/i", True),
        ("sadp.DeviceDescription", "DS-2CD2385G1-I", "DS-2CD2385G1", False),
        ("sadp.SoftwareVersion", "V5.6.3", "V5.6.3 build 190923", True),
        ("sadp.SoftwareVersion", "V5.6.3build 190923", "v5.6.3", True),
        ("sadp.SoftwareVersion", "V5.6.3", "V5.6.30", False),
        ("sadp.SoftwareVersion", "V5.6.3 build 190923", "V5.6.3 build 190924", False),
    ],
)
def test_spelling_does_not_split_a_unit(gave, merged, fact_key, mine, theirs, same):
    found = merged(gave("10.0.0.5", sadp(**{fact_key: mine})), gave("10.0.1.5", sadp(**{fact_key: theirs})))
    assert (len(found.units) == 1) is same
    assert (found.warnings == ()) is same


def test_login_realms_of_two_network_cards_are_one_unit(gave, merged):
    def login(digits, port):
        return (port, {"http.www_authenticate": f'Digest realm="{digits}"'})

    (unit,) = merged(gave("10.0.0.5", login("4419b6001c05", 80), login("4419b6001c06", 443))).units
    assert unit.behind is None
    assert len(merged(gave("10.0.0.5", login("4419b6001c05", 80), login("4419b6001c55", 443))).units) == 2


# --- many doubts ---


def test_many_warnings_of_one_kind_are_counted(gave, merged):
    def address(number):
        serial = f"DS-2CD2385G1-I20200414AAWRE{33800000 + number // 2:08d}"
        endpoint = f"urn:uuid:a86f9421-b764-4256-8762-5ed0d8{(number + 1) // 2:06d}"
        return gave(f"10.0.{number // 250}.{number % 250}", sadp(serial), (3702, {"wsd.endpoint": endpoint}))

    answers = [address(number) for number in range(200)]
    found = merged(*answers)
    assert len(found.units) == 100
    assert len(found.warnings) == MOST_ALIKE + 1
    assert found.warnings[-1].startswith(f"And {99 - MOST_ALIKE} more of the same kind")
    random.Random(1).shuffle(answers)
    assert merged(*answers) == found
    told = [unit for unit in found.units if unit.notes]
    assert len(told) == 100, "what is not among the warnings is said of each unit"


# --- properties ---


@st.composite
def sites(draw, ports=3):
    chosen = draw(st.lists(st.integers(1, 30), min_size=1, max_size=9, unique=True))
    serials = st.sampled_from([None, SERIAL, OTHER_SERIAL, DAHUA])
    answers = []
    for last in chosen:
        mac = draw(st.sampled_from([None, MAC, "00:40:8c:00:7a:01", "44:19:b6:00:1c:06", BRIDGE]))
        facts = []
        for port in draw(st.lists(st.sampled_from([80, 8080, 3702]), unique=True, max_size=ports)):
            one = {}
            if serial := draw(serials):
                one |= {"sadp.DeviceSN": serial} if serial != DAHUA else realm()[1]
            if draw(st.booleans()):
                one["wsd.endpoint"] = draw(st.sampled_from([UUID, "urn:uuid:cea94000-fb96-11b3-8260-686dbc5cb15d"]))
            if stated := draw(st.sampled_from([None, None, MAC, "c0:56:e3:77:88:12"])):
                one["sadp.MAC"] = stated
            if draw(st.booleans()):
                one["wsd.xaddrs"] = draw(st.sampled_from(["http://10.0.0.7/x", f"http://10.0.0.{last}/x"]))
            facts.append((port, one))
        answers.append((f"10.0.0.{last}", facts, mac))
    return answers


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(site=sites(), seed=st.integers())
def test_units_are_a_partition_whatever_the_order(gave, merged, site, seed):
    answers = [gave(address, *facts, mac=mac) for address, facts, mac in site]
    found = merged(*answers)
    ids = [unit.id for unit in found.units]
    assert len(set(ids)) == len(ids)
    assert {address for unit in found.units for address in unit.addresses} == {answer.address for answer in answers}
    alone = {answer.address: len(merged(answer).units) for answer in answers}
    for answer in answers:
        assert sum(answer.address in unit.addresses for unit in found.units) == alone[answer.address]
    for unit in found.units:
        assert len(unit.addresses) <= MAX_ADDRESSES
        assert len(unit.same_because) == len(unit.addresses) - 1, "one reason for each address that was added"
    shuffled = list(answers)
    random.Random(seed).shuffle(shuffled)
    assert merged(*shuffled) == found


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(site=sites())
def test_nothing_merges_without_something_in_common(gave, merged, site):
    def shared(answer):
        values = {value for item in answer.observations for value in item.values}
        return {word for word in (SERIAL, OTHER_SERIAL, UUID, MAC, "cea94000-fb96-11b3-8260-686dbc5cb15d", DAHUA,
                                  "00:40:8c:00:7a:01", "44:19:b6:00:1c:06", "c0:56:e3:77:88:12", BRIDGE)
                if any(word in value for value in values)}  # fmt: skip

    answers = {address: gave(address, *facts, mac=mac) for address, facts, mac in site}
    for unit in merged(*answers.values()).units:
        linked = {unit.addresses[0]}
        while more := {
            other for one, other in itertools.product(linked, unit.addresses)
            if other not in linked and shared(answers[one]) & shared(answers[other])
        }:  # fmt: skip
            linked |= more
        assert linked == set(unit.addresses)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(site=sites(ports=1))
def test_merging_the_addresses_of_a_unit_again_gives_that_unit(gave, merged, site):
    # A MAC at more addresses is a router's and says nothing; of a part of those addresses it would say something.
    assume(max(collections.Counter(mac for _address, _facts, mac in site if mac).values(), default=0) <= MAX_ADDRESSES)
    answers = {address: gave(address, *facts, mac=mac) for address, facts, mac in site}
    for unit in merged(*answers.values()).units:
        again = merged(*(answers[address] for address in unit.addresses)).units
        assert any(set(unit.addresses) <= set(other.addresses) for other in again)


def test_ten_thousand_addresses_with_one_endpoint_are_nine_thousand_units(gave, rules):
    pattern = gave("10.0.0.0", sadp(), (80, {"http.server": "App-webs/"})).identity

    def address(number):
        return f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"

    answers = []
    for number in range(10_000):
        unit = number - 1 if number % 10 == 1 else number  # every tenth unit has two addresses
        serial = f"DS-2CD2385G1-I20200414AAWRE{unit + 10_234_567:08d}"
        facts = [Observation(address(number), "sadp", "sadp.DeviceSN", (serial,), 0, 37020),
                 Observation(address(number), "wsd", "wsd.endpoint", (UUID,), 1, 3702),
                 Observation(address(number), "http", "http.server", ("App-webs/",), 2, 80)]  # fmt: skip
        evidence = [
            replace(item, says=f"serial {serial}", value=serial) if item.says.startswith("serial ") else item
            for item in pattern.evidence
        ]
        answers.append(Answer(address(number), replace(pattern, evidence=tuple(evidence)), tuple(facts)))
    found = merge(answers, rules)
    assert len(found.units) == 9_000
    assert len(found.warnings) == 1, "the endpoint that all of them have"
