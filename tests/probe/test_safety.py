"""The rules of when to leave a device alone, as pure state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.probe.safety import FAILURES, LOOKS_BACK, REFUSED_QUESTIONS, SILENCE, SILENT_PORTS, Decision, Safety

REASONS = [*sorted(SILENCE), "reset", "connection-refused", "closed", "tls-failed", "admin-prohibited"]


def alive(port=80):
    safety = Safety()
    assert safety.learn(port, answered=True) is Decision.GO_ON
    return safety


@pytest.mark.parametrize("reason", sorted(SILENCE))
def test_two_silent_ports_end_a_host_that_never_answered(reason):
    safety = Safety()
    assert safety.learn(80, answered=False, reason=reason) is Decision.GO_ON
    assert safety.learn(80, answered=False, reason=reason) is Decision.GO_ON  # one port, however often
    assert safety.learn(554, answered=False, reason=reason) is Decision.END
    assert safety.why == "nothing came from ports 80 and 554"


@pytest.mark.parametrize("first", [*sorted(SILENCE), "reset"])
@pytest.mark.parametrize("second", [*sorted(SILENCE), "reset"])
def test_two_failures_in_a_row_after_an_answer_trip_the_breaker(first, second):
    safety = alive()
    assert safety.learn(80, answered=False, reason=first) is Decision.GO_ON
    assert safety.learn(80, answered=False, reason=second) is Decision.CHECK_AGAIN
    assert safety.fell_silent
    assert safety.why == f"ports 80 ({first}) and 80 ({second}) failed in a row after it had answered"


def test_an_answer_between_two_failures_starts_the_count_again():
    safety = alive()
    for _ in range(5):
        assert safety.learn(80, answered=False, reason="reset") is Decision.GO_ON
        assert safety.learn(80, answered=True) is Decision.GO_ON


def test_a_port_that_answered_and_now_refuses_is_a_failure():
    safety = alive()
    assert safety.learn(80, answered=False, reason="connection-refused") is Decision.GO_ON
    assert safety.learn(80, answered=False, reason="connection-refused") is Decision.CHECK_AGAIN


@pytest.mark.parametrize("reason", ["connection-refused", "closed", "tls-failed", "admin-prohibited"])
def test_ordinary_noes_never_end_anything(reason):
    safety = alive()
    decisions = [safety.learn(port, answered=False, reason=reason) for port in range(8000, 8030)]
    # The first refusal is worth one look at the port that answered: was it a closed port, or is the device gone?
    assert decisions[0] is (Decision.LOOK_BACK if reason == "connection-refused" else Decision.GO_ON)
    assert set(decisions[1:]) == {Decision.GO_ON}


def test_looking_back_is_bounded_and_waits_for_a_new_answer():
    safety = alive()
    looks = 0
    for port in range(8000, 8010):
        looks += safety.learn(port, answered=False, reason="connection-refused") is Decision.LOOK_BACK
        safety.learn(80, answered=True)
    assert looks == LOOKS_BACK
    listened = alive()
    assert listened.learn(81, answered=False, reason="connection-refused") is Decision.LOOK_BACK
    listened.heard(8000)
    assert listened.last_open == 80
    assert listened.learn(37777, answered=False, reason="connection-refused") is Decision.GO_ON


def test_resets_before_any_answer_do_not_trip_the_breaker():
    safety = Safety()
    for port in (80, 554, 443):
        assert safety.learn(port, answered=False, reason="reset") is Decision.GO_ON


def test_filtered_ports_are_checked_but_the_device_did_not_fall_silent():
    safety = alive()
    safety.learn(554, answered=False, reason="no-response")
    assert safety.learn(8080, answered=False, reason="no-response") is Decision.CHECK_AGAIN
    assert not safety.fell_silent
    assert safety.last_open == 80


def test_a_spent_budget_and_a_lost_route_end_a_visit():
    assert Safety().learn(80, answered=False, reason="budget-spent") is Decision.END
    assert Safety().learn(80, answered=False, reason="no-route") is Decision.END


def test_after_a_refusal_only_two_questions_whose_refusal_tells_something():
    safety = Safety()
    assert safety.may_ask(80, refusal_is_evidence=False)
    safety.refused(80)
    assert not safety.may_ask(80, refusal_is_evidence=False)
    assert [safety.may_ask(80, refusal_is_evidence=True) for _ in range(4)] == [True, True, False, False]
    safety.refused(80)  # a later refusal does not open it again
    assert not safety.may_ask(80, refusal_is_evidence=True)
    assert safety.may_ask(81, refusal_is_evidence=False)


def test_a_busy_port_is_left_alone():
    safety = Safety()
    safety.refused(80, busy=True)
    assert not safety.may_ask(80, refusal_is_evidence=True)


def test_the_numbers_are_those_of_the_design():
    assert (SILENT_PORTS, FAILURES, REFUSED_QUESTIONS) == (2, 2, 2)


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.sampled_from(REASONS)), max_size=40))
def test_no_history_lets_a_failing_device_be_asked_on(history):
    """Whatever happens: never a third failure in a row after an answer, never a third silent port."""
    safety = Safety()
    row, answered_once, known, silent = 0, False, set(), set()
    for port, answered, reason in history:
        decision = safety.learn(port, answered=answered, reason="" if answered else reason)
        if answered:
            row, answered_once = 0, True
            known.add(port)
            silent.discard(port)
        else:
            failed = reason in SILENCE or reason == "reset" or (reason == "connection-refused" and port in known)
            row += answered_once and failed
            if reason in SILENCE and port not in known:
                silent.add(port)
        over = row >= FAILURES or len(silent) >= SILENT_PORTS
        assert (decision in {Decision.CHECK_AGAIN, Decision.END}) == over
        if over:
            return
