"""The places of the emulated site: every one belongs to one of its units and is plainly invented."""

from __future__ import annotations

from lab import load_site
from lab.devices import HERE

from auditor.site import load_locations


def test_about_half_of_the_emulated_units_have_a_place():
    site = load_site("demo")
    places = load_locations(HERE / "sites" / "demo-locations.csv")
    seen = set(site.devices) - site.excluded
    assert set(places) <= seen
    assert len(seen) // 2 <= len(places) < len(seen)
    for place in places.values():
        assert place.building.startswith("Emulated")
        assert place.room.startswith("Emulated")
        assert place.switch.startswith("emu-")
        assert place.vlan
    ports = [(place.switch, place.port) for place in places.values() if place.port]
    assert len(set(ports)) == len(ports), "one cable a port"
    assert site.locations == (HERE / "sites" / "demo-locations.csv").read_text(encoding="utf-8")
    assert load_site("office").locations is None
