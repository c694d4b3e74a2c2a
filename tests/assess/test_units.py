"""Addresses become devices: never two where there is one, never one where there are two."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditor.assess import Seen, units
from auditor.model import CoverageState, Identity, Location, Verdict, Zone, ZoneRole

CORE = Zone("office", ZoneRole.CORE, ("10.0.0.0/24",))
ISOLATED = Zone("cctv", ZoneRole.ISOLATED, ("10.0.1.0/24",))
MAC = "44:19:b6:00:00:05"


def zone_of(address):
    return {"10.0.0": CORE, "10.0.1": ISOLATED}.get(address.rpartition(".")[0])


def seen(maker=None, verdict=None, **more):
    verdict = verdict or (Verdict.CONFIRMED if maker else Verdict.UNIDENTIFIED)
    confidence = {Verdict.CONFIRMED: 0.995, Verdict.POSSIBLE: 0.6}.get(verdict, 0.0)
    return Seen(Identity("k", maker=maker, verdict=verdict, confidence=confidence), **more)


def grouped(addresses, locations=None):
    return units(addresses, zone_of=zone_of, locations=locations or {})


def test_ids_come_from_the_strongest_stable_fact():
    result = grouped({"10.0.0.5": seen(mac=MAC), "10.0.0.6": seen(), "2001:db8::5": seen()})
    assert [device.id for device in result.devices] == [
        "mac-4419b6000005",
        "addr-10-0-0-6",
        "addr-2001-0db8-0000-0000-0000-0000-0000-0005",
    ]
    assert result.warnings == ()


def test_one_mac_at_two_addresses_is_one_device_judged_by_its_most_exposed_zone():
    result = grouped({
        "10.0.1.9": seen("Hikvision", mac=MAC, methods=("arp",), first_seen="2026-11-21T10:00:01.000Z",
                         state=CoverageState.IDENTIFIED),
        "10.0.0.5": seen(mac=MAC.upper(), methods=("arp", "wsd.multicast"), first_seen="2026-11-21T10:00:00.000Z",
                         notes=("It stopped answering.",)),
    })  # fmt: skip
    (device,) = result.devices
    assert device.addresses == ("10.0.0.5", "10.0.1.9")
    assert (device.zone, device.zone_role) == ("office", ZoneRole.CORE), "the leg in the core network counts"
    assert device.identity.maker == "Hikvision", "the strongest identity is kept"
    assert device.state is CoverageState.ANSWERED_UNIDENTIFIED
    assert device.methods == ("arp", "wsd.multicast")
    assert device.first_seen == "2026-11-21T10:00:00.000Z"
    assert device.mac == MAC
    assert device.notes[0] == "It stopped answering."
    assert "office, cctv" in device.notes[1]


def test_makers_that_contradict_each_other_are_kept_apart():
    result = grouped({"10.0.0.5": seen("Hikvision", mac=MAC), "10.0.0.6": seen("Axis", mac=MAC)},
                     {MAC: Location(building="A")})  # fmt: skip
    assert [device.id for device in result.devices] == ["addr-10-0-0-5", "addr-10-0-0-6"]
    assert all(device.notes and device.mac == MAC for device in result.devices)
    assert all(device.location is None for device in result.devices), "nobody knows which of them the place is of"
    assert "Axis, Hikvision" in result.warnings[0]


def test_four_addresses_are_one_device_and_five_are_a_router():
    def host(count):
        return grouped({f"10.0.0.{last}": seen(mac=MAC) for last in range(1, count + 1)})

    assert len(host(4).devices) == 1
    five = host(5)
    assert len(five.devices) == 5
    assert all(device.mac is None and device.id.startswith("addr-") for device in five.devices)
    assert "answers for 5 addresses" in five.warnings[0]


def test_the_place_is_found_by_mac_before_address():
    places = {MAC: Location(room="by MAC"), "10.0.0.5": Location(room="by address")}
    (device,) = grouped({"10.0.0.5": seen(mac=MAC)}, places).devices
    assert device.location == Location(room="by MAC")
    (device,) = grouped({"10.0.0.5": seen()}, places).devices
    assert device.location == Location(room="by address")


def test_outside_every_zone_the_role_is_unknown():
    (device,) = grouped({"192.168.9.9": seen()}).devices
    assert (device.zone, device.zone_role) == ("", ZoneRole.UNKNOWN)


@given(
    st.dictionaries(
        st.sampled_from([f"10.0.{third}.{last}" for third in range(3) for last in range(6)]),
        st.builds(
            seen,
            st.sampled_from([None, "Hikvision", "Axis"]),
            mac=st.sampled_from([None, MAC, "00:40:8c:00:00:01"]),
        ),
    )
)
def test_every_address_belongs_to_exactly_one_device_and_ids_are_unique(addresses):
    result = grouped(addresses)
    placed = [address for device in result.devices for address in device.addresses]
    assert sorted(placed) == sorted(addresses)
    ids = [device.id for device in result.devices]
    assert len(set(ids)) == len(ids)
    reverse = grouped(dict(reversed(addresses.items())))
    assert reverse == result, "the order of answers does not matter"
