"""What a crash between an agent's document and a ticket leaves behind is found."""

from typing import Any

import pytest

from services.routing.domain.agent import Agent
from services.routing.domain.sweep import left_behind, stale_reservations, without_place
from services.routing.domain.ticket import Ticket
from tests.unit.routing.makers import NOW, RULES, agent, reservation, seconds, ticket

GRACE = RULES.offers.reservation_grace_s


def had(case_id: str = "case-1", **more: Any) -> Ticket:
    plain = {"status": "assigned", "agent_id": "Z01", "generation": 1, "offered_at": NOW - seconds(GRACE)}
    return ticket(case_id).model_copy(update=plain | more)


def stale(one: Agent, *tickets: Ticket) -> list[tuple[str, str]]:
    by_id = {each.case_id: each for each in tickets}
    return [(agent_id, held.case_id) for agent_id, held in stale_reservations([one], by_id, NOW, RULES)]


@pytest.mark.parametrize("status", ["offered", "assigned"])
def test_a_reservation_that_its_ticket_confirms_stays(status: str) -> None:
    assert stale(agent(holds=("case-1",)), had(status=status)) == []


@pytest.mark.parametrize(
    "found",
    [
        [],
        [had(status="waiting", agent_id=None)],
        [had(status="done", agent_id=None)],
        [had(status="waiting")],
        [had(agent_id="Z02")],
        [had(generation=2)],
    ],
)
def test_a_reservation_that_its_ticket_does_not_confirm_is_stale(found: list[Ticket]) -> None:
    assert stale(agent(holds=("case-1",)), *found) == [("Z01", "case-1")]


def test_a_young_reservation_may_still_be_confirmed() -> None:
    young = reservation("case-1", age_s=GRACE - 0.001)
    old = reservation("case-2", age_s=GRACE)
    assert stale(agent(reservations=(young, old))) == [("Z01", "case-2")]


def placeless(one: Ticket, *agents: Agent) -> bool:
    return without_place([one], {each.agent_id: each for each in agents}, NOW, RULES) == [one]


def test_a_ticket_whose_agent_holds_its_place_is_well() -> None:
    assert not placeless(had(), agent(holds=("case-1",)))


@pytest.mark.parametrize(
    "agents", [[], [agent()], [agent(holds=("case-2",))], [agent(reservations=(reservation("case-1", 7),))]]
)
def test_a_ticket_whose_place_was_lost_is_found(agents: list[Agent]) -> None:
    assert placeless(had(), *agents)


def test_a_young_offer_is_left_alone() -> None:
    assert not placeless(had(offered_at=NOW - seconds(GRACE - 1)))


@pytest.mark.parametrize("status", ["waiting", "done"])
def test_what_nobody_has_needs_no_place(status: str) -> None:
    assert not placeless(had(status=status, agent_id=None))


def test_S9_the_cases_of_who_is_offline_are_found_oldest_first() -> None:
    agents = {"Z01": agent(state="offline"), "Z02": agent("Z02", state="break")}
    young, old = had("a"), had("b", queued_at=NOW - seconds(500), status="offered")
    others = [had("c", agent_id="Z02"), ticket("d"), had("e", status="done", agent_id=None)]
    assert left_behind([young, old, *others], agents) == [old, young]


def test_the_case_of_an_agent_nobody_knows_is_left_behind() -> None:
    assert left_behind([had()], {}) == [had()]
