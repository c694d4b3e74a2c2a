"""The arithmetic of confidence, by hand and by property."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.identify.confidence import (
    CEILING,
    DENIED,
    NUMBERS,
    PLACE,
    PRIOR,
    WEAK_ALONE,
    WEIGHTS,
    combine,
    log_odds,
    verdict,
    witnesses,
)
from auditor.identify.schema import GROUPS
from auditor.model import Strength, Verdict

C, S, M, W, AGAINST = Strength
EVIDENCE = st.dictionaries(st.sampled_from(GROUPS), st.sampled_from([C, S, M, W]), min_size=1, max_size=8)


def test_the_numbers_are_those_of_the_page_of_decisions():
    assert PRIOR == 0.375
    assert [NUMBERS[strength] for strength in Strength] == [0.99, 0.90, 0.70, 0.45, 0.01]
    assert [round(WEIGHTS[strength], 2) for strength in Strength] == [5.11, 2.71, 1.36, 0.31, -4.08]
    assert [PLACE[strength] for strength in Strength] == [0, 1, 2, 3, 4]
    assert log_odds(0.5) == 0
    assert log_odds(0.9) == pytest.approx(math.log(9))


@pytest.mark.parametrize(("groups", "wanted"), [
    ({}, 0.0), ({"web": C}, 0.99), ({"web": S}, 0.90), ({"web": M}, 0.70), ({"web": W}, 0.45),
    # odds by hand: 3/5 before any evidence; 99, 9 and 7/3 after one witness, so a witness multiplies by 165, 15 and 35/9
    ({"web": C, "mac": M}, (99 * 35 / 9) / (99 * 35 / 9 + 1)), ({"web": S, "rtsp": S}, 135 / 136),
    ({"web": S, "mac": M}, 35 / 36), ({"onvif": M, "mac": M}, (7 / 3 * 35 / 9) / (7 / 3 * 35 / 9 + 1)),
    ({"mac": M}, 0.70), ({"mac": C}, 0.70), ({"mac": S}, 0.70), ({"mac": W}, 0.45),
    ({"mac": M, "web": W, "rtsp": W, "snmp": W}, 0.70),
    ({"web": S, "rtsp": W}, (9 * 15 / 11) / (9 * 15 / 11 + 1)),
])  # fmt: skip
def test_every_witness_multiplies_the_odds(groups, wanted):
    assert combine(groups) == pytest.approx(wanted, abs=1e-9)


def test_the_thresholds_of_the_design():
    assert round(combine({"web": C, "mac": M}), 3) == 0.997
    assert combine({"web": S, "rtsp": S}) >= 0.99
    assert 0.90 <= combine({"web": S, "mac": M}) < 0.99  # strong evidence and a prefix: probable
    assert 0.90 <= combine({"onvif": M, "mac": M}) < 0.91  # two moderate witnesses: only just


def test_what_comes_out_does_not_depend_on_the_order():
    groups = {"web": C, "mac": M, "rtsp": S, "snmp": W, "tls": M}
    assert {combine(dict(order)) for order in itertools.permutations(groups.items())} == {combine(groups)}


@given(st.dictionaries(st.sampled_from([name for name in GROUPS if name != "mac"]), st.just(W), min_size=1))
def test_weak_clues_alone_never_reach_possible(groups):
    assert combine(groups) == WEAK_ALONE < 0.5
    assert combine(groups | {"mac": M}) == 0.70


@given(EVIDENCE, st.sampled_from(GROUPS), st.sampled_from([C, S, M, W]), st.booleans())
def test_one_more_witness_never_makes_it_less_sure(groups, group, strength, denied):
    if group not in groups:
        assert combine(groups | {group: strength}, denied=denied) >= combine(groups, denied=denied)


@given(EVIDENCE)
def test_against_takes_away_and_never_turns_a_conclusive_sign_round(groups):
    free, denied = combine(groups), combine(groups, denied=True)
    assert denied <= free
    proven = {name: strength for name, strength in groups.items() if strength is C and name != "mac"}
    if proven:
        assert denied >= combine(proven)
    else:
        assert denied <= DENIED


@pytest.mark.parametrize(("groups", "wanted"), [
    ({"web": C}, 0.99), ({"web": C, "mac": M}, 0.99),  # what is proven stays; what the prefix added is taken away
    ({"web": S}, 9 / (9 + 59.4)),  # 9 to 1 for it, and against divides the odds by 59.4
    ({"web": S, "rtsp": S}, 135 / (135 + 59.4)), ({"web": S, "rtsp": S, "tls": S}, DENIED), ({"mac": M}, 7 / 3 / (7 / 3 + 59.4)),
])  # fmt: skip
def test_against_by_hand(groups, wanted):
    assert math.exp(-WEIGHTS[AGAINST]) == pytest.approx(59.4)
    assert combine(groups, denied=True) == pytest.approx(wanted, abs=1e-9)


def test_other_numbers_can_be_put_in_for_the_calibration():
    even = dict.fromkeys(Strength, 0.0) | {S: math.log(4)}
    assert combine({"web": S}, prior=0.5, weights=even) == pytest.approx(0.8)
    assert combine({"web": S, "rtsp": S}, prior=0.5, weights=even) == pytest.approx(16 / 17)


@pytest.mark.parametrize(("confidence", "facts", "wanted"), [
    (0.99, {"independent": 1, "own_protocol": False}, Verdict.PROBABLE),
    (0.99, {"independent": 1, "own_protocol": True}, Verdict.CONFIRMED),
    (0.99, {"independent": 2, "own_protocol": False}, Verdict.CONFIRMED),
    (1 - 0.1 * 0.1, {"independent": 2, "own_protocol": False}, Verdict.CONFIRMED),
    (0.9899, {"independent": 5, "own_protocol": True}, Verdict.PROBABLE),
    (0.999, {"independent": 3, "own_protocol": True, "rival": 0.90}, Verdict.PROBABLE),
    (0.999, {"independent": 3, "own_protocol": True, "rival": 0.70}, Verdict.CONFIRMED),
    (0.90, {"independent": 1, "own_protocol": False}, Verdict.PROBABLE),
    (0.8999, {"independent": 9, "own_protocol": True}, Verdict.POSSIBLE),
    (0.50, {"independent": 1, "own_protocol": False}, Verdict.POSSIBLE),
    (0.4999, {"independent": 1, "own_protocol": True}, Verdict.UNIDENTIFIED),
    (0.999, {"independent": 3, "own_protocol": True, "contested": True}, Verdict.POSSIBLE),
    (0.40, {"independent": 3, "own_protocol": True, "contested": True}, Verdict.UNIDENTIFIED),
])  # fmt: skip
def test_verdicts(confidence, facts, wanted):
    assert verdict(confidence, **facts) is wanted


def test_nothing_is_certain(name):
    signs = (
        {"http.server": "App-webs/"}, {"sadp.DeviceDescription": "DS-2CD2385G1-I"}, {"mac": "44:19:b6:00:00:05"},
        {"rtsp.www_authenticate": 'Digest realm="IP Camera(AB705)"'},
        {"tls.subject": "CN=www.hikvision.com,OU=DVRNVR,O=HIKVISION,L=HangZhou,ST=ZheJiang,C=CN"},
    )  # fmt: skip
    assert name(*signs).confidence == CEILING == 0.999


SERVER, REALM, ICON, API = "http.server", "http.www_authenticate", "http.favicon.md5", "http.body"
RTSP_REALM = ("realm", "rtsp.www_authenticate", 554)
RTSP_BODY = ("rtsp", "rtsp.body", 554)


@pytest.mark.parametrize(("signs", "wanted"), [
    ([("web", SERVER, 80), ("realm", REALM, 80), ("favicon", ICON, 80), ("api", API, 80)], {"web"}),
    ([("web", SERVER, 80), ("favicon", ICON, 8080)], {"web", "favicon"}),
    ([("web", SERVER, 80), ("favicon", ICON, 8080), ("favicon", "http.favicon.mmh3", 80)], {"web"}),
    ([("realm", REALM, 80), ("favicon", ICON, 80)], {"realm"}),
    ([("web", SERVER, 80), ("realm", REALM, 80), RTSP_REALM], {"web", "realm"}),
    ([("realm", REALM, 80), RTSP_REALM], {"realm"}),
    ([("web", SERVER, None), ("mac", "mac", None), ("tls", "tls.subject", 443)], {"web", "mac", "tls"}),
    ([("web", SERVER, 80), ("api", "isapi.model", 80)], {"web", "api"}),
    ([RTSP_REALM, RTSP_BODY], {"rtsp"}),
    ([RTSP_REALM, ("rtsp", "rtsp.body", 8554)], {"realm", "rtsp"}),
    ([("realm", REALM, 80), RTSP_BODY], {"realm", "rtsp"}),
    ([("realm", REALM, 80), RTSP_REALM, RTSP_BODY], {"realm", "rtsp"}),  # two servers: the realm stands for the web server
    ([("web", SERVER, 80), ("realm", REALM, 80), RTSP_REALM, RTSP_BODY], {"web", "rtsp"}),
    ([("web", SERVER, 8080), ("realm", REALM, 80), RTSP_REALM, RTSP_BODY], {"web", "realm", "rtsp"}),
])  # fmt: skip
def test_what_one_server_says_is_one_witness(signs, wanted):
    assert set(witnesses(signs).values()) == wanted
    for order in itertools.permutations(signs):
        assert witnesses(order) == witnesses(signs)
