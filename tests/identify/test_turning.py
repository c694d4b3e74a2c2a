"""Which witness a verdict turns on."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.identify import identify, identity
from auditor.identify.selftest import observations_of
from auditor.identify.turning import Outcome, Witness, decisive
from auditor.model import Observation, Verdict

A, B, C = Witness("web", (("web", (80,)),)), Witness("rtsp", (("rtsp", (554,)),)), Witness("mac", (("mac", ()),))
NOW = Outcome("Hikvision", Verdict.CONFIRMED)


def weigh(weights, steps):
    """Return a function that sums what is left of the weights and gives the first step that the sum reaches."""

    def without(fallen):
        left = sum(weight for name, weight in weights.items() if name not in fallen)
        return next((said for least, said in steps if left >= least), Outcome(None, Verdict.UNIDENTIFIED))

    return without


def test_the_gravest_loss_comes_first_and_another_maker_is_graver_than_less_certainty():
    said = {"web": Outcome("Axis", Verdict.PROBABLE), "rtsp": Outcome("Hikvision", Verdict.POSSIBLE), "mac": NOW}

    def without(fallen):
        return said[next(iter(fallen))]

    single, least = decisive((A, B, C), NOW, without)
    assert single == ((A, said["web"]), (B, said["rtsp"]))
    assert least == 1


def test_where_no_loss_alone_matters_the_smallest_number_that_does_is_counted():
    steps = [(5, NOW), (3, Outcome("Hikvision", Verdict.PROBABLE))]
    assert decisive((A, B, C), NOW, weigh({"web": 5, "rtsp": 5, "mac": 1}, steps)) == ((), 2)
    assert decisive((A, B, C), NOW, weigh({"web": 5, "rtsp": 5, "mac": 5}, steps)) == ((), 3)


def test_nothing_changes_where_not_even_the_loss_of_all_does():
    assert decisive((A, B), NOW, lambda _fallen: NOW) == ((), 0)


# --- held against the product itself ---
MAKERS = ("Hikvision", "Dahua", "Axis", "Bosch", "Avtech", "TRENDnet", "Panasonic", "Hanwha")


def published(rules):
    """Return every published answer of the rules that speak for or against one of a few makers."""
    return [
        observations_of(rule, example)
        for rule in rules.rules
        if {rule.says.maker, rule.says.not_maker} & set(MAKERS)
        for example in rule.examples
    ]


def turning_of(observations, rules):
    every = {}
    for claim in identity._claims(rules.matcher.hits(observations), rules):
        every.setdefault(claim.field, []).append(claim)
    seen, signs, values = {}, [], {}
    for field, against in (("maker", False), ("not_maker", True)):
        for claim in every.get(field, ()):
            number = seen.setdefault((claim.key, claim.port, claim.value), len(seen))
            signs.append(identity._sign(claim, number, against=against))
            values[number] = claim.value
    standing = identity._standing(signs, rules)
    return (standing, signs, values, identity._turning(standing, signs, rules)) if standing.winner else None


def without(observations, signs, values):
    """Return the observations without the values that these signs rest on."""
    gone = {(sign.key, sign.port or 0, values[sign.seen]) for sign in signs}
    left = []
    for item in observations:
        mine = {value for key, port, value in gone if (key, port) == (item.key, item.port or 0)}
        whole = {"\\n".join(item.values), ", ".join(item.values)}
        kept = () if mine & whole else tuple(value for value in item.values if value not in mine)
        if kept:
            left.append(dataclasses.replace(item, values=kept))
    return left


def said_of(observations, rules):
    found = identify("d", observations, rules)
    return Outcome(found.maker, found.verdict)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_what_is_said_of_a_clue_is_what_is_said_without_it(rules, data):
    answers = published(rules)
    drawn = data.draw(st.lists(
        st.tuples(st.sampled_from(answers), st.sampled_from([80, 443, 554, 8080])), min_size=1, max_size=5,
    ))  # fmt: skip
    observations = [
        dataclasses.replace(item, response=number, port=None if item.key == "mac" else port)
        for number, (answer, port) in enumerate(drawn) for item in answer
    ]  # fmt: skip
    found = turning_of(observations, rules)
    identified = identify("d", observations, rules)
    assert (found is None) == (identified.maker is None)
    if found is None:
        return
    standing, signs, values, turning = found
    mine, counted = standing.winner.signs_of, standing.winner.counted

    def fallen(witnesses):
        names = {counted[witness.group] for witness in witnesses}
        return without(observations, [sign for sign in mine if counted[sign.group] in names], values)

    assert turning.now == Outcome(identified.maker, identified.verdict)
    told = dict(turning.single)
    for witness in turning.witnesses:
        assert said_of(fallen([witness]), rules) == told.get(witness, turning.now), witness
        ports = {sign.port for sign in mine if counted[sign.group] == counted[witness.group] and sign.port}
        assert witness.group == "mac" or {port for _, seen in witness.seen for port in seen} == ports
    if turning.least > 1:
        several = {
            number: {said_of(fallen(some), rules) for some in combinations(turning.witnesses, number)}
            for number in range(2, turning.least + 1)
        }
        assert several.pop(turning.least) != {turning.now}
        assert all(said == {turning.now} for said in several.values())
    for rival, left in turning.rivals:
        theirs = [sign for sign in signs if sign.maker == rival and not sign.against]
        assert said_of(without(observations, theirs, values), rules) == left
    if identified.overturn[0].startswith("Everything rests on"):
        after = identify("d", fallen(turning.witnesses), rules)
        assert after.maker is None
        assert not any(item.says == f"maker {identified.maker}" for item in after.evidence)


def test_a_clue_that_was_seen_on_two_ports_falls_with_both(rules):
    def server(port):
        return Observation("d", "http", "http.server", ("App-webs/",), port, port)

    both = identify("d", [server(80), server(443)], rules)
    assert both.overturn[0].startswith("Everything rests on one clue, its web pages on ports 80 and 443: ")
    one = identify("d", [server(443)], rules)
    assert (one.maker, one.verdict) == (both.maker, both.verdict)


def test_a_realm_of_both_servers_is_named_with_both(rules):
    realm = 'Digest realm="IP Camera(AB705)"'
    found = identify("d", [
        Observation("d", "http", "http.www_authenticate", (realm,), 1, 80),
        Observation("d", "rtsp", "rtsp.www_authenticate", (realm,), 2, 554),
    ], rules)  # fmt: skip
    assert "the realm of its login challenge on ports 80 and 554" in found.overturn[0]


@pytest.mark.parametrize(("facts", "protocol", "certificate"), [
    ({"http.server": "App-webs/"}, "would overturn", "in doubt"),
    ({"http.server": "App-webs/", "sadp.DeviceDescription": "DS-2CD2385G1-I", "rtsp.www_authenticate": 'Digest realm="IP Camera(AB705)"'}, "in doubt", "in doubt"),
    ({"mac": "44:19:b6:00:00:05", "onvif.manufacturer": "HIKVISION"}, "would overturn", "would overturn"),
])  # fmt: skip
def test_what_another_makers_proof_would_do_is_weighed(rules, facts, protocol, certificate):
    observations = [Observation("d", key.split(".")[0], key, (value,), number, number)
                    for number, (key, value) in enumerate(facts.items())]  # fmt: skip
    now = identify("d", observations, rules)
    about = [next(text for text in now.overturn if part in text) for part in ("own protocol", "certificate of a maker")]
    assert protocol in about[0]
    assert certificate in about[1]
    foreign = Observation("d", "tls", "tls.subject", ("CN=axis-accc8ea31abf,O=Axis Communications AB",), 90, 443)
    found = identify("d", [*observations, foreign], rules)
    if certificate == "would overturn":
        assert found.maker == "Axis"
    else:
        verdict = about[1].partition("at most ")[2].rstrip(".")
        assert found.verdict.value == verdict != now.verdict.value
