"""What a crash between two documents may leave behind, found by comparing them.

A reservation is valid exactly while its ticket confirms it: same agent, same generation, offered or assigned.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from services.routing.domain.agent import Agent, Reservation
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket


def confirms(ticket: Ticket | None, agent_id: str, generation: int) -> bool:
    return (
        ticket is not None
        and ticket.status in ("offered", "assigned")
        and (ticket.agent_id, ticket.generation) == (agent_id, generation)
    )


def stale_reservations(
    agents: Iterable[Agent], tickets: Mapping[str, Ticket], now: datetime, rules: Rules
) -> list[tuple[str, Reservation]]:
    """(agent id, reservation) to be released. `tickets` by case id, read after the agents were.

    Young ones are left alone: their offer may be on its way.
    """
    before = now - timedelta(seconds=rules.offers.reservation_grace_s)
    return [
        (agent.agent_id, held)
        for agent in agents
        for held in agent.reservations
        if held.at <= before and not confirms(tickets.get(held.case_id), agent.agent_id, held.generation)
    ]


def without_place(tickets: Iterable[Ticket], agents: Mapping[str, Agent], now: datetime, rules: Rules) -> list[Ticket]:
    """Tickets whose agent holds no place for them any more: to be reserved again, or unassigned if that is refused.

    `agents` by agent id, read after the tickets were.
    """
    before = now - timedelta(seconds=rules.offers.reservation_grace_s)
    return [
        ticket
        for ticket in tickets
        if ticket.status in ("offered", "assigned")
        and (ticket.offered_at is None or ticket.offered_at <= before)
        and not _holds(agents.get(ticket.agent_id or ""), ticket)
    ]


def left_behind(tickets: Iterable[Ticket], agents: Mapping[str, Agent]) -> list[Ticket]:
    """Tickets of agents who are offline, oldest first: to be unassigned (S9)."""
    left = [
        ticket
        for ticket in tickets
        if ticket.status in ("offered", "assigned") and _is_offline(agents.get(ticket.agent_id or ""))
    ]
    return sorted(left, key=lambda ticket: (ticket.queued_at, ticket.case_id))


def _holds(agent: Agent | None, ticket: Ticket) -> bool:
    wanted = (ticket.case_id, ticket.generation)
    return agent is not None and any((held.case_id, held.generation) == wanted for held in agent.reservations)


def _is_offline(agent: Agent | None) -> bool:
    return agent is None or agent.state == "offline"
