"""Routes, interfaces and the neighbour table as the kernel tells them, in and outside of an event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from auditor.common.errors import CannotScan
from auditor.net import interfaces as module
from auditor.net.interfaces import (
    interfaces,
    neighbour_table,
    neighbours,
    raw_packets_allowed,
    route_to,
    routes_to,
)
from tests.discover.wires import NEAR, ROUTER, SCANNER, Wires, inside, mac_of

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def wires():
    with Wires() as built:
        yield built


def own_mac(wires):
    words = subprocess.run(
        ["ip", "-n", wires.scan, "-o", "link", "show", "s0"], capture_output=True, text=True, check=True
    ).stdout.split()
    return words[words.index("link/ether") + 1]


def test_an_address_of_the_link_has_no_gateway(wires):
    route = inside(wires.scan, lambda: route_to("10.91.0.77"))
    assert (route.interface, route.source, route.gateway) == ("s0", SCANNER, None)
    assert route.on_link
    assert route.interface_mac == own_mac(wires)


def test_a_routed_address_has_one(wires):
    route = inside(wires.scan, lambda: route_to("10.92.0.5"))
    assert (route.interface, route.gateway, route.on_link) == ("s0", ROUTER, False)


def test_own_and_broadcast_addresses_are_told_apart(wires):
    found = inside(wires.scan, lambda: routes_to([SCANNER, "10.91.0.255", "10.91.0.0"]))
    assert found[SCANNER].local
    assert not found[SCANNER].on_link
    assert found["10.91.0.255"].broadcast


def test_it_works_inside_a_running_event_loop(wires):
    async def run():
        return route_to("10.92.0.5").gateway

    assert inside(wires.scan, lambda: asyncio.run(run())) == ROUTER


def test_no_route_is_said_in_a_sentence(wires):
    assert inside(wires.far, lambda: routes_to(["10.91.0.2"]))["10.91.0.2"] is not None
    wires.ip(wires.far, "route", "add", "unreachable", "10.99.0.0/24")
    assert inside(wires.far, lambda: routes_to(["10.99.0.1"])) == {"10.99.0.1": None}
    with pytest.raises(CannotScan, match=r"no route to 10\.99\.0\.1"):
        inside(wires.far, lambda: route_to("10.99.0.1"))


def test_interfaces_come_with_mac_addresses_and_carrier(wires):
    (link,) = inside(wires.scan, interfaces)
    assert link.name == "s0"
    assert link.mac == own_mac(wires)
    assert f"{SCANNER}/24" in link.addresses
    assert link.up
    assert link.carrier
    wires.ip(wires.near, "link", "set", "n0", "down")
    try:
        (link,) = inside(wires.scan, interfaces)
        assert link.up
        assert not link.carrier
    finally:
        wires.ip(wires.near, "link", "set", "n0", "up")


def test_the_neighbour_table_shows_its_limit_even_in_a_namespace(wires):
    table = inside(wires.scan, neighbour_table)
    shown = subprocess.run(
        ["ip", "-s", "ntable", "show", "name", "arp_cache"], capture_output=True, text=True, check=True
    )
    words = shown.stdout.split()
    assert table.limit == int(words[words.index("thresh3") + 1])
    assert table.lost == int(words[words.index("table_fulls") + 1])
    assert table.entries > 0


def test_only_neighbours_that_were_heard_count(wires):
    devices = wires.devices(wires.near)
    devices.arp("n0", ["10.91.0.40"])
    wires.ip(wires.scan, "neighbour", "add", "10.91.0.99", "lladdr", "02:00:00:00:00:01", "dev", "s0")
    for address in ("10.91.0.40", "10.91.0.50"):
        subprocess.run(
            ["ip", "netns", "exec", wires.scan, "bash", "-c", f"echo x > /dev/udp/{address}/9"], check=True, timeout=10
        )
    time.sleep(0.5)
    heard = inside(wires.scan, lambda: neighbours("s0"))
    heard.pop(ROUTER, None)
    assert heard == {"10.91.0.40": mac_of("10.91.0.40")}
    assert inside(wires.scan, lambda: neighbours("gone")) == {}


def test_raw_packets_need_a_capability():
    assert raw_packets_allowed()
    ask = f"import sys; sys.path.insert(0, {str(module.__file__).rsplit('/auditor/', 1)[0]!r}); "
    ask += "from auditor.net.interfaces import raw_packets_allowed; print(raw_packets_allowed())"
    shown = subprocess.run(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", ask],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "False"


def test_a_link_subnet_is_as_the_interface_says(wires):
    (link,) = inside(wires.scan, interfaces)
    assert link.addresses[0].endswith(NEAR[-3:])
