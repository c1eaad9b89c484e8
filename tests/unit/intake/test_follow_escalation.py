from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import follow_escalation
from services.intake.domain.case import Case, Escalation
from shared.decisions import Decision
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.sla import EscalationAnswered
from tests.unit.intake.given import NOW, opened

DEPARTMENTS = {1: "frontline", 2: "technical", 3: "management"}


def call(case: Case, level: int = 1, id_: str = "e1", why: str = "inactivity was missed") -> Decision[Case]:
    kind = EscalationRaised if level == 1 else EscalationLevelRaised
    event = kind(
        **case.ids, escalation_id=id_, level=level, department=DEPARTMENTS[level], priority="P2", target="inactivity",
        due_at=NOW, why=why,
    )  # fmt: skip
    return follow_escalation.raised(case, NOW, event=event)


def withdraw(case: Case, level: int = 1, id_: str = "e1") -> Decision[Case]:
    event = EscalationWithdrawn(
        **case.ids, escalation_id=id_, level=level, department=DEPARTMENTS[level], why="resolved"
    )
    return follow_escalation.withdrawn(case, NOW, event=event)


def answer(case: Case, said: str, level: int = 1, stands: int | None = None, **more: Any) -> Decision[Case]:
    event = EscalationAnswered(
        **case.ids, escalation_id=more.pop("id_", "e1"), department=DEPARTMENTS[level], level=level, answer=said,
        stands=level if stands is None else stands, **more,
    )  # fmt: skip
    return follow_escalation.answered(case, NOW, event=event)


def shown(case: Case) -> tuple[int, str, bool] | None:
    open_ = case.escalation
    return (open_.level, open_.department, open_.acknowledged) if open_ else None


def test_SL_5_the_case_shows_with_whom_its_escalation_is_and_whether_they_have_it() -> None:
    case = call(opened()).state
    assert case.escalation == Escalation(id="e1", level=1, department="frontline", acknowledged=False)
    case = call(case, 2, why="not acknowledged by frontline").state
    assert shown(case) == (2, "technical", False)
    case = answer(case, "acknowledged", 2).state
    assert shown(case) == (2, "technical", True)
    assert shown(answer(case, "resolved", 2, stands=0).state) is None


def test_SL_5_a_refusal_goes_up_with_its_reason() -> None:
    case = answer(call(opened()).state, "refused", 1, stands=2, text="不归我们").state
    assert shown(case) == (2, "frontline", False)
    decision = call(case, 2, why="refused by frontline: 不归我们")
    assert shown(decision.state) == (2, "technical", False)
    assert decision.note is not None
    assert (decision.note.kind, decision.note.text) == ("escalation_level_raised", "refused by frontline: 不归我们")


def test_SL_5_the_no_of_the_highest_is_no_acknowledgement_and_that_of_one_below_takes_none_back() -> None:
    case = answer(call(opened(), 3).state, "acknowledged", 3).state
    assert shown(answer(case, "refused", 1, stands=3).state) == (3, "management", True)
    assert shown(answer(case, "refused", 3, stands=3).state) == (3, "management", False)


def test_SL_5_an_acknowledgement_that_was_in_time_brings_it_back_to_its_level() -> None:
    case = call(call(opened()).state, 2).state
    case = answer(case, "acknowledged", 1, stands=1).state
    case = withdraw(case, 2).state
    assert shown(case) == (1, "frontline", True)


def test_SL_5_an_escalation_withdrawn_from_everyone_is_over() -> None:
    case = call(call(opened()).state, 2).state
    case = withdraw(case, 1).state
    assert shown(case) == (2, "technical", False)
    assert shown(withdraw(case, 2).state) is None


def test_RT_13_of_several_open_ones_the_highest_shows_and_then_the_next() -> None:
    case = call(call(opened(), 1, "e1").state, 2, "e2").state
    assert shown(case) == (2, "technical", False)
    assert shown(withdraw(case, 2, "e2").state) == (1, "frontline", False)


def test_IN_10_the_departments_own_words_are_a_line_of_the_case() -> None:
    decision = answer(call(opened()).state, "resolved", stands=0, by="赵工", text="已修复", reproduced=True, fix_at=NOW)
    assert decision.events == ()
    assert decision.note is not None
    assert (decision.note.kind, decision.note.by, decision.note.text) == ("escalation_answered", "赵工", "已修复")
    assert decision.note.data == {
        "escalation_id": "e1", "department": "frontline", "level": 1, "answer": "resolved", "reproduced": True,
        "fix_at": NOW,
    }  # fmt: skip


@pytest.mark.parametrize("step", [call, withdraw])
def test_IN_10_every_call_and_its_withdrawal_are_lines(step: Any) -> None:
    note = step(opened()).note
    assert (note.by, note.data["department"], note.data["level"]) == ("sla", "frontline", 1)
    assert note.text


def test_an_answer_to_what_is_over_leaves_its_line_only() -> None:
    decision = answer(opened(), "progress")
    assert (decision.state.escalations, decision.note is not None) == ((), True)


@given(st.lists(st.tuples(st.sampled_from(["call", "answer", "withdraw"]), st.integers(1, 3), st.sampled_from("ab"))))
def test_SL_5_each_escalation_shows_at_most_once_whatever_comes(steps: list[tuple[str, int, str]]) -> None:
    case = opened()
    for what, level, id_ in steps:
        step = {"call": call, "withdraw": withdraw}.get(what)
        case = step(case, level, id_).state if step else answer(case, "progress", level, id_=id_).state
        ids = [open_.id for open_ in case.escalations]
        assert len(ids) == len(set(ids))
        assert case.escalation is None or case.escalation.level == max(open_.level for open_ in case.escalations)
