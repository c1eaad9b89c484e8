from datetime import timedelta

from services.intake.domain.auto_close import due, fire
from tests.unit.intake.given import NOW, RULES, arrive, contact, did, opened, types

AFTER = RULES.lifecycle.auto_close_after


def test_a_resolved_case_closes_itself_after_the_set_time() -> None:
    case = did(opened(), "resolved", result="好了").state
    assert due(case) == NOW + AFTER
    decision = fire(case, NOW + AFTER)
    assert types(decision) == ["case.closed"]
    assert (decision.state.status, decision.state.open_conversations) == ("closed", ())
    assert decision.events[0].model_dump()["how"] == "timer"


def test_it_does_not_close_a_moment_early_or_twice() -> None:
    case = did(opened(), "resolved", result="好了").state
    assert fire(case, NOW + AFTER - timedelta(milliseconds=1)).state is case
    closed = fire(case, NOW + AFTER).state
    assert fire(closed, NOW + 2 * AFTER).state is closed


def test_a_customer_who_comes_back_stops_the_clock() -> None:
    case = arrive(did(opened(), "resolved", result="好了").state, contact("还是不行", id="c2")).state
    assert due(case) is None
    assert fire(case, NOW + AFTER).state is case


def test_FB_12_a_complaint_without_measure_never_closes_itself() -> None:
    complaint = opened("态度恶劣，我要投诉")
    assert due(did(complaint, "resolved", result="已道歉").state) is None
    assert due(did(complaint, "resolved", result="已道歉", measure="培训").state) == NOW + AFTER


def test_open_cases_are_never_due() -> None:
    assert due(opened()) is None
