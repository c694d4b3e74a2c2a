import copy
import dataclasses
import ipaddress
import pickle
import tracemalloc

import netaddr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.common.errors import NotPermitted, UsageError
from auditor.model import Zone, ZoneRole
from auditor.site import Exclusion, MulticastPermit, Permit, Problem, Scope


def scope_of(*zones, exclude=()):
    named = [Zone(name, ZoneRole.UNKNOWN, tuple(subnets)) for name, subnets in zones]
    return Scope(named, [Exclusion.parse(text) if isinstance(text, str) else text for text in exclude])


# --- sizes and zones, against a plain count ---


@st.composite
def layouts(draw):
    """Zones and exclusions inside 10.0.0.0/22, as text; prefixes are distinct, nested ones are common."""
    prefix = st.builds(
        lambda length, offset: str(
            ipaddress.ip_network((0x0A000000 + (offset >> (32 - length) << (32 - length)), length))
        ),
        st.integers(22, 32),
        st.integers(0, 1023),
    )
    prefixes = draw(st.lists(prefix, min_size=1, max_size=8, unique=True))
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=len(prefixes), max_size=len(prefixes)))
    zones = {}
    for name, text in zip(names, prefixes, strict=True):
        zones.setdefault(name, []).append(text)
    address = st.integers(0, 1100).map(lambda offset: str(ipaddress.ip_address(0x0A000000 + offset)))
    span = st.tuples(st.integers(0, 1100), st.integers(0, 60)).map(
        lambda pair: f"{ipaddress.ip_address(0x0A000000 + pair[0])}-{ipaddress.ip_address(0x0A000000 + sum(pair))}"
    )
    return zones, draw(st.lists(st.one_of(address, prefix, span), max_size=6))


def counted(zones, exclusions):
    """Owner of every address and the excluded addresses, worked out one by one."""
    owner = {}
    declared = [(ipaddress.ip_network(text), name) for name, texts in zones.items() for text in texts]
    for network, name in sorted(declared, key=lambda item: item[0].prefixlen):
        owner.update(dict.fromkeys(map(str, network), (name, str(network))))
    excluded = set()
    for text in exclusions:
        if "-" in text:
            first, last = (int(ipaddress.ip_address(end)) for end in text.split("-"))
            excluded.update(str(ipaddress.ip_address(number)) for number in range(first, last + 1))
        else:
            excluded.update(map(str, ipaddress.ip_network(text)))
    return owner, excluded


@settings(max_examples=120, deadline=None)
@given(layouts())
def test_sizes_add_up_and_every_address_has_one_zone(layout):
    zones, exclusions = layout
    scope = scope_of(*zones.items(), exclude=exclusions)
    owner, excluded = counted(zones, exclusions)

    assert scope.size == len(owner) == sum(subnet.size for subnet in scope.subnets())
    assert scope.excluded_size == len(excluded & set(owner))
    permitted = [permit.address for permit in scope.permits()]
    assert len(permitted) + scope.excluded_size == scope.size
    assert permitted == sorted(set(owner) - excluded, key=ipaddress.ip_address)
    listed = [address for subnet in scope.subnets() for address in subnet.addresses()]
    assert sorted(listed) == sorted(owner)
    for address, (zone, cidr) in owner.items():
        assert scope.zone_of(address).name == zone
        assert scope.subnet_of(address).cidr == cidr
        assert scope.is_excluded(address) == (address in excluded)


@settings(max_examples=40, deadline=None)
@given(layouts())
def test_one_permit_and_many_permits_agree(layout):
    zones, exclusions = layout
    scope = scope_of(*zones.items(), exclude=exclusions)
    many = {permit.address for subnet in scope.subnets() for permit in scope.permits(subnet)}
    assert many == {permit.address for permit in scope.permits()}
    for number in range(0x09FFFFFE, 0x0A000402, 7):
        address = str(ipaddress.ip_address(number))
        try:
            assert scope.permit(address).address in many
        except NotPermitted:
            assert address not in many


def test_network_and_broadcast_addresses_belong_to_the_scope():
    scope = scope_of(("a", ["10.0.0.0/30"]))
    assert scope.size == 4
    assert [permit.address for permit in scope.permits()] == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_nested_prefixes_go_to_the_longest():
    scope = scope_of(("wide", ["10.0.0.0/16"]), ("middle", ["10.0.5.0/24"]), ("one", ["10.0.5.7/32"]))
    assert [scope.zone_of(text).name for text in ("10.0.4.1", "10.0.5.1", "10.0.5.7")] == ["wide", "middle", "one"]
    assert [subnet.size for subnet in scope.subnets()] == [65536 - 256, 255, 1]
    assert "10.0.5.7" not in list(scope.subnets()[1].addresses())


def test_ipv6_prefixes_are_listed_apart_and_never_counted_up():
    scope = scope_of(("a", ["10.0.0.0/30", "fd00::/64"]), exclude=["fd00::5"])
    assert scope.size == 4
    assert scope.ipv6_prefixes == ("fd00::/64",)
    assert [subnet.cidr for subnet in scope.subnets()] == ["10.0.0.0/30"]
    assert all(":" not in permit.address for permit in scope.permits())
    assert scope.permit("FD00:0::9").address == "fd00::9"
    with pytest.raises(NotPermitted, match="excluded"):
        scope.permit("fd00::5")


def test_a_large_subnet_costs_little_memory():
    scope = scope_of(("a", ["10.0.0.0/16"]), exclude=["10.0.1.1", "10.0.2.0/24"])
    tracemalloc.start()
    try:
        count = sum(1 for _ in scope.permits())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 65536 - 257
    assert peak < 200_000


def test_netaddr_does_the_set_arithmetic(monkeypatch):
    def blocked(*_):
        raise AssertionError("netaddr was asked")

    monkeypatch.setattr(netaddr.IPSet, "__sub__", blocked)
    with pytest.raises(AssertionError, match="netaddr was asked"):
        list(scope_of(("a", ["10.0.0.0/30"]), exclude=["10.0.0.1"]).permits())


@pytest.mark.parametrize("text", ["127.0.0.0/8", "127.5.0.0/24", "169.254.0.0/16", "192.0.2.0/24", "fe80::/64"])
def test_prefixes_that_may_stand_in_a_zone(text):
    assert scope_of(("a", [text])).contains(text.partition("/")[0])


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "0.0.0.0/8", "224.0.0.0/24", "239.255.255.250/32", "255.255.255.255/32", "ff02::/16", "::/0",
     "::ffff:10.0.0.0/120", "64:ff9b::/96", "2002:a00::/24"],
)  # fmt: skip
def test_prefixes_that_no_device_lives_in_are_refused(text):
    with pytest.raises(UsageError, match="cannot be in the scope"):
        scope_of(("a", [text]))


def test_a_prefix_given_twice_is_an_error_in_any_zone():
    with pytest.raises(UsageError, match=r"10\.0\.0\.0/24 is given twice, in zone `a` and in zone `b`"):
        scope_of(("a", ["10.0.0.0/24"]), ("b", ["10.0.0.0/24"]))


# --- permits ---


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("10.0.0.9", "10.0.0.9 is excluded by `10.0.0.9` (label printer), so nothing is sent to it."),
        ("::ffff:10.0.0.9", "10.0.0.9 is excluded by `10.0.0.9` (label printer), so nothing is sent to it."),
        ("::ffff:a00:9", "10.0.0.9 is excluded by `10.0.0.9` (label printer), so nothing is sent to it."),
        ("10.0.1.1", "10.0.1.1 is outside the scope of the site file, so nothing is sent to it."),
        ("64:ff9b::a00:1", "64:ff9b::a00:1 is outside the scope of the site file, so nothing is sent to it."),
        ("camera.example", "`camera.example` is not an IP address, so nothing is sent to it."),
        ("10.0.0.010", "`10.0.0.010` is not an IP address, so nothing is sent to it."),
        ("10.0.0.1\n", "`10.0.0.1\\x0a` is not an IP address, so nothing is sent to it."),
        ("10.0.0.1/32", "`10.0.0.1/32` is not an IP address, so nothing is sent to it."),
        ("167772161", "`167772161` is not an IP address, so nothing is sent to it."),
        ("", "`` is not an IP address, so nothing is sent to it."),
    ],
)
def test_no_permit_says_why(address, sentence):
    scope = scope_of(("a", ["10.0.0.0/24"]), exclude=[Exclusion.parse("10.0.0.9", reason="label printer")])
    with pytest.raises(NotPermitted) as error:
        scope.permit(address)
    assert str(error.value) == sentence
    assert not scope.is_selected(address) or scope.is_excluded(address)


def test_only_the_scope_makes_permits():
    scope = scope_of(("a", ["10.0.0.0/24"]))
    permit = scope.permit("10.0.0.1")
    multicast = scope.multicast_permit("eth0", "10.0.0.200", ["10.0.0.0/24"])
    for forge in (
        lambda: Permit("10.0.0.1"),
        lambda: Permit("10.0.0.1", {}, object()),
        lambda: MulticastPermit("eth0", "10.0.0.200"),
        lambda: dataclasses.replace(permit, address="10.9.9.9"),
        lambda: type("Forged", (Permit,), {"__post_init__": lambda *_: None}),
        lambda: type("Forged", (MulticastPermit,), {}),
        lambda: pickle.dumps(permit),
        lambda: pickle.dumps(multicast),
        lambda: copy.copy(permit),
    ):
        with pytest.raises(NotPermitted):
            forge()


def test_permits_are_frozen_and_hashable():
    scope = scope_of(("a", ["10.0.0.0/24"]))
    permit = scope.permit("10.0.0.1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        permit.address = "10.9.9.9"
    assert len({permit, scope.permit("10.0.0.1"), scope.permit("10.0.0.2")}) == 2
    assert repr(permit) == "Permit(address='10.0.0.1')"
    assert len({scope.multicast_permit("eth0", "10.0.0.200", ["10.0.0.0/24"]) for _ in range(2)}) == 1


# --- MAC exclusions ---


@pytest.mark.parametrize("seen", ["44:19:B6:00:00:05", "44-19-b6-00-00-05", "4419b6000005", "4419.b600.0005"])
def test_an_excluded_mac_excludes_the_address_from_then_on(seen):
    scope = scope_of(("a", ["10.0.0.0/30"]), exclude=["44:19:b6:00:00:05"])
    early = scope.permit("10.0.0.1")
    narrowed = scope.only(["10.0.0.0/31"])
    going = scope.permits()
    assert next(going).address == "10.0.0.0"
    assert not early.withdrawn
    assert scope.learn_mac("10.0.0.1", "00:11:22:33:44:55") is False
    assert not scope.is_excluded("10.0.0.1")

    assert scope.learn_mac("10.0.0.1", seen) is True
    assert scope.is_excluded("10.0.0.1")
    assert early.withdrawn
    assert scope.exclusion_of("10.0.0.1").text == "44:19:b6:00:00:05"
    for where in (scope, narrowed):
        with pytest.raises(NotPermitted, match=r"excluded by `44:19:b6:00:00:05`"):
            where.permit("10.0.0.1")
    assert [permit.address for permit in going] == ["10.0.0.2", "10.0.0.3"]
    assert scope.excluded_size == 1
    assert scope.excluded_size + sum(1 for _ in scope.permits()) == scope.size


def test_a_learned_mac_counts_once_where_the_address_was_excluded_already_or_is_outside():
    scope = scope_of(("a", ["10.0.0.0/30"]), exclude=["44:19:b6:00:00:05", "10.0.0.1"])
    assert scope.learn_mac("10.0.0.1", "44:19:b6:00:00:05")
    assert scope.learn_mac("10.7.7.7", "44:19:b6:00:00:05")
    assert scope.learn_mac("fd00::1", "44:19:b6:00:00:05")
    assert scope.excluded_size == 1
    assert scope.is_excluded("10.7.7.7")


def test_what_is_not_a_mac_is_never_taken_for_a_harmless_one():
    scope = scope_of(("a", ["10.0.0.0/30"]), exclude=["44:19:b6:00:00:05"])
    with pytest.raises(Problem, match="is not a MAC"):
        scope.learn_mac("10.0.0.1", "44:19:b6")
    with pytest.raises(Problem, match="is not an IP address"):
        scope.learn_mac("camera", "44:19:b6:00:00:05")


# --- selection ---


def test_only_selects_addresses_prefixes_and_zones():
    scope = scope_of(("wide", ["10.0.0.0/24"]), ("inner", ["10.0.0.128/30"]), exclude=["10.0.0.129"])
    narrowed = scope.only(["10.0.0.7", "10.0.0.16/31", "inner"])
    assert [permit.address for permit in narrowed.permits()] == [
        "10.0.0.7", "10.0.0.16", "10.0.0.17", "10.0.0.128", "10.0.0.130", "10.0.0.131",
    ]  # fmt: skip
    assert narrowed.size == scope.size == 256
    assert narrowed.contains("10.0.0.8")
    assert not narrowed.is_selected("10.0.0.8")
    assert narrowed.is_selected("10.0.0.7")
    assert scope.is_selected("10.0.0.8")
    assert not scope.is_selected("10.1.0.0")
    with pytest.raises(NotPermitted, match="was not selected with --only"):
        narrowed.permit("10.0.0.8")
    assert [permit.address for permit in narrowed.permits(narrowed.subnets()[1])] == [
        "10.0.0.128", "10.0.0.130", "10.0.0.131",
    ]  # fmt: skip


def test_a_zone_name_selects_what_the_zone_owns_only():
    scope = scope_of(("wide", ["10.0.0.0/24"]), ("inner", ["10.0.0.128/30"]))
    assert not scope.only(["wide"]).is_selected("10.0.0.129")
    assert sum(1 for _ in scope.only(["wide"]).permits()) == 252


def test_selecting_twice_narrows_and_selecting_nothing_changes_nothing():
    scope = scope_of(("a", ["10.0.0.0/24"]))
    twice = scope.only(["10.0.0.0/30"]).only(["10.0.0.2/31"])
    assert [permit.address for permit in twice.permits()] == ["10.0.0.2", "10.0.0.3"]
    assert scope.only([]) is scope


@pytest.mark.parametrize(
    ("selector", "words"),
    [
        ("ofice", "did you mean `office`? The zones are office"),
        ("10.0.0.5/24", "host bits set; write 10.0.0.0/24"),
        ("10.9.9.9", "lies outside the scope"),
        ("10.9.0.0/16", "lies outside the scope"),
        ("", "neither a zone nor an address"),
    ],
)
def test_a_wrong_selector_says_what_to_write(selector, words):
    with pytest.raises(UsageError) as error:
        scope_of(("office", ["10.0.0.0/24"])).only([selector])
    assert words in str(error.value)


# --- multicast ---


def test_multicast_is_permitted_on_a_link_that_holds_permitted_addresses():
    scope = scope_of(("a", ["10.0.0.0/24"]), exclude=["10.0.0.9"])
    permit = scope.multicast_permit("eth0", "10.0.0.200", ["10.0.0.200/16"])
    assert (permit.interface, permit.source) == ("eth0", "10.0.0.200")


@pytest.mark.parametrize(
    ("exclude", "only", "link", "words"),
    [
        ([], [], ["10.1.0.0/24"], "No permitted address of the scope lies on eth0"),
        ([], [], [], "No permitted address of the scope lies on eth0"),
        (["10.0.0.0/24"], [], ["10.0.0.0/24"], "No permitted address of the scope lies on eth0"),
        ([], ["10.0.1.0/24"], ["10.0.0.0/24"], "No permitted address of the scope lies on eth0"),
        (
            [Exclusion.parse("10.0.0.9", quiet=True)],
            [],
            ["10.0.0.1/24"],
            "10.0.0.9 must be left quiet and lies on eth0",
        ),
        (
            [Exclusion.parse("10.0.0.0-10.0.2.0", quiet=True)],
            [],
            ["10.0.1.0/24"],
            "must be left quiet and lies on eth0",
        ),
        (
            [Exclusion.parse("44:19:b6:00:00:05", quiet=True)],
            [],
            ["10.0.1.0/24"],
            "must be left quiet and may be on eth0",
        ),
    ],
)
def test_multicast_is_not_permitted(exclude, only, link, words):
    scope = scope_of(("a", ["10.0.0.0/23"]), exclude=exclude).only(only)
    with pytest.raises(NotPermitted) as error:
        scope.multicast_permit("eth0", "10.0.0.200", link)
    assert words in str(error.value)


def test_a_quiet_exclusion_on_another_link_stops_nothing_here():
    scope = scope_of(("a", ["10.0.0.0/23"]), exclude=[Exclusion.parse("10.0.0.9", quiet=True)])
    assert scope.multicast_permit("eth1", "10.0.1.200", ["10.0.1.0/24"]).interface == "eth1"
