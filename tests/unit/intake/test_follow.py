from typing import Any

import pytest

from services.intake.domain import follow
from services.intake.domain.case import Case
from shared.events.assignments import AssignmentReason, CaseAssigned, CaseOffered, CaseQueued, CaseUnassigned
from tests.unit.intake.given import NOW, did, opened

REASON = AssignmentReason(skill="payments", level=4, language="zh", load=0.0, score=1.0, policy_version="1")


def queued(case: Case) -> Case:
    event = CaseQueued(**case.ids, pool="payments:zh", priority="P2")
    return follow.queued(case, NOW, event=event).state


def assigned(case: Case, agent: str = "Z01") -> Case:
    event = CaseAssigned(**case.ids, agent_id=agent, agent_name="李明", team="支付组", reason=REASON, waited_s=3)
    return follow.assigned(case, NOW, event=event).state


def unassigned(case: Case, agent: str = "Z01") -> Case:
    return follow.unassigned(case, NOW, event=CaseUnassigned(**case.ids, agent_id=agent, why="offline")).state


def test_IN_15_a_case_is_queued_then_assigned_then_queued_again() -> None:
    case = queued(opened())
    assert (case.status, case.pool) == ("queued", "payments:zh")
    case = assigned(case)
    assert (case.status, case.agent_id, case.agent_name, case.team) == ("assigned", "Z01", "李明", "支付组")
    case = unassigned(case)
    assert (case.status, case.agent_id) == ("queued", None)


def test_an_offer_changes_nothing() -> None:
    case = queued(opened())
    event = CaseOffered(**case.ids, agent_id="Z01", expires_at=NOW)
    assert follow.offered(case, NOW, event=event).state is case


@pytest.mark.parametrize("verb", ["resolved", "closed"])
def test_word_that_comes_late_never_wakes_a_settled_case(verb: str) -> None:
    case = did(assigned(opened()), "resolved", result="好了").state
    case = case if verb == "resolved" else did(case, "closed").state
    for late in (queued, assigned, unassigned):
        assert late(case) is case


def test_an_agent_who_was_quicker_than_the_word_of_his_assignment_is_not_set_back() -> None:
    waiting = did(opened(), "waiting", party="支付平台").state
    after = assigned(queued(waiting))
    assert (after.status, after.agent_id) == ("waiting_third_party", "Z01")
    assert unassigned(after).status == "waiting_third_party"


def test_word_of_an_agent_who_had_it_before_changes_nothing() -> None:
    case = assigned(opened(), "Z02")
    assert unassigned(case, "Z01") is case


def test_following_gives_nothing_out_and_leaves_a_line() -> None:
    case = opened()
    decision: Any = follow.queued(case, NOW, event=CaseQueued(**case.ids, pool="p", priority="P2", why="new"))
    assert decision.events == ()
    assert (decision.note.kind, decision.note.by) == ("queued", "routing")
