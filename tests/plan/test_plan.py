"""The plan: every flagged device in one wave, in an order that can be walked, with orders that can be carried out."""

from __future__ import annotations

import dataclasses
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model import (
    Conflict,
    Decision,
    Device,
    Finding,
    Force,
    Identity,
    Kind,
    Location,
    Sensitivity,
    Site,
    Verdict,
    ZoneRole,
)
from auditor.plan import make_plan, wording
from auditor.plan.waves import CONTAIN, CORE, REST, wave_of

TODAY = date(2026, 11, 21)
SITE = Site("Ministry HQ", Sensitivity.SENSITIVE, (), ())
MAC = "44:19:b6:00:00:05"
REMOVE, DISCONNECT = Decision.REMOVE, Decision.DISCONNECT


def finding(decision, deadline=None, rule="p.rule"):
    return Finding("p", rule, decision, Force.LAW, "S.", deadline)


def device(address="10.0.0.5", *decisions, role=ZoneRole.CORE, kind=Kind.CAMERA, place=None, mac=MAC, deadline=None,
           verdict=Verdict.CONFIRMED, **identity):  # fmt: skip
    findings = tuple(finding(decision, deadline) for decision in decisions)
    return Device(
        f"addr-{address.replace('.', '-')}", (address,), mac, "zone", role, place,
        Identity(address, maker="Hikvision", kind=kind, verdict=verdict, **identity),
        findings=findings, flagged=any(one in (REMOVE, DISCONNECT) for one in decisions),
        to_check=verdict is Verdict.POSSIBLE,
    )  # fmt: skip


def order_for(unit, **site):
    (wave,) = make_plan([unit], Site("S", Sensitivity.STANDARD, (), (), **site), TODAY).waves
    (order,) = wave.orders
    return order


def said(template, **parameters):
    return template.format(**parameters)


def addresses(wave):
    return [order.device.removeprefix("addr-").replace("-", ".") for order in wave.orders]


@pytest.mark.parametrize(
    ("decisions", "role", "wave"),
    [
        ((DISCONNECT,), "core", CONTAIN),
        ((DISCONNECT, Decision.ASSESS), "core", CONTAIN),
        ((DISCONNECT,), "isolated", CONTAIN),
        ((REMOVE,), "core", CORE),
        ((REMOVE, DISCONNECT), "core", CORE),
        ((REMOVE,), "unknown", CORE),
        ((REMOVE,), "isolated", REST),
        ((REMOVE,), "guest", REST),
        ((REMOVE,), "management", REST),
        ((REMOVE, Decision.MONITOR), "isolated", REST),
    ],
)
def test_the_wave_of_a_device(decisions, role, wave):
    unit = device("10.0.0.5", *decisions, role=ZoneRole(role))
    assert wave_of(unit) == wave
    plan = make_plan([unit], SITE, TODAY)
    assert [one.number for one in plan.waves] == [wave]
    assert plan.waves[0].name == ("Contain now", "Remove from the core network", "Remove the rest")[wave]


PLACES = st.builds(
    Location,
    building=st.sampled_from(["", "A", "B"]),
    floor=st.sampled_from(["", "2", "10"]),
    switch=st.sampled_from(["", "sw1", "sw2"]),
    room=st.sampled_from(["", "2.14"]),
)


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(list(Decision)), max_size=3),
            st.sampled_from(list(ZoneRole)),
            st.sampled_from(list(Kind)),
            st.sampled_from(list(Verdict)),
            st.none() | PLACES,
            st.sampled_from([None, MAC]),
            st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1)),
        ),
        max_size=12,
    )
)
def test_every_flagged_device_in_one_wave_every_doubtful_one_in_the_list_and_nothing_else(drawn):
    devices = [
        device(
            f"10.0.0.{n}", *decisions, role=role, kind=kind, verdict=verdict, place=place, mac=mac, deadline=deadline
        )
        for n, (decisions, role, kind, verdict, place, mac, deadline) in enumerate(drawn)
    ]
    plan = make_plan(devices, SITE, TODAY)
    orders = [order for wave in plan.waves for order in wave.orders]
    assert sorted(order.device for order in orders) == sorted(unit.id for unit in devices if unit.flagged)
    assert sorted(name for name, _ in plan.to_check) == sorted(unit.id for unit in devices if unit.to_check)
    assert [order.id for order in orders] == [f"WO-{n:04d}" for n in range(1, len(orders) + 1)]
    assert [wave.number for wave in plan.waves] == sorted({wave.number for wave in plan.waves})
    for wave in plan.waves:
        assert wave.orders
        assert all(order.wave == wave.number for order in wave.orders)
    by_id = {unit.id: unit for unit in devices}
    for order in orders:
        demanded = [one for one in by_id[order.device].findings if one.decision in (REMOVE, DISCONNECT)]
        assert order.decision is min((one.decision for one in demanded), key=list(Decision).index)
        assert order.reasons == tuple(one.rule for one in demanded)
        for sentence in (*order.find, *order.steps, *order.rollback):
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert not re.search(r"[{}\n]|\b(clean|safe|secure)\b", sentence)
        assert len(set(order.steps)) == len(order.steps)
    shuffled = make_plan(list(reversed(devices)), SITE, TODAY)
    assert shuffled == plan, "the order of the devices does not matter"


@given(st.lists(st.tuples(st.none() | PLACES, st.none() | st.dates()), min_size=2, max_size=14))
def test_a_place_is_visited_once(drawn):
    devices = [device(f"10.0.0.{n}", REMOVE, place=place, deadline=day) for n, (place, day) in enumerate(drawn)]
    (wave,) = make_plan(devices, SITE, TODAY).waves
    by_id = {unit.id: unit.location or Location() for unit in devices}
    walked = [(by_id[o.device].building, by_id[o.device].floor, by_id[o.device].switch) for o in wave.orders]
    visits = [place for n, place in enumerate(walked) if n == 0 or walked[n - 1] != place]
    assert len(visits) == len(set(visits))


def test_the_order_within_a_wave():
    def at(address, building, floor, switch="s", room="", **more):
        return device(address, REMOVE, place=Location(building, floor, room, "", switch), **more)

    devices = [
        device("10.0.0.1", REMOVE, place=None),
        at("10.0.0.2", "B", "1"),
        at("10.0.0.3", "A", "10"),
        at("10.0.0.4", "A", "2", room="2.14"),
        at("10.0.0.5", "A", "2", room="2.3"),
        at("10.0.0.6", "A", "2", room="2.1", kind=Kind.RECORDER),
        at("10.0.0.7", "C", "1", deadline=date(2026, 12, 1)),
        at("10.0.0.8", "D", "1", deadline=date(2026, 11, 30)),
    ]
    (wave,) = make_plan(devices, SITE, TODAY).waves
    assert addresses(wave) == [
        "10.0.0.8", "10.0.0.7",  # the places with a deadline, the earliest first
        "10.0.0.5", "10.0.0.4", "10.0.0.6",  # A, floor 2 before 10, room 2.3 before 2.14, the recorder last
        "10.0.0.3", "10.0.0.2", "10.0.0.1",  # what has no place comes last
    ]  # fmt: skip


def test_a_unit_with_a_place_is_found_there():
    place = Location("North wing", "2", "2.14", "ceiling above the door", "sw-b", "7", "30")
    order = order_for(device("10.0.0.5", REMOVE, place=place, model="DS-2CD2143", serial="DS-2CD2143E12345678"))
    assert order.find == (
        said(wording.BUILDING, building="North wing"),
        said(wording.FLOOR, floor="2"),
        said(wording.ROOM, room="2.14"),
        said(wording.MOUNTING, mounting="ceiling above the door"),
        said(wording.SWITCH_AND_PORT, switch="sw-b", port="7"),
        said(wording.VLAN, vlan="30"),
        said(wording.ADDRESS, addresses="10.0.0.5"),
        said(wording.LABEL_MAC, mac=MAC),
        said(wording.LABEL_MAKER, maker="Hikvision"),
        said(wording.LABEL_MODEL, model="DS-2CD2143"),
        said(wording.LABEL_SERIAL, tail="345678"),
        wording.LABEL_DIFFERS,
    )
    assert "DS-2CD2143E12345678" not in " ".join(order.find), "the whole serial number is nobody's business"
    assert said(wording.CONTAIN_PORT, port="7", switch="sw-b") in order.steps


def test_a_rebranded_unit_carries_another_name():
    order = order_for(device("10.0.0.5", REMOVE, brand="LTS", rebrand=True))
    assert said(wording.LABEL_BRAND, brand="LTS", maker="Hikvision") in order.find
    assert wording.LABEL_NOTHING in order.find


def test_the_day_of_manufacture_helps_to_find_the_unit():
    order = order_for(device("10.0.0.5", REMOVE, serial="E33842150", manufactured="2020-04-14"))
    in_order(
        order.find,
        said(wording.LABEL_SERIAL, tail="842150"),
        "By the form of its serial number, the unit was made on 2020-04-14.",
    )
    assert not [step for step in order_for(device("10.0.0.5", REMOVE)).find if "was made on" in step]


LIKE = (wording.LIKE_MEGAPIXELS, wording.LIKE_CHANNELS, *wording.LIKE_LENS.values(), *wording.LIKE_FUNCTIONS.values())


def test_the_replacement_of_a_camera_matches_what_its_name_says():
    known = {"megapixels": 8.0, "lens": "motorised-zoom", "functions": ("anpr", "wifi")}
    steps = order_for(device("10.0.0.5", REMOVE, **known)).steps
    in_order(
        steps, wording.NOTE_SETTINGS, said(wording.LIKE_MEGAPIXELS, megapixels="8"), wording.LIKE_LENS["motorised-zoom"],
        wording.LIKE_FUNCTIONS["anpr"], wording.LIKE_FUNCTIONS["wifi"], wording.REPLACE_VIEW, wording.UNPLUG,
    )  # fmt: skip
    assert (
        said(wording.LIKE_MEGAPIXELS, megapixels="1.3") in order_for(device("10.0.0.5", REMOVE, megapixels=1.3)).steps
    )


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_is_asked_of_a_replacement_that_nothing_says(kind):
    steps = order_for(device("10.0.0.5", REMOVE, kind=kind)).steps
    assert not [step for step in steps if step.startswith(("The model name", "The number of cameras"))]
    assert not set(LIKE) & set(steps)


def test_the_replacement_of_a_recorder_has_its_channels():
    steps = order_for(device("10.0.0.5", REMOVE, kind=Kind.RECORDER, channels=16)).steps
    in_order(steps, wording.RECORDER_ISOLATE, said(wording.LIKE_CHANNELS, channels=16), wording.RECORDER_REPLACEMENT)


def test_a_terminal_that_measures_temperatures_says_so():
    steps = order_for(device("10.0.0.5", REMOVE, kind=Kind.ACCESS_TERMINAL, functions=("body-temperature",))).steps
    in_order(steps, wording.DOOR_TEST, wording.LIKE_FUNCTIONS["body-temperature"], wording.DOOR_DATA, wording.UNPLUG)


def test_a_word_of_newer_data_is_shown_as_it_stands():
    steps = order_for(device("10.0.0.5", REMOVE, lens="liq\nuid", functions=("hovering",))).steps
    assert said(wording.LIKE_WORD, word="liq\\x0auid") in steps
    assert said(wording.LIKE_WORD, word="hovering") in steps


def test_what_stays_needs_no_replacement():
    steps = order_for(device("10.0.0.5", DISCONNECT, megapixels=8.0, lens="fixed")).steps
    assert not set(LIKE) & set(steps)
    assert not [step for step in steps if "megapixels" in step]


def test_a_unit_without_a_place_is_found_by_its_mac():
    order = order_for(device("10.0.0.5", REMOVE))
    assert wording.PLACE_NOT_RECORDED in order.find
    assert said(wording.PLACE_BY_MAC, mac=MAC) in order.find
    assert said(wording.PLACE_BY_LEASE, address="10.0.0.5") in order.find
    assert said(wording.FIND_FIRST, address="10.0.0.5") not in order.steps


@pytest.mark.parametrize("decision", [REMOVE, DISCONNECT])
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("place", [None, Location(building="A", floor="2", room="2.14")])
def test_nobody_touches_a_unit_that_nobody_can_point_at(decision, kind, place):
    unit = device("10.0.0.5", decision, kind=kind, mac=None, place=place)
    order = order_for(unit)
    assert order.steps[0] == said(wording.FIND_FIRST, address="10.0.0.5")
    assert said(wording.PLACE_BY_ADDRESS, address="10.0.0.5") in order.find
    assert wording.LABEL_PROVES_NOTHING in order.find
    by_switch = order_for(device("10.0.0.5", decision, kind=kind, mac=None, place=Location(switch="sw-b", port="7")))
    assert said(wording.FIND_FIRST, address="10.0.0.5") not in by_switch.steps


def test_device_text_is_made_visible():
    order = order_for(device("10.0.0.5", REMOVE, brand="X\u202eY", rebrand=True, model="A\nB", serial="12\x1b34"))
    text = " ".join(order.find)
    assert "X\\u202eY" in text
    assert "A\\x0aB" in text
    assert "\\x1b" in text
    assert text.isprintable()


def in_order(steps, *expected):
    places = [steps.index(step) for step in expected]
    assert places == sorted(places), [steps[place] for place in sorted(places)]


def test_a_camera_on_the_core_network():
    steps = order_for(device("10.0.0.5", REMOVE)).steps
    in_order(
        steps, wording.TELL_OWNER, wording.CONTAIN_UNIT, wording.MAY_BLOCK, wording.CHECK_LABEL, wording.PHOTOGRAPH,
        wording.NOTE_SETTINGS, wording.REPLACE_VIEW, wording.UNPLUG, wording.MEMORY_CARD,
        said(wording.MARK_UNIT, order="WO-0001"), said(wording.VERIFY_REMOVED, address="10.0.0.5"),
    )  # fmt: skip


@pytest.mark.parametrize("role", ["isolated", "guest", "management"])
def test_away_from_the_core_network_nothing_has_to_be_contained_first(role):
    order = order_for(device("10.0.0.5", REMOVE, role=ZoneRole(role)))
    assert wording.CONTAIN_UNIT not in order.steps
    assert wording.BACK_CONTAINED not in order.rollback


def test_a_recorder_keeps_its_recordings():
    order = order_for(device("10.0.0.5", REMOVE, kind=Kind.RECORDER))
    in_order(
        order.steps, wording.CONTAIN_UNIT, wording.MOVE_TOGETHER_RECORDER, wording.RECORDER_HOLD,
        wording.RECORDER_EXPORT, wording.RECORDER_ISOLATE, wording.RECORDER_REPLACEMENT,
        wording.RECORDER_CAMERAS_FIRST, wording.RECORDER_RETENTION, wording.UNPLUG, wording.RECORDER_SANITISE,
        wording.RECORDER_RECORD, said(wording.MARK_UNIT, order="WO-0001"),
    )  # fmt: skip
    assert wording.MAY_BLOCK not in order.steps, "a blocked recorder records nothing"
    assert wording.BACK_NOT_AFTER_SANITISING in order.rollback


@pytest.mark.parametrize("kind", [Kind.ACCESS_TERMINAL, Kind.INTERCOM])
@pytest.mark.parametrize("decision", [REMOVE, DISCONNECT])
def test_a_door_is_tested_before_anything_is_cut(kind, decision):
    order = order_for(device("10.0.0.5", decision, kind=kind))
    assert order.steps[1:3] == (wording.DOOR_TEST, wording.DOOR_OTHER_WAY)
    assert wording.BACK_DOOR in order.rollback
    if decision is REMOVE:
        in_order(order.steps, wording.DOOR_TEST, wording.CONTAIN_UNIT, wording.UNPLUG, wording.DOOR_AFTER)
    else:
        assert wording.CHECK_DOOR_WORKS in order.steps


@pytest.mark.parametrize(
    ("kind", "first"),
    [(Kind.THERMAL, wording.THERMAL_PROCEDURE), (Kind.SCANNER, wording.SCANNER_PROCEDURE)],
)
@pytest.mark.parametrize("decision", [REMOVE, DISCONNECT])
def test_screening_goes_on_in_another_way(kind, first, decision):
    steps = order_for(device("10.0.0.5", decision, kind=kind)).steps
    assert steps[1] == first


def test_software_is_not_pulled_from_the_wall():
    steps = order_for(device("10.0.0.5", REMOVE, kind=Kind.MANAGEMENT_PLATFORM)).steps
    assert wording.UNPLUG not in steps
    in_order(steps, wording.PLATFORM_INVENTORY, wording.PLATFORM_NOT_PULLED, wording.PLATFORM_DISKS)


def test_an_unknown_kind_is_looked_at_first():
    steps = order_for(device("10.0.0.5", REMOVE, kind=Kind.UNKNOWN)).steps
    in_order(steps, wording.IDENTIFY_KIND, wording.REPLACE_VIEW, wording.UNPLUG)


@pytest.mark.parametrize("kind", list(Kind))
def test_disconnecting_leaves_the_unit_where_it_hangs(kind):
    order = order_for(device("10.0.0.5", DISCONNECT, kind=kind))
    assert order.decision is DISCONNECT
    assert order.steps[-1] == wording.STAYS
    assert wording.UNPLUG not in order.steps
    in_order(order.steps, wording.RECORD_VLAN_UNIT, wording.MOVE_PORT)
    assert wording.BACK_CONTAINED in order.rollback


def test_the_contacts_are_told():
    order = order_for(device("10.0.0.5", REMOVE), contacts=(("before", "control room"),))
    assert order.steps[0] == wording.TELL_PEOPLE


@pytest.mark.parametrize(
    ("deadline", "overdue"), [(None, False), (TODAY, False), (date(2026, 11, 20), True), (date(2027, 1, 1), False)]
)
def test_a_deadline_is_the_last_day(deadline, overdue):
    order = order_for(device("10.0.0.5", REMOVE, deadline=deadline))
    assert order.deadline == deadline
    told = [step for step in order.steps if deadline is not None and step == said(wording.OVERDUE, deadline=deadline)]
    assert bool(told) is overdue


def test_the_earliest_deadline_counts_and_only_of_what_is_demanded():
    unit = device("10.0.0.5", REMOVE)
    findings = (
        finding(REMOVE, date(2027, 2, 1)),
        finding(DISCONNECT, date(2027, 1, 1)),
        finding(Decision.ASSESS, date(2026, 12, 1)),
    )
    order = order_for(Device(**{f: getattr(unit, f) for f in unit.__slots__} | {"findings": findings}))
    assert order.deadline == date(2027, 1, 1)


def test_the_list_to_check_says_why():
    units = [device("10.0.0.20", verdict=Verdict.POSSIBLE), device("10.0.0.3", verdict=Verdict.POSSIBLE)]
    plan = make_plan(units, SITE, TODAY)
    assert plan.waves == ()
    assert plan.to_check == (
        ("addr-10-0-0-3", said(wording.TO_CHECK_MAKER, maker="Hikvision", addresses="10.0.0.3")),
        ("addr-10-0-0-20", said(wording.TO_CHECK_MAKER, maker="Hikvision", addresses="10.0.0.20")),
    )


def test_every_kind_has_a_title():
    for decision in (REMOVE, DISCONNECT):
        assert set(wording.TITLES[decision]) == set(Kind)


def test_a_unit_whose_evidence_names_two_makers_is_listed_with_both():
    conflicts = (
        Conflict("kind", ("camera", "ptz"), ("a", "b"), "S."),
        Conflict("maker", ("Hikvision", "Da\nhua"), ("a", "b"), "S."),
        Conflict("maker", ("Hikvision", "not Hikvision"), ("a", "b"), "S."),
    )
    rival = dataclasses.replace(device("10.0.0.5", REMOVE, conflicts=conflicts), to_check=True)
    plan = make_plan([rival], SITE, TODAY)
    why = (
        "The evidence on the unit at 10.0.0.5 names more than one maker (Hikvision, Da\\x0ahua): look at its label before "
        "anything is decided."
    )
    assert plan.to_check == ((rival.id, why),)
    assert [order.device for wave in plan.waves for order in wave.orders] == [rival.id], "it keeps its work order"
    denied = device("10.0.0.6", verdict=Verdict.POSSIBLE, conflicts=conflicts[2:])
    ((_, why),) = make_plan([denied], SITE, TODAY).to_check
    assert why == said(wording.TO_CHECK_MAKER, maker="Hikvision", addresses="10.0.0.6")


def test_nobody_is_sent_to_the_address_in_front_of_a_unit():
    unit = dataclasses.replace(device("10.0.0.5", REMOVE), mac=None, behind="It stands behind it.")
    (order,) = make_plan([unit], SITE, TODAY).waves[0].orders
    assert "It stands behind it." in order.find
    assert wording.THROUGH_ADDRESS.format(addresses="10.0.0.5") in order.find
    assert wording.PLACE_BEHIND.format(address="10.0.0.5") in order.find
    assert wording.ADDRESS.format(addresses="10.0.0.5") not in order.find
    assert wording.PLACE_BY_ADDRESS.format(address="10.0.0.5") not in order.find
