"""What intake decides, routing follows; nothing is refused."""

from datetime import datetime
from typing import Any

import pytest

from services.routing.domain.enter_queue import enter
from services.routing.domain.follow_case import follow
from services.routing.domain.ticket import Ticket, unchanged
from shared.decisions import Decision
from shared.events.assignments import CaseQueued
from shared.events.base import EventData
from shared.events.cases import (
    CaseAbsorbed,
    CaseClosed,
    CaseContactAdded,
    CaseCustomer,
    CaseMerged,
    CaseNoted,
    CaseReclassified,
    CaseReopened,
    CaseReprioritised,
    CaseResolved,
    CaseResumed,
    CaseWaiting,
    ContactRef,
    PriorityReason,
)
from tests.unit.routing.makers import NOW, REASON, RULES, opened, seconds, ticket

ID: Any = {"case_id": "case-1", "number": "7KQ4-M2XD"}
RESOLVED = CaseResolved(**ID, by="Z01", resolution="退款已到账")
CLOSED = CaseClosed(**ID, by="timer", how="timer")
MERGED = CaseMerged(**ID, by="Z01", into="a", into_number="7KQ4-M2XD")
REOPENED = CaseReopened(**ID, by="customer", reason="又坏了")


def after(state: Ticket | None, *events: EventData, now: datetime = NOW) -> Decision[Ticket]:
    decision: Decision[Any] = Decision(state)
    for event in events:
        decision = follow(decision.state, now, event=event, rules=RULES)
    return decision


def reprioritised(to: str) -> CaseReprioritised:
    reason = PriorityReason(rule="outage", impact="region", urgency="high")
    return CaseReprioritised(**ID, by="rule", was="P2", to=to, priority_reason=reason)


def reclassified(*to: str) -> CaseReclassified:
    return CaseReclassified(**ID, by="Z01", was=("支付问题",), to=to)


def assigned(**more: Any) -> Ticket:
    had = {
        "status": "assigned",
        "agent_id": "Z01",
        "agent_name": "李",
        "reason": REASON,
        "generation": 3,
        "accepted_at": NOW,
    }
    return ticket().model_copy(update=had | more)


def test_RT_1_a_new_case_queues_in_its_pool() -> None:
    decision = enter(None, NOW, opened=opened(priority="P1"), rules=RULES, estimates=lambda *_: 42)
    assert decision.state.status == "waiting"
    assert (decision.state.pool, decision.state.skill, decision.state.level) == ("payments.zh", "payments", 3)
    assert (decision.state.tier, decision.state.priority_rule) == ("gold", "money")
    assert decision.events == (CaseQueued(**ID, pool="payments.zh", priority="P1", estimate_s=42, why="opened"),)


def test_a_case_ranks_from_when_it_was_opened_but_never_from_the_future() -> None:
    earlier = NOW - seconds(90)
    assert enter(None, NOW, opened=opened(), rules=RULES, at=earlier).state.queued_at == earlier
    assert enter(None, NOW, opened=opened(), rules=RULES, at=NOW + seconds(5)).state.queued_at == NOW


def test_a_case_opened_twice_changes_nothing() -> None:
    state = ticket()
    decision = enter(state, NOW, opened=opened(), rules=RULES)
    assert decision.state is state
    assert decision.events == ()


def test_a_customer_without_tier_is_taken_like_any_other() -> None:
    assert enter(None, NOW, opened=opened(customer=CaseCustomer(id="c")), rules=RULES).state.tier is None


@pytest.mark.parametrize(
    "event",
    [
        CaseContactAdded(**ID, contact_id="2", contact=ContactRef(source="mail", id="2"), channel="email"),
        CaseNoted(**ID, by="Z01", text="电话未接"),
        CaseWaiting(**ID, by="Z01", on="customer"),
        CaseResumed(**ID, by="Z01", on="customer"),
    ],
)
@pytest.mark.parametrize("state", [None, ticket(), assigned()])
def test_RT_13_what_does_not_concern_routing_leaves_the_case_with_whoever_has_it(
    state: Ticket | None, event: EventData
) -> None:
    decision = after(state, event)
    assert decision.state is state
    assert decision.events == ()


@pytest.mark.parametrize("event", [RESOLVED, CLOSED, REOPENED, reprioritised("P0"), reclassified("物流查询")])
def test_what_is_told_of_an_unknown_case_is_let_pass(event: EventData) -> None:
    assert after(None, event) == unchanged(None)


def test_RT_3_a_new_priority_changes_rank_and_level_and_nothing_else() -> None:
    decision = after(ticket(waited_s=50), reprioritised("P0"))
    assert (decision.state.priority, decision.state.level, decision.state.priority_rule) == ("P0", 4, "outage")
    assert decision.state.queued_at == NOW - seconds(50)
    assert decision.events == ()


def test_the_same_priority_again_changes_nothing() -> None:
    state = ticket(priority="P0")
    assert after(state, reprioritised("P0")).state is state


def test_a_case_reclassified_while_it_waits_moves_to_its_new_pool() -> None:
    state = ticket(waited_s=50, asked=("Z01",), returned_at=NOW)
    decision = after(state, reclassified("物流查询", "物流延误"))
    assert (decision.state.pool, decision.state.skill) == ("logistics.zh", "logistics")
    assert decision.state.asked == ()
    assert decision.state.queued_at == state.queued_at
    assert [(e.pool, e.why) for e in decision.events if isinstance(e, CaseQueued)] == [("logistics.zh", "reclassified")]


def test_a_finer_category_of_the_same_pool_moves_nothing() -> None:
    decision = after(ticket(asked=("Z01",)), reclassified("支付问题", "退款异常"))
    assert decision.state.category == ("支付问题", "退款异常")
    assert decision.state.asked == ("Z01",)
    assert decision.events == ()


@pytest.mark.parametrize("status", ["offered", "assigned"])
def test_a_case_reclassified_in_somebodys_hands_stays_there(status: str) -> None:
    decision = after(assigned(status=status), reclassified("物流查询"))
    assert (decision.state.agent_id, decision.state.status) == ("Z01", status)
    assert decision.state.pool == "logistics.zh"
    assert decision.events == ()


def test_a_resolved_case_needs_nobody_any_more() -> None:
    decision = after(assigned(), RESOLVED, now=NOW + seconds(300))
    assert (decision.state.status, decision.state.agent_id, decision.state.last_agent) == ("done", None, "Z01")
    assert (decision.state.accepted_at, decision.state.done_at) == (NOW, NOW + seconds(300))
    assert decision.events == ()


def test_closing_what_is_resolved_changes_nothing() -> None:
    done = after(assigned(), RESOLVED).state
    assert after(done, CLOSED).state is done


def test_an_offer_of_a_case_that_is_resolved_meanwhile_is_void() -> None:
    done = after(assigned(status="offered", expires_at=NOW + seconds(20), last_agent="Z09"), RESOLVED).state
    assert (done.status, done.agent_id, done.expires_at, done.last_agent) == ("done", None, None, "Z09")


def test_RT_4_a_reopened_case_queues_again_and_prefers_who_had_it() -> None:
    later = NOW + seconds(600)
    done = after(assigned(), RESOLVED).state
    decision = after(done, REOPENED, now=later)
    assert (decision.state.status, decision.state.last_agent) == ("waiting", "Z01")
    assert (decision.state.queued_at, decision.state.waiting_since) == (later, later)
    assert (decision.state.accepted_at, decision.state.done_at) == (None, None)
    assert [e.TYPE for e in decision.events] == ["case.queued"]


def test_a_case_that_is_not_done_cannot_be_queued_again_by_reopening() -> None:
    state = assigned()
    assert after(state, REOPENED).state is state


def absorbed(agent_id: str | None = "Z07") -> CaseAbsorbed:
    return CaseAbsorbed(**ID, by="Z01", of="b", of_number="M7JX-HSCM", agent_id=agent_id)


def test_IN_15_who_had_the_merged_case_is_preferred_where_nobody_has_or_had_the_one_that_goes_on() -> None:
    assert after(ticket(), absorbed()).state.last_agent == "Z07"
    assert after(ticket(last_agent="Z02"), absorbed()).state.last_agent == "Z02"
    assert after(ticket(), absorbed(None)).state == ticket()
    assert after(assigned(), absorbed()).state == assigned()
    assert after(after(assigned(), RESOLVED).state, REOPENED, absorbed()).state.last_agent == "Z01"


def test_RT_1_a_case_that_becomes_a_complaint_needs_as_skilled_an_agent_as_one_that_was_opened_as_one() -> None:
    waiting = ticket(kind="question", level=1)
    complains = CaseReclassified(**ID, by="rules", was=waiting.category, to=waiting.category, kind="complaint")
    after_it = after(waiting, complains).state
    assert (after_it.kind, after_it.level) == ("complaint", RULES.pools.kinds["complaint"])
    assert after_it.level > waiting.level
    assert after(after_it, reclassified(*waiting.category)).state is after_it, "who does not say of which kind keeps it"


def test_IN_15_a_merged_case_leaves_the_queue_and_gives_its_place_free() -> None:
    assert after(assigned(), MERGED).state.status == "done"
    assert after(assigned(), MERGED).state.agent_id is None
