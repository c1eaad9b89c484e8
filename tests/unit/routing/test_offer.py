from typing import Any

import pytest

from services.routing.domain.offer import accept, decline, due, fire, offer
from services.routing.domain.ticket import Ticket
from shared.decisions import Decision, Refused
from shared.events.assignments import CaseAssigned, CaseOffered, CaseQueued
from tests.unit.routing.makers import NOW, REASON, RULES, rules_with, seconds, ticket, work

RULES_20 = rules_with(timeout_s={"default": 20})


def offered_to(agent_id: str, state: Ticket | None = None, **more: Any) -> Ticket:
    state = state or ticket(waited_s=12)
    plain: dict[str, Any] = {
        "agent_id": agent_id,
        "agent_name": "李雷",
        "team": "front",
        "generation": state.generation + 1,
        "reason": REASON,
        "rules": RULES_20,
    }
    return offer(state, NOW, **(plain | more)).state


def refusal(decide: Any, *args: Any, **more: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        decide(*args, **more)
    return refused.value


def test_RT_6_an_offer_names_the_agent_and_ends() -> None:
    decision = offer(
        ticket(), NOW, agent_id="Z01", agent_name="李雷", team="front", generation=1, reason=REASON, rules=RULES_20
    )
    state = decision.state
    assert (state.status, state.agent_id, state.generation) == ("offered", "Z01", 1)
    assert state.expires_at == due(state) == NOW + seconds(20)
    assert decision.events == (
        CaseOffered(case_id="case-1", number="7KQ4-M2XD", agent_id="Z01", expires_at=NOW + seconds(20)),
    )


def test_the_same_offer_again_changes_nothing() -> None:
    state = offered_to("Z01")
    again = offer(state, NOW, agent_id="Z01", agent_name="", team="", generation=1, reason=REASON, rules=RULES_20)
    assert again == Decision(state)


@pytest.mark.parametrize("status", ["offered", "assigned", "done"])
def test_S9_what_does_not_wait_is_not_offered_to_a_second(status: str) -> None:
    state = offered_to("Z01").model_copy(update={"status": status})
    assert refusal(offered_to, "Z02", state).code == "not_waiting"


@pytest.mark.parametrize("generation", [3, 4, 6])
def test_an_offer_thought_out_before_the_last_one_is_refused(generation: int) -> None:
    assert refusal(offered_to, "Z01", ticket(generation=4), generation=generation).code == "superseded"


def test_a_case_routing_does_not_know_is_not_offered() -> None:
    refused = refusal(
        offer, None, NOW, agent_id="Z01", agent_name="", team="", generation=1, reason=REASON, rules=RULES
    )
    assert (refused.code, refused.status) == ("unknown_case", 404)


def test_RT_6_accepting_assigns_with_name_team_reason_and_wait() -> None:
    decision = accept(offered_to("Z01"), NOW + seconds(3), work=work("Z01"))
    assert (decision.state.status, decision.state.accepted_at) == ("assigned", NOW + seconds(3))
    assert due(decision.state) is None
    assert decision.events == (
        CaseAssigned(
            case_id="case-1",
            number="7KQ4-M2XD",
            agent_id="Z01",
            agent_name="李雷",
            team="front",
            reason=REASON,
            waited_s=15,
        ),
    )


def test_accepting_again_changes_nothing() -> None:
    state = accept(offered_to("Z01"), NOW, work=work("Z01")).state
    assert accept(state, NOW, work=work("Z01")) == Decision(state)


def test_who_was_never_asked_cannot_accept() -> None:
    for state in (ticket(), offered_to("Z01"), accept(offered_to("Z01"), NOW, work=work("Z01")).state):
        refused = refusal(accept, state, NOW, work=work("Z02"))
        assert (refused.code, refused.status, refused.field) == ("not_offered", 409, "agent_id")


def test_a_late_accept_changes_nothing_wherever_the_case_is_by_then() -> None:
    waiting = fire(offered_to("Z01"), NOW + seconds(20)).state
    offered = offered_to("Z02", waiting)
    assigned = accept(offered, NOW, work=work("Z02")).state
    for state in (waiting, offered, assigned, assigned.model_copy(update={"status": "done", "agent_id": None})):
        assert accept(state, NOW, work=work("Z01")) == Decision(state)


def test_a_late_accept_of_an_earlier_round_is_still_no_surprise() -> None:
    state = offered_to("Z02", fire(offered_to("Z01"), NOW + seconds(20)).state, again=True)
    assert state.asked == ()
    assert accept(state, NOW, work=work("Z01")) == Decision(state)


def test_RT_6_declining_sends_it_on_and_remembers_who_was_asked() -> None:
    before = offered_to("Z01")
    decision = decline(before, NOW + seconds(5), work=work("Z01"))
    state = decision.state
    assert (state.status, state.agent_id, state.asked) == ("waiting", None, ("Z01",))
    assert (state.queued_at, state.waiting_since) == (before.queued_at, before.waiting_since)
    assert state.returned_at == NOW + seconds(5)
    assert [(type(e), getattr(e, "why", "")) for e in decision.events] == [(CaseQueued, "declined")]


def test_a_late_decline_changes_nothing() -> None:
    state = offered_to("Z02", decline(offered_to("Z01"), NOW, work=work("Z01")).state)
    assert decline(state, NOW, work=work("Z01")) == Decision(state)


def test_declining_after_accepting_is_refused_with_what_is_allowed() -> None:
    state = accept(offered_to("Z01"), NOW, work=work("Z01")).state
    refused = refusal(decline, state, NOW, work=work("Z01"))
    assert refused.code == "wrong_transition"
    assert "transferred" in refused.message


def test_who_was_never_asked_cannot_decline() -> None:
    assert refusal(decline, offered_to("Z01"), NOW, work=work("Z02")).code == "not_offered"


def test_RT_6_S9_an_offer_not_answered_in_time_goes_on() -> None:
    decision = fire(offered_to("Z01"), NOW + seconds(20))
    assert (decision.state.status, decision.state.agent_id, decision.state.asked) == ("waiting", None, ("Z01",))
    assert [(type(e), getattr(e, "why", "")) for e in decision.events] == [(CaseQueued, "offer_expired")]


def test_the_clock_is_never_early() -> None:
    state = offered_to("Z01")
    assert fire(state, NOW + seconds(19.999)) == Decision(state)


def test_the_clock_does_nothing_to_what_is_not_offered() -> None:
    assigned = accept(offered_to("Z01"), NOW, work=work("Z01")).state
    for state in (ticket(), assigned):
        assert fire(state, NOW + seconds(999)) == Decision(state)
        assert due(state) is None


def test_a_ticket_can_be_stored_and_read_again() -> None:
    state = offered_to("Z01")
    assert Ticket.model_validate(state.model_dump()) == state
