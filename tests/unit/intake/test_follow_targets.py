from datetime import timedelta
from typing import Any

import pytest

from services.intake.domain import follow_targets
from services.intake.domain.case import Case
from shared.decisions import Decision
from shared.events.sla import ClockPaused, ClockResumed, ClockStarted, PolicyRef, TargetMissed
from tests.unit.intake.given import HOUR, NOW, did, opened, refusal

POLICY = PolicyRef(id="default", version="1")
Clock = ClockStarted | ClockPaused | ClockResumed


def clock(case: Case, kind: type[Clock], target: str = "resolution", due: timedelta | None = HOUR) -> Decision[Case]:
    event = kind(**case.ids, target=target, at=NOW, due_at=NOW + due if due else None, policy=POLICY)
    return follow_targets.clock(case, NOW, event=event)


def missed(case: Case | None, **more: Any) -> Decision[Case]:
    ids = (case or opened()).ids
    body = {**ids, "target": "promise", "at": NOW, "due_at": NOW, "policy": POLICY, "late_s": 60.0, **more}
    return follow_targets.missed(case, NOW, event=TargetMissed(**body))


def test_SL_1_the_case_shows_until_when_it_should_be_resolved() -> None:
    case = clock(opened(), ClockStarted).state
    assert case.due_at == NOW + HOUR
    case = clock(case, ClockPaused, due=None).state
    assert case.due_at is None
    assert clock(case, ClockResumed, due=2 * HOUR).state.due_at == NOW + 2 * HOUR


@pytest.mark.parametrize("target", ["first_response", "inactivity", "promise"])
def test_SL_1_other_clocks_do_not_show(target: str) -> None:
    case = opened()
    assert clock(case, ClockStarted, target).state is case


def test_IN_10_a_miss_is_a_line_that_says_who_had_the_ball_and_how_late() -> None:
    case = opened()
    decision = missed(case, agent_id="Z01", supervisor="S01", party="支付平台", promise="今天退款")
    assert (decision.state, decision.events) == (case, ())
    assert decision.note is not None
    assert (decision.note.kind, decision.note.by, decision.note.text) == ("target_missed", "sla", "今天退款")
    assert decision.note.data == {
        "target": "promise", "due_at": NOW, "late_s": 60.0, "agent_id": "Z01", "supervisor": "S01",
        "party": "支付平台",
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["resolved", "closed"])
def test_what_comes_late_leaves_its_line_and_wakes_nothing(verb: str) -> None:
    case = did(opened(), "resolved", result="好了").state
    case = case if verb == "resolved" else did(case, "closed").state
    decision = missed(case)
    assert (decision.state, decision.note is not None) == (case, True)


def test_word_of_a_case_that_was_never_opened_is_an_error_of_ours() -> None:
    assert refusal(lambda: missed(None)).code == "unknown_case"
