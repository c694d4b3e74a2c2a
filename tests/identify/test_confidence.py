import pytest

from auditor.identify.confidence import NUMBERS, combine, verdict, witnesses
from auditor.model import Strength, Verdict

C, S, M, W = (
    NUMBERS[strength] for strength in (Strength.CONCLUSIVE, Strength.STRONG, Strength.MODERATE, Strength.WEAK)
)


def test_the_table():
    assert (C, S, M) == (0.99, 0.90, 0.70)
    assert 0 < W < 0.5


@pytest.mark.parametrize(("groups", "wanted"), [
    ({}, 0.0), ({"web": C}, 0.99), ({"web": C, "mac": M}, 0.997), ({"web": S, "rtsp": S}, 0.99), ({"web": S, "mac": M}, 0.97),
    ({"mac": M}, 0.70), ({"mac": C}, 0.70), ({"web": W}, 0.20), ({"web": S, "rtsp": W}, 0.92),
    ({"mac": M, "web": W, "rtsp": W, "snmp": W}, 0.70),
])  # fmt: skip
def test_groups_are_independent_witnesses(groups, wanted):
    assert combine(groups) == pytest.approx(wanted, abs=1e-9)


def test_weak_clues_alone_stay_below_possible():
    assert combine({str(number): W for number in range(20)}) < 0.5


def test_against_does_not_touch_what_is_conclusive():
    against = NUMBERS[Strength.AGAINST]
    assert combine({"web": C}, against) == pytest.approx(C)
    assert combine({"web": S}, against) < 0.5


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


@pytest.mark.parametrize(("signs", "wanted"), [
    ([("web", "http.server", 80), ("realm", "http.www_authenticate", 80), ("favicon", "http.favicon.md5", 80)], {"web"}),
    ([("web", "http.server", 80), ("favicon", "http.favicon.md5", 8080)], {"web", "favicon"}),
    ([("web", "http.server", 80), ("favicon", "http.favicon.md5", 8080), ("favicon", "http.favicon.mmh3", 80)], {"web"}),
    ([("realm", "http.www_authenticate", 80), ("favicon", "http.favicon.md5", 80)], {"realm"}),
    ([("web", "http.server", 80), ("realm", "http.www_authenticate", 80), ("realm", "rtsp.www_authenticate", 554)], {"web", "realm"}),
    ([("realm", "http.www_authenticate", 80), ("realm", "rtsp.www_authenticate", 554)], {"realm"}),
    ([("web", "http.server", None), ("mac", "mac", None), ("tls", "tls.subject", 443)], {"web", "mac", "tls"}),
])  # fmt: skip
def test_what_one_web_server_says_is_one_witness(signs, wanted):
    assert set(witnesses(signs).values()) == wanted
    assert witnesses(reversed(signs)) == witnesses(signs)
