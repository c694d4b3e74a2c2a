"""Every address ends in exactly one state, the counts add up, and the sentences say only what is true of the run."""

from __future__ import annotations

import re
import time
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.assess import Contacts, SubnetFacts, cover
from auditor.assess import wording as w
from auditor.model import CoverageState, Look, LookResult, Ports

PORTS = Ports()
HERE = "10.0.0.0/29"
INSIDE = [f"10.0.0.{last}" for last in range(8)]
ARP, SWEEP, MULTICAST, UNICAST = "arp", "sweep.connect", "wsd.multicast", "wsd.unicast"


def look(address, result, method=ARP, reason="r"):
    return Look(address, method, LookResult(result), reason)


def contacts(looks=(), **known):
    by_address = {}
    for one in looks:
        by_address.setdefault(one.address, []).append(one)
    defaults = {"identified": frozenset(), "answered": frozenset(), "stopped": {}, "not_attempted": {}}
    return Contacts(looks=by_address, **(defaults | known))


def covered(seen, *, subnets=None, excluded=(), **more):
    subnets = subnets or [SubnetFacts(HERE, "office", 8, INSIDE)]
    return cover(subnets, seen, excluded=lambda address: address in excluded, **({"ports": PORTS} | more))


def state_of(seen, address="10.0.0.1", **more):
    rows = {row[0]: row[1] for row in covered(seen, **more).by_address}
    return rows.get(address, CoverageState.SILENT)


@pytest.mark.parametrize(
    ("results", "known", "expected"),
    [
        (["silent"], {}, "silent"),
        (["answered"], {}, "answered-unidentified"),
        (["silent", "answered"], {}, "answered-unidentified"),
        (["silent"], {"answered": {"10.0.0.1"}}, "answered-unidentified"),
        (["answered"], {"identified": {"10.0.0.1"}}, "identified"),
        (["silent", "filtered"], {}, "filtered"),
        (["filtered", "unreachable"], {}, "filtered"),
        (["silent", "unreachable"], {}, "unreachable"),
        (["unreachable", "error"], {}, "unreachable"),
        (["silent", "error"], {}, "error"),
        (["filtered", "answered"], {}, "answered-unidentified"),
        (["silent", "not_attempted"], {}, "silent"),
        (["not_attempted"], {}, "not-attempted"),
        ([], {}, "not-attempted"),
        (["answered"], {"identified": {"10.0.0.1"}, "stopped": {"10.0.0.1": "S."}}, "stopped-for-safety"),
        (["answered"], {"stopped": {"10.0.0.1": "S."}, "not_attempted": {"10.0.0.1": "x"}}, "not-attempted"),
        (["answered"], {"identified": {"10.0.0.1"}, "not_attempted": {"10.0.0.1": "x"}}, "not-attempted"),
    ],
)
def test_the_first_state_that_holds_wins(results, known, expected):
    methods = [ARP, SWEEP]
    looks = [look("10.0.0.1", result, methods[place]) for place, result in enumerate(results)]
    assert state_of(contacts(looks, **known)).value == expected


def test_an_exclusion_beats_everything():
    seen = contacts([look("10.0.0.1", "answered")], identified={"10.0.0.1"}, stopped={"10.0.0.1": "S."})
    assert state_of(seen, excluded={"10.0.0.1"}) is CoverageState.EXCLUDED
    assert state_of(seen, excluded={"10.0.0.1"}, selected=lambda _: False) is CoverageState.EXCLUDED
    assert state_of(seen, selected=lambda _: False) is CoverageState.NOT_ATTEMPTED


def test_reasons_travel_with_the_address():
    looks = [look("10.0.0.1", "filtered", reason="admin-prohibited"), look("10.0.0.2", "answered", reason="arp-reply")]
    rows = covered(contacts(looks, stopped={"10.0.0.3": "It reset two connections."})).by_address
    assert ("10.0.0.1", CoverageState.FILTERED, "admin-prohibited") in rows
    assert ("10.0.0.2", CoverageState.ANSWERED_UNIDENTIFIED, "arp-reply") in rows
    assert ("10.0.0.3", CoverageState.STOPPED_FOR_SAFETY, "It reset two connections.") in rows
    assert ("10.0.0.0", CoverageState.NOT_ATTEMPTED, "no method looked at it") in rows


ADDRESS = st.sampled_from([f"10.0.{third}.{last}" for third in (0, 1) for last in range(8)])


@given(
    looks=st.lists(
        st.builds(look, ADDRESS, st.sampled_from(list(LookResult)), st.sampled_from([ARP, SWEEP, UNICAST])), max_size=60
    ),
    identified=st.sets(ADDRESS),
    answered=st.sets(ADDRESS),
    stopped=st.dictionaries(ADDRESS, st.just("S.")),
    not_attempted=st.dictionaries(ADDRESS, st.just("x")),
    excluded=st.sets(ADDRESS),
    selected=st.none() | st.sets(ADDRESS),
    canaries=st.lists(ADDRESS, max_size=3),
)
def test_the_states_add_up_to_the_scope(
    looks, identified, answered, stopped, not_attempted, excluded, selected, canaries
):
    subnets = [
        SubnetFacts("10.0.0.0/29", "office", 8, (f"10.0.0.{n}" for n in range(8))),
        SubnetFacts("10.0.1.0/29", "cctv", 8, (f"10.0.1.{n}" for n in range(8))),
    ]
    seen = contacts(looks, identified=identified, answered=answered, stopped=stopped, not_attempted=not_attempted)
    chosen = None if selected is None else selected.__contains__
    result = covered(seen, subnets=subnets, excluded=excluded, selected=chosen, canaries=canaries)
    assert result.scope_size == 16 == sum(result.states.values())
    assert set(result.states) == set(CoverageState)
    for subnet in result.by_subnet:
        assert sum(subnet.states.values()) == subnet.size == 8
    listed = [row[0] for row in result.by_address]
    assert len(listed) == len(set(listed)) == 16 - result.states[CoverageState.SILENT]
    assert result.states[CoverageState.EXCLUDED] == len(excluded)
    bad = ("unreachable", "not-attempted", "error", "stopped-for-safety")
    if any(result.states[CoverageState(name)] for name in bad):
        assert result.incomplete
    for sentence in (*result.hidden, *result.incomplete):
        assert sentence.endswith(".")
        assert not re.search(r"[{}]|\b(clean|safe|secure)\b", sentence)
    assert len(set(result.hidden)) == len(result.hidden)


def quiet_but_one():
    return [look(address, "silent") for address in INSIDE[1:]] + [look(INSIDE[0], "answered")]


def test_a_run_in_which_everything_was_asked_is_complete():
    assert covered(contacts(quiet_but_one())).incomplete == ()


@pytest.mark.parametrize(
    ("result", "template"),
    [("unreachable", "unreachable"), ("error", "error"), ("not_attempted", "not-attempted")],
)
def test_what_was_not_asked_makes_the_audit_incomplete(result, template):
    looks = [one for one in quiet_but_one() if one.address not in ("10.0.0.3", "10.0.0.4")]
    one = contacts([*looks, look("10.0.0.3", result), look("10.0.0.4", "silent")])
    two = contacts([*looks, look("10.0.0.3", result), look("10.0.0.4", result)])
    assert covered(one).incomplete == (w.INCOMPLETE_ONE[template].format(subnet=HERE),)
    assert covered(two).incomplete == (w.INCOMPLETE_MANY[template].format(subnet=HERE, count=2),)


def test_a_stopped_contact_makes_the_audit_incomplete():
    seen = contacts(quiet_but_one(), stopped={INSIDE[0]: "S."})
    assert covered(seen).incomplete == (w.INCOMPLETE_ONE["stopped-for-safety"].format(subnet=HERE),)


@pytest.mark.parametrize("result", ["filtered", "silent"])
def test_silence_and_filters_alone_do_not(result):
    looks = [*quiet_but_one()[:-1], look(INSIDE[0], "answered"), look("10.0.0.5", result, SWEEP)]
    assert covered(contacts(looks)).incomplete == ()


def test_a_canary_that_is_not_seen():
    missing = w.CANARY_NOT_SEEN.format(address="10.0.0.5")
    assert missing in covered(contacts(quiet_but_one()), canaries=["10.0.0.5"]).incomplete
    seen = contacts([*quiet_but_one(), look("10.0.0.5", "answered", SWEEP)])
    assert covered(seen, canaries=["10.0.0.5"]).incomplete == ()
    assert missing in covered(seen, canaries=["10.0.0.5"], excluded={"10.0.0.5"}).incomplete
    elsewhere = covered(contacts(quiet_but_one()), canaries=["10.9.9.9"]).incomplete
    assert w.CANARY_NOT_SEEN.format(address="10.9.9.9") in elsewhere


def test_a_canary_that_answered_before_an_interruption_was_seen():
    seen = contacts([*quiet_but_one(), look("10.0.0.5", "answered", SWEEP)], not_attempted={"10.0.0.5": "interrupted"})
    incomplete = covered(seen, canaries=["10.0.0.5"]).incomplete
    assert incomplete == (w.INCOMPLETE_ONE["not-attempted"].format(subnet=HERE),)


def test_a_whole_subnet_that_is_silent():
    silent = contacts([look(address, "silent") for address in INSIDE])
    nothing = w.SUBNET_UNANSWERED.format(subnet=HERE)
    assert covered(silent).incomplete == (nothing,)
    assert nothing not in covered(silent, canaries=["10.0.0.5"]).incomplete, "the missing canary is told instead"
    assert nothing not in covered(silent, selected=lambda _: False).incomplete, "nobody asked"
    filtered = contacts([look(address, "filtered") for address in INSIDE])
    assert covered(filtered).incomplete == (nothing,), "a firewall is not an answer of the subnet"
    assert covered(silent, excluded=set(INSIDE)).incomplete == ()


def test_a_subnet_that_answered_and_was_then_interrupted_is_not_called_silent():
    seen = contacts(quiet_but_one(), not_attempted={INSIDE[0]: "interrupted"})
    assert covered(seen).incomplete == (w.INCOMPLETE_ONE["not-attempted"].format(subnet=HERE),)


def test_hidden_sentences_hold_only_what_is_true_of_the_run():
    looks = quiet_but_one() + [look(address, "silent", MULTICAST) for address in INSIDE]
    full = covered(contacts(looks, identified={INSIDE[0]}), ipv6_prefixes=["2001:db8::/64"])
    assert full.hidden == (
        w.OTHER_NETWORKS,
        w.SWITCHED_OFF,
        w.BEHIND_ANOTHER,
        w.ONLY_THESE_PORTS.format(ports="80, 81, 88, 443, 554, 8000, 8080, 8443, 34567, 37777"),
        w.ONVIF_OFF,
        w.SILENT_MANY.format(count=7),
        w.IPV6_NOT_SWEPT.format(prefixes="2001:db8::/64"),
    )


def test_hidden_sentences_of_a_run_across_a_router():
    looks = [look(address, "silent", SWEEP) for address in INSIDE[1:]] + [look(INSIDE[0], "answered", SWEEP)]
    run = covered(contacts(looks), excluded={"10.0.0.7"}, outside_scope=1, dropped=3)
    assert w.NO_LAYER_2_ONE.format(subnets=HERE) in run.hidden
    assert w.NO_DISCOVERY_MESSAGE in run.hidden
    assert w.ONVIF_OFF not in run.hidden
    assert w.EXCLUDED_ONE in run.hidden
    assert w.UNIDENTIFIED_ONE in run.hidden
    assert w.OUTSIDE_ONE in run.hidden
    assert w.DROPPED_MANY.format(count=3) in run.hidden
    assert w.IPV6_NOT_DECLARED in run.hidden
    unicast = covered(contacts([*looks, look(INSIDE[0], "silent", UNICAST)]))
    assert w.NO_MULTICAST_ONE.format(subnets=HERE) in unicast.hidden
    assert w.ONVIF_OFF in unicast.hidden


def test_a_method_that_was_not_allowed_is_not_listed_as_used():
    looks = [*quiet_but_one(), look("10.0.0.2", "not_attempted", MULTICAST, "not authorised")]
    assert covered(contacts(looks)).by_subnet[0].methods == (ARP,)


def test_a_wide_exclusion_is_counted_and_not_listed():
    addresses = [str(address) for address in ip_network("10.1.0.0/24")]
    subnets = [SubnetFacts("10.1.0.0/24", "guest", 256, addresses)]
    wide = covered(contacts(), subnets=subnets, excluded=set(addresses[:65]))
    assert wide.states[CoverageState.EXCLUDED] == 65
    assert not [row for row in wide.by_address if row[1] is CoverageState.EXCLUDED]
    narrow = covered(contacts(), subnets=subnets, excluded=set(addresses[:64]))
    assert len([row for row in narrow.by_address if row[1] is CoverageState.EXCLUDED]) == 64


def test_a_wrong_sum_is_never_printed():
    with pytest.raises(ValueError, match="has 9 addresses and yielded 8"):
        covered(contacts(), subnets=[SubnetFacts(HERE, "office", 9, INSIDE)])
    with pytest.raises(ValueError, match="stands in two subnets"):
        covered(contacts(), subnets=[SubnetFacts(HERE, "office", 8, INSIDE), SubnetFacts(HERE, "office", 8, INSIDE)])


def test_a_16_takes_less_than_two_seconds():
    first = int(ip_address("10.2.0.0"))
    addresses = [str(ip_address(first + number)) for number in range(65536)]
    seen = contacts([look(address, "silent", method) for address in addresses for method in (ARP, SWEEP)])
    started = time.process_time()
    result = covered(seen, subnets=[SubnetFacts("10.2.0.0/16", "office", 65536, addresses)], excluded={"10.2.0.9"})
    assert time.process_time() - started < 2
    assert result.states[CoverageState.SILENT] == 65535


def test_a_defect_of_the_auditor_is_an_error_and_not_an_answer():
    contacts = Contacts(
        looks={"10.0.0.1": [Look("10.0.0.1", "arp", LookResult.ANSWERED, "arp-reply")]}, identified={"10.0.0.1"},
        answered={"10.0.0.1"}, stopped={}, not_attempted={}, failed={"10.0.0.1": "internal error"},
    )  # fmt: skip
    coverage = cover(
        [SubnetFacts("10.0.0.1/32", "a", 1, ["10.0.0.1"])], contacts, excluded=lambda _: False, ports=Ports()
    )
    assert coverage.states[CoverageState.ERROR] == 1
    assert coverage.incomplete


def test_an_answer_from_this_machine_itself_is_no_answer_of_the_subnet():
    looks = {
        "10.0.0.0": [Look("10.0.0.0", "route", LookResult.ANSWERED, "this-machine")],
        "10.0.0.1": [Look("10.0.0.1", "arp", LookResult.SILENT, "no-response")],
    }
    contacts = Contacts(looks=looks, identified=set(), answered=set(), stopped={}, not_attempted={})
    facts = [SubnetFacts("10.0.0.0/31", "a", 2, ["10.0.0.0", "10.0.0.1"])]
    coverage = cover(facts, contacts, excluded=lambda _: False, ports=Ports())
    assert any("10.0.0.0/31" in sentence for sentence in coverage.incomplete)


def test_the_address_of_this_machine_is_said_once_and_hides_no_camera():
    own = look("10.0.0.2", "answered", "route", "this-machine")
    hidden = covered(contacts([look(address, "silent") for address in INSIDE if address != "10.0.0.2"] + [own])).hidden
    assert [sentence for sentence in hidden if "made this audit" in sentence] == [w.THIS_MACHINE_ONE]
    assert not any("without showing what" in sentence for sentence in hidden)
    beside = covered(contacts([look("10.0.0.1", "answered"), own])).hidden
    assert w.UNIDENTIFIED_ONE in beside
    assert w.THIS_MACHINE_ONE in beside
    two = covered(contacts([own, look("10.0.0.3", "answered", "route", "this-machine")])).hidden
    assert w.THIS_MACHINE_MANY.format(count="2") in two
    known = covered(contacts([own], identified={"10.0.0.2"})).hidden
    assert not any("made this audit" in sentence for sentence in known)
