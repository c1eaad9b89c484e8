"""Routing's memory: a ticket per case, an agent per person, and the questions asked of them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, get_args

from services.routing.domain.agent import Agent, State
from services.routing.domain.offer import due
from services.routing.domain.ticket import Ticket
from shared.store import Shape, Store

MOST_WAITING = 10_000
MOST_PER_POOL = 500
RECENT = 500


def ticket_index(ticket: Ticket) -> dict[str, Any]:
    return {
        "status": ticket.status,
        "pool": ticket.pool,
        "priority": ticket.priority,
        "queued_at": ticket.queued_at,
        "agent": ticket.agent_id,
        "customer": ticket.customer_id,
        "number": ticket.number,
        "done_at": ticket.done_at,
    }


def agent_index(agent: Agent) -> dict[str, Any]:
    return {"state": agent.state, "team": agent.team, "busy": True if agent.reservations else None}


TICKETS = Shape(
    "tickets",
    Ticket,
    reads=frozenset({"cases.v1"}),
    index=ticket_index,
    indexes=(
        ("status", "priority", "queued_at"),
        ("status", "pool", "priority", "queued_at"),
        ("status", "done_at"),
        ("customer", "done_at"),
        ("number",),
    ),
    due=due,
)
AGENTS = Shape("agents", Agent, index=agent_index, indexes=(("state",), ("busy",)))

THERE = [state for state in get_args(State) if state != "offline"]
"""Named one by one: an index answers what a state is, not what it isn't."""
WAITING = {"ix.status": "waiting", "parked": None}
IN_ORDER = [("ix.priority", 1), ("ix.queued_at", 1)]


class Tickets(Store[Ticket]):
    async def waiting(self, pools: Iterable[str]) -> tuple[list[Ticket], bool]:
        """What waits, and whether that is all of it. If it is too much, the first of each of these pools."""
        found = await self.find(WAITING, sort=IN_ORDER, limit=MOST_WAITING + 1)
        if len(found) <= MOST_WAITING:
            return found, True
        firsts = [
            ticket
            for pool in pools
            for ticket in await self.find({**WAITING, "ix.pool": pool}, sort=IN_ORDER, limit=MOST_PER_POOL)
        ]
        return firsts, False

    async def with_agents(self, shards: Collection[int]) -> dict[str, Ticket]:
        """By case id, what is offered or assigned, on these shards."""
        query = {"ix.status": {"$in": ["offered", "assigned"]}, "parked": None, "shard": {"$in": sorted(shards)}}
        return {ticket.case_id: ticket for ticket in await self.find(query, limit=0)}

    async def handling(self, since: datetime) -> dict[str, list[float]]:
        """By pool, how many seconds the cases finished lately kept an agent."""
        lately = {"ix.status": "done", "ix.done_at": {"$gte": since}}
        taken: dict[str, list[float]] = {}
        for ticket in await self.find(lately, sort=[("ix.done_at", -1)], limit=RECENT):
            if ticket.accepted_at and ticket.done_at:
                taken.setdefault(ticket.pool, []).append((ticket.done_at - ticket.accepted_at).total_seconds())
        return taken

    async def helpers(self, customers: Collection[str], since: datetime) -> dict[str, str]:
        """By customer, the agent who last finished a case of his."""
        query = {"ix.customer": {"$in": sorted(customers)}, "ix.done_at": {"$gte": since}}
        done = await self.find(query, sort=[("ix.done_at", 1)], limit=0)
        return {ticket.customer_id: ticket.last_agent for ticket in done if ticket.last_agent}

    async def by_id_or_number(self, wanted: str) -> list[Ticket]:
        return await self.find({"$or": [{"_id": wanted}, {"ix.number": wanted.upper()}]}, limit=2)


class Agents(Store[Agent]):
    async def there(self) -> list[Agent]:
        """Everyone who is not offline."""
        return await self.find({"ix.state": {"$in": THERE}, "parked": None}, limit=0)

    async def busy(self, shards: Collection[int]) -> list[Agent]:
        """Whoever holds a reservation, on these shards."""
        return await self.find({"ix.busy": True, "parked": None, "shard": {"$in": sorted(shards)}}, limit=0)
