"""What is learned of a waiting case after its opening: its rank, whose it is, and what is missing."""

from typing import Any

import pytest

from services.routing.domain.follow_case import follow
from services.routing.domain.match import in_queue_order
from services.routing.domain.ticket import Ticket
from shared.decisions import Decision
from shared.events.base import EventData
from shared.events.cases import CaseAbsorbed, CaseContactAdded, CaseFactsChecked, ContactRef
from tests.unit.routing.makers import NOW, RULES, ticket

IDS = {"case_id": "case-1", "number": "7KQ4-M2XD"}


def added(**more: Any) -> CaseContactAdded:
    return CaseContactAdded(**IDS, contact_id="c", contact=ContactRef(source="s", id="2"), channel="chat", **more)


def absorbs(**more: Any) -> CaseAbsorbed:
    return CaseAbsorbed(**IDS, by="Z01", of="b", of_number="M7JX-HSCM", **more)


def checked(**more: Any) -> CaseFactsChecked:
    return CaseFactsChecked(**IDS, by="look-up", **more)


def told(state: Ticket | None, event: EventData) -> Decision[Ticket]:
    return follow(state, NOW, event=event, rules=RULES)


@pytest.mark.parametrize(
    "event", [added(tier="gold"), absorbs(tier="gold"), checked(tier="gold")], ids=lambda e: e.TYPE
)
def test_S7_a_tier_that_is_learned_later_moves_a_case_ahead_in_the_queue(event: EventData) -> None:
    first, later = ticket("case-0", waited_s=60), ticket()
    decision = told(later, event)
    assert [waiting.case_id for waiting in in_queue_order([first, later], RULES)] == ["case-0", "case-1"]
    assert [w.case_id for w in in_queue_order([first, decision.state], RULES)] == ["case-1", "case-0"]
    assert decision.events == ()


@pytest.mark.parametrize("event", [added(), absorbs(), checked()], ids=lambda e: e.TYPE)
def test_an_event_that_names_no_tier_and_no_customer_takes_none_away(event: EventData) -> None:
    known = ticket(tier="gold")
    assert told(known, event).state is known
    assert told(None, event).state is None


@pytest.mark.parametrize("event", [added(customer_id="known"), absorbs(customer_id="known")], ids=lambda e: e.TYPE)
def test_IN_3_whoever_turns_out_to_be_the_customer_is_preferred_by_the_agent_who_knows_him(event: EventData) -> None:
    assert told(ticket(), event).state.customer_id == "known"


def test_RT_14_what_is_missing_is_what_is_missing_now() -> None:
    asked = told(ticket(missing=("order", "phone")), added(missing=("phone",))).state
    assert asked.missing == ("phone",)
    assert told(asked, checked()).state.missing == ("phone",), "a look-up says nothing of it"


def test_IN_15_a_merger_tells_tier_customer_and_whom_to_prefer_at_once() -> None:
    after = told(ticket(), absorbs(tier="gold", customer_id="known", agent_id="Z02")).state
    assert (after.tier, after.customer_id, after.last_agent) == ("gold", "known", "Z02")
    had = ticket(last_agent="Z01")
    assert told(had, absorbs(tier="gold", agent_id="Z02")).state.last_agent == "Z01"
