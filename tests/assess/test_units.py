"""Units are placed: the most exposed leg decides, and nobody is sent to where a unit does not stand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auditor.assess import Seen, place
from auditor.model import CoverageState, Identity, Location, Unit, Zone, ZoneRole

CORE = Zone("office", ZoneRole.CORE, ("10.0.0.0/24",))
ISOLATED = Zone("cctv", ZoneRole.ISOLATED, ("10.0.1.0/24",))
MAC = "44:19:b6:00:00:05"


def zone_of(address):
    return {"10.0.0": CORE, "10.0.1": ISOLATED}.get(address.rpartition(".")[0])


def unit(*addresses, **more):
    given_places = more.pop("places", addresses)
    return Unit(more.pop("id", f"addr-{addresses[0]}"), addresses, Identity("k", maker="Hikvision"),
                places=given_places, **more)  # fmt: skip


def placed(*units, seen=None, locations=None):
    return place(units, seen or {}, zone_of=zone_of, locations=locations or {})


def test_a_unit_in_two_zones_is_judged_by_the_most_exposed_one():
    (device,) = placed(
        unit("10.0.0.5", "10.0.1.9", mac=MAC, notes=("From merging.",), same_because=("Both gave the same.",)),
        seen={
            "10.0.1.9": Seen(("arp",), "2026-11-21T10:00:01.000Z", CoverageState.IDENTIFIED),
            "10.0.0.5": Seen(("arp", "wsd.multicast"), "2026-11-21T10:00:00.000Z", notes=("It stopped answering.",)),
        },
    )
    assert device.addresses == ("10.0.0.5", "10.0.1.9")
    assert (device.zone, device.zone_role) == ("office", ZoneRole.CORE), "the leg in the core network counts"
    assert device.state is CoverageState.ANSWERED_UNIDENTIFIED
    assert device.methods == ("arp", "wsd.multicast")
    assert device.first_seen == "2026-11-21T10:00:00.000Z"
    assert device.mac == MAC
    assert device.notes[:2] == ("It stopped answering.", "From merging.")
    assert "office, cctv" in device.notes[2]
    assert device.same_because == ("Both gave the same.",)


def test_in_one_zone_its_own_address_comes_before_one_that_it_is_reached_through():
    (device,) = placed(unit("10.0.0.1", "10.0.0.9", places=("10.0.0.9",)))
    assert device.addresses == ("10.0.0.9", "10.0.0.1")


def test_the_place_is_found_by_mac_before_address():
    places = {MAC: Location(room="by MAC"), "10.0.0.5": Location(room="by address")}
    (device,) = placed(unit("10.0.0.5", places=(MAC, "10.0.0.5")), locations=places)
    assert device.location == Location(room="by MAC")
    (device,) = placed(unit("10.0.0.5"), locations=places)
    assert device.location == Location(room="by address")


def test_a_unit_behind_an_address_is_not_where_the_address_is():
    places = {"10.0.0.5": Location(room="the router's")}
    (device,) = placed(unit("10.0.0.5", places=(), behind="It stands behind it."), locations=places)
    assert device.location is None
    assert device.behind == "It stands behind it."


def test_two_units_of_one_address_are_two_devices():
    devices = placed(unit("10.0.0.5", id="addr-10-0-0-5-port-8080"), unit("10.0.0.5", id="addr-10-0-0-5-port-80"))
    assert [device.id for device in devices] == ["addr-10-0-0-5-port-80", "addr-10-0-0-5-port-8080"]


def test_outside_every_zone_the_role_is_unknown():
    (device,) = placed(unit("192.168.9.9"))
    assert (device.zone, device.zone_role) == ("", ZoneRole.UNKNOWN)


@given(st.lists(st.sampled_from([f"10.0.{third}.{last}" for third in range(3) for last in range(6)]), unique=True))
def test_every_unit_becomes_one_device_and_the_order_does_not_matter(addresses):
    units = [unit(address) for address in addresses]
    devices = placed(*units)
    assert sorted(device.id for device in devices) == sorted(item.id for item in units)
    assert placed(*reversed(units)) == devices
