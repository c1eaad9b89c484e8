"""A case leaves its agent: he drops out, or hands it on."""

from typing import Any

import pytest

from services.routing.domain.owner import owner
from services.routing.domain.ticket import Ticket, unchanged
from services.routing.domain.transfer import transfer
from services.routing.domain.unassign import unassign
from shared.decisions import Decision, Refused
from shared.events.assignments import CaseQueued, CaseUnassigned
from tests.unit.routing.makers import NOW, REASON, RULES, rules_with, seconds, ticket, work


def assigned(**more: Any) -> Ticket:
    had = {
        "status": "assigned",
        "agent_id": "Z01",
        "reason": REASON,
        "generation": 3,
        "accepted_at": NOW,
        "waited_s": 4.0,
    }
    return ticket(waited_s=60).model_copy(update=had | more)


def drop(state: Ticket | None, agent_id: str = "Z01", generation: int = 3) -> Decision[Ticket]:
    return unassign(state, NOW, agent_id=agent_id, generation=generation, why="agent_offline")


def test_S9_the_case_of_an_agent_who_leaves_waits_again_in_its_old_place() -> None:
    decision = drop(assigned())
    state = decision.state
    assert (state.status, state.agent_id, state.last_agent) == ("waiting", None, "Z01")
    assert state.queued_at == NOW - seconds(60)
    assert state.waiting_since == NOW
    assert [e.TYPE for e in decision.events] == ["case.unassigned", "case.queued"]
    assert isinstance(decision.events[0], CaseUnassigned)
    assert (decision.events[0].agent_id, decision.events[0].why) == ("Z01", "agent_offline")


def test_S9_an_offer_to_an_agent_who_leaves_is_taken_back_without_ado() -> None:
    before = assigned(status="offered", accepted_at=None, expires_at=NOW, asked=("Z07",))
    decision = drop(before)
    assert (decision.state.status, decision.state.expires_at, decision.state.asked) == ("waiting", None, ("Z07",))
    assert decision.state.waiting_since == before.waiting_since
    assert [e.TYPE for e in decision.events] == ["case.queued"]


@pytest.mark.parametrize(
    "state",
    [
        None,
        ticket(generation=3),
        assigned(agent_id="Z02"),
        assigned(generation=4),
        assigned(status="done", agent_id=None),
    ],
)
def test_what_he_no_longer_has_is_not_taken_from_him(state: Ticket | None) -> None:
    assert drop(state) == unchanged(state)


def test_RT_14_a_transfer_goes_to_the_named_group_and_not_back_to_the_sender() -> None:
    decision = transfer(assigned(), NOW, work=work(to="logistics"), rules=RULES)
    state = decision.state
    assert (state.pool, state.skill, state.status) == ("logistics.zh", "logistics", "waiting")
    assert (state.asked, state.last_agent) == (("Z01",), None)
    assert state.queued_at == NOW - seconds(60)
    assert [e.TYPE for e in decision.events] == ["case.unassigned", "case.queued"]
    assert isinstance(decision.events[1], CaseQueued)
    assert (decision.events[1].pool, decision.events[1].why) == ("logistics.zh", "transferred")


@pytest.mark.parametrize("to", [None, "", "nowhere"])
def test_a_transfer_to_nowhere_is_refused_with_what_there_is(to: str | None) -> None:
    with pytest.raises(Refused, match="payments") as refused:
        transfer(assigned(), NOW, work=work(to=to), rules=RULES)
    assert (refused.value.code, refused.value.field, refused.value.status) == ("unknown_pool", "to", 422)


@pytest.mark.parametrize("state", [ticket(), assigned(agent_id="Z02"), assigned(status="offered")])
def test_only_who_has_the_case_can_hand_it_on(state: Ticket) -> None:
    with pytest.raises(Refused) as refused:
        transfer(state, NOW, work=work(to="logistics"), rules=RULES)
    assert refused.value.code == "not_assigned"


def test_a_case_routing_does_not_know_cannot_be_handed_on() -> None:
    with pytest.raises(Refused) as refused:
        transfer(None, NOW, work=work(to="logistics"), rules=RULES)
    assert refused.value.code == "unknown_case"


FLAG = rules_with(transfer={"basic_facts": ["order"], "when_missing": "flag"})
REFUSE = rules_with(transfer={"basic_facts": ["order"], "when_missing": "refuse"})


def test_RT_14_a_transfer_without_the_basic_facts_is_flagged() -> None:
    state = transfer(assigned(missing=("order", "email")), NOW, work=work(to="logistics"), rules=FLAG).state
    assert state.why == "transferred, facts missing: order"


def test_RT_14_or_refused_where_the_rules_say_so() -> None:
    with pytest.raises(Refused, match="order") as refused:
        transfer(assigned(missing=("order",)), NOW, work=work(to="logistics"), rules=REFUSE)
    assert (refused.value.code, refused.value.status) == ("facts_missing", 422)


def test_RT_14_within_the_group_facts_may_be_missing() -> None:
    state = transfer(assigned(missing=("order",)), NOW, work=work(to="payments"), rules=REFUSE).state
    assert (state.skill, state.why) == ("payments", "transferred")


def test_RT_13_at_any_moment_the_case_says_who_has_the_ball() -> None:
    assert owner(ticket()) == "pool:payments.zh"
    assert owner(assigned(status="offered")) == "pool:payments.zh"
    assert owner(assigned()) == "agent:Z01"
    assert owner(assigned(status="done", agent_id=None)) is None
