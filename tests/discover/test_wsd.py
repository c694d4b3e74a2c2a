"""WS-Discovery: what is asked, whose answer it is, and that nothing in it is followed."""

from __future__ import annotations

import re

import pytest
from lxml import etree

from auditor.common import xmlsafe
from auditor.discover import base, wsd
from auditor.model import GENTLE, Look, LookResult, Ports, Sighting, Status
from auditor.site import Exclusion
from tests.discover.wires import NEAR, context, scope_of

pytestmark = pytest.mark.netns
ONE, TWO, FAR_ONE = "10.91.0.33", "10.91.0.34", "10.92.0.7"


def probed(wires, ctx, live=()):
    async def run():
        async with ctx.network:
            await base.survey(ctx)
            for address in live:
                ctx.sighted(address, "arp")
            return [item async for item in wsd.run(ctx)]

    found = wires.scanner(run)
    return [i for i in found if isinstance(i, Sighting)], [i for i in found if isinstance(i, Look)]


@pytest.mark.parametrize("form", range(len(wsd.FORMS)))
def test_a_probe_is_one_line_of_well_formed_soap(form):
    probe = wsd.probe_message(form)
    assert b"\n" not in probe.payload
    assert b"\r" not in probe.payload
    root = xmlsafe.parse(probe.payload)
    spaces = {
        "s": "http://www.w3.org/2003/05/soap-envelope", "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
        "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
    }  # fmt: skip
    assert root.findtext("s:Header/a:MessageID", namespaces=spaces) == f"urn:uuid:{probe.message_id}"
    assert root.findtext("s:Header/a:Action", namespaces=spaces) == spaces["d"] + "/Probe"
    assert root.findtext("s:Header/a:To", namespaces=spaces) == "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
    types = root.find("s:Body/d:Probe/d:Types", namespaces=spaces)
    if wsd.FORMS[form][2]:
        prefix, name = types.text.split(":")
        assert types.nsmap[prefix] == {
            "NetworkVideoTransmitter": "http://www.onvif.org/ver10/network/wsdl",
            "Device": "http://www.onvif.org/ver10/device/wsdl",
        }[name]  # fmt: skip
    else:
        assert types is None


def test_every_probe_has_a_new_message_id():
    assert len({wsd.probe_message(0).message_id for _ in range(50)}) == 50


def test_multicast_answers_become_sightings_with_the_raw_answer(wires):
    near = wires.devices(wires.near)
    near.arp("n0", [ONE, TWO])
    near.wsd("n0", [ONE, TWO], body=b"<ProbeMatch><XAddrs>http://10.99.0.1/onvif</XAddrs></ProbeMatch>")
    tap, ctx = wires.tap(), context(scope_of("10.91.0.32/29"))
    sightings, looks = probed(wires, ctx)
    assert {item.address for item in sightings} == {ONE, TWO}
    # Three forms, each sent twice; the second answer to the same message says nothing new.
    assert len(sightings) == 6
    outcome = sightings[0].outcome
    assert (outcome.probe, outcome.port, outcome.status, outcome.vantage) == ("wsd", 3702, Status.ANSWERED, "test")
    assert outcome.device == sightings[0].address
    assert b"10.99.0.1" in outcome.raw
    assert {item.outcome.request for item in sightings} == {
        "Probe NetworkVideoTransmitter", "Probe Device", "Probe any type",
    }  # fmt: skip
    assert {item.interface for item in sightings} == {"s0"}
    assert {(look.method, look.result) for look in looks} == {("wsd.multicast", LookResult.ANSWERED)}
    sent = [frame for frame in tap.frames() if frame.kind == "0800"]
    assert [frame.to for frame in sent] == ["239.255.255.250"] * 6, "no address inside an answer is ever followed"


def test_a_unit_that_knows_one_form_only_is_found(wires):
    near = wires.devices(wires.near)
    near.arp("n0", [ONE])
    near.wsd("n0", [ONE], only=b"tds:Device")
    sightings, _ = probed(wires, context(scope_of("10.91.0.32/29")))
    assert [item.outcome.request for item in sightings] == ["Probe Device"]


def test_answers_of_excluded_and_foreign_addresses_are_counted_and_not_kept(wires):
    near = wires.devices(wires.near)
    near.arp("n0", [ONE, TWO, "10.91.0.45"])
    near.wsd("n0", [ONE, TWO, "10.91.0.45"])
    tap, ctx = wires.tap(), context(scope_of("10.91.0.32/29", exclude=[Exclusion.parse(TWO)]))
    sightings, _ = probed(wires, ctx)
    assert {item.address for item in sightings} == {ONE}
    assert ctx.network.counters.outside_scope == 12
    assert [frame for frame in tap.to(TWO) if frame.kind == "0800"] == []
    assert [frame for frame in tap.to(TWO) if frame.arp_op == 1] == []


def test_a_quiet_exclusion_silences_its_link(wires):
    tap, ctx = wires.tap(), context(scope_of(NEAR, exclude=[Exclusion.parse(TWO, quiet=True)]))
    probed(wires, ctx)
    assert tap.frames() == []
    assert any("quiet" in limit for limit in ctx.limits)


def test_links_without_an_address_of_the_scope_hear_nothing_and_are_not_mentioned(wires):
    tap, ctx = wires.tap(), context(scope_of("10.92.0.0/29"))
    probed(wires, ctx)
    assert tap.frames() == []
    assert ctx.limits == []


def test_live_addresses_without_an_answer_are_asked_one_by_one(wires):
    far = wires.devices(wires.far)
    far.wsd("f0", [FAR_ONE])
    far.udp_sink(3702, "10.92.0.8")
    ctx = context(scope_of("10.92.0.0/28"))
    sightings, looks = probed(wires, ctx, live=[FAR_ONE, "10.92.0.8"])
    assert [(item.address, item.method) for item in sightings] == [(FAR_ONE, "wsd.unicast")]
    assert {(look.address, look.result, look.reason) for look in looks} == {
        (FAR_ONE, LookResult.ANSWERED, "probe-match"), ("10.92.0.8", LookResult.SILENT, "no-response"),
    }  # fmt: skip
    assert len(far.heard[FAR_ONE]) == 1
    assert [re.findall(rb"<d:Types>(.*?)</d:Types>", message) for message in far.heard["10.92.0.8"]] == [
        [b"dn:NetworkVideoTransmitter"], [b"tds:Device"], [],
    ]  # fmt: skip


def test_who_answered_multicast_is_not_asked_again(wires):
    near = wires.devices(wires.near)
    near.arp("n0", [ONE])
    near.wsd("n0", [ONE])
    ctx = context(scope_of("10.91.0.32/29"))
    probed(wires, ctx, live=[ONE])
    assert ONE not in near.heard


def test_an_excluded_live_address_is_not_asked(wires):
    scope = scope_of("10.92.0.0/28", exclude=[Exclusion.parse("02:00:00:00:00:aa")])
    tap, ctx = wires.tap(), context(scope)
    scope.learn_mac(FAR_ONE, "02:00:00:00:00:aa")
    assert probed(wires, ctx, live=[FAR_ONE]) == ([], [])
    assert tap.frames() == []


def test_one_source_with_endless_identities_is_cut(wires):
    near = wires.devices(wires.near)
    near.arp("n0", [ONE])
    near.wsd("n0", [ONE], copies=60, mangle=lambda number, data: data + b"<Address>%d</Address>" % number)
    ctx = context(scope_of("10.91.0.32/29"))
    sightings, _ = probed(wires, ctx)
    assert len(sightings) == 32
    assert ctx.network.counters.over_limit > 0


def test_without_leave_for_wsd_nothing_is_sent(wires):
    tap, ctx = wires.tap(), context(scope_of(NEAR), methods=("arp",))
    assert probed(wires, ctx, live=[ONE]) == ([], [])
    assert tap.frames() == []
    assert any("not among the authorised methods" in limit for limit in ctx.limits)


def test_garbage_as_an_answer_is_kept_raw(wires):
    near = wires.devices(wires.near)
    near.arp("n0", [ONE])
    near.wsd("n0", [ONE], mangle=lambda *_: b"\xff\x00<<<")
    sightings, _ = probed(wires, context(scope_of("10.91.0.32/29")))
    assert [item.outcome.raw for item in sightings] == [b"\xff\x00<<<"]
    with pytest.raises(etree.XMLSyntaxError):
        etree.XML(sightings[0].outcome.raw)


def test_the_port_is_the_sites_own(wires):
    far = wires.devices(wires.far)
    far.udp_sink(3703, FAR_ONE)
    probed(wires, context(scope_of("10.92.0.0/28"), GENTLE, Ports(wsd=3703)), live=[FAR_ONE])
    assert len(far.heard[FAR_ONE]) == 3
