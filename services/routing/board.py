"""The supervisor's live board: who is there, what waits, where it is tight; each within a second.

One address: a browser gets the page, an event stream (`Accept: text/event-stream`) gets `data: {json}` on each change.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson

from services.routing.domain.agent import Agent, total
from services.routing.domain.estimate import Outlook
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket
from services.routing.overview import pool_view, pools_shown
from services.routing.store import Agents, Tickets
from shared.clock import Clock, wire
from shared.errors import TRANSIENT
from shared.rules import Rules as Live

PAGE = Path(__file__).with_name("board.html").read_text(encoding="utf-8")
EVERY_S = 0.5
STILL_THERE_S = 15.0
MOST = 500
Handling = dict[str, list[float]]
"""By pool, how many seconds recent cases took."""


class Board:
    """One look each half second, shared by all who watch."""

    def __init__(
        self,
        tickets: Tickets,
        agents: Agents,
        rules: Live[Rules],
        handling: Callable[[], dict[str, list[float]]],
        clock: Clock,
    ) -> None:
        self._tickets, self._agents, self._rules = tickets, agents, rules
        self._handling, self._clock = handling, clock
        self._seen: dict[str, Any] = {}
        self._seen_at = 0.0
        self._turn = asyncio.Lock()

    async def look(self) -> dict[str, Any]:
        async with self._turn:
            moment = asyncio.get_running_loop().time()
            if not self._seen or moment - self._seen_at >= EVERY_S:
                self._seen, self._seen_at = await self._draw(), moment
            return self._seen

    async def _draw(self) -> dict[str, Any]:
        rules = self._rules()
        waiting, whole = await self._tickets.waiting(pools_shown(rules, ()))
        agents = await self._agents.find({}, limit=MOST)
        outlook = Outlook(waiting, agents, rules, self._handling()) if whole else None
        pools = [pool_view(name, waiting, outlook, rules) for name in pools_shown(rules, waiting)]
        return {
            "waiting": len(waiting),
            "pools": [pool for pool in pools if pool["depth"]],
            "agents": [_agent(agent) for agent in agents],
            "next": [_case(ticket) for ticket in waiting[:20]],
        }

    async def stream(self, is_over: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Server-sent events until the reader leaves or the service stops."""
        told, silent_s = b"", 0.0
        while not is_over():
            try:
                seen = orjson.dumps(await self.look(), option=orjson.OPT_SORT_KEYS)
            except TRANSIENT:
                seen = told
            if seen != told:
                told, silent_s = seen, 0.0
                yield b'data: {"at":"%s",' % wire(self._clock()).encode() + seen[1:] + b"\n\n"
            elif (silent_s := silent_s + EVERY_S) >= STILL_THERE_S:
                silent_s = 0.0
                yield b": still there\n\n"
            await asyncio.sleep(EVERY_S)


def _agent(agent: Agent) -> dict[str, Any]:
    return {
        "agent_id": agent.agent_id,
        "name": agent.name,
        "team": agent.team,
        "state": agent.state,
        "since": wire(agent.presence_at) if agent.presence_at else None,
        "load": len(agent.reservations),
        "places": total(agent),
        "cases": [place.case_id for place in agent.reservations],
    }


def _case(ticket: Ticket) -> dict[str, Any]:
    return {
        "case_id": ticket.case_id,
        "number": ticket.number,
        "priority": ticket.priority,
        "tier": ticket.tier,
        "pool": ticket.pool,
        "since": wire(ticket.waiting_since),
        "why": ticket.why,
    }
