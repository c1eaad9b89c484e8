"""Routing's door for HTTP: agents and their presence, pools, and why a case is where it is."""

from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import BaseModel

from services.routing.board import PAGE, Board
from services.routing.desk import Desk
from services.routing.domain.agent import Agent, free_places, presence, total, update
from services.routing.domain.estimate import Outlook
from services.routing.domain.explain import explain
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket
from services.routing.overview import pool_ids, pool_view, pools_shown
from services.routing.store import Agents, Tickets
from shared.access import Principal
from shared.clock import wire
from shared.doors import cause_of, inbound_record
from shared.events.agents import AgentPresence, AgentUpdated
from shared.fold import Change
from shared.http import After, Limit, Problem, body_of, for_himself, page, read_body, takes, who
from shared.ids import named
from shared.rules import Rules as Live
from shared.service import Running
from shared.telemetry import current_trace

E = TypeVar("E", bound=BaseModel)
Supervisor = Annotated[Principal, who("supervisor")]
Worker = Annotated[Principal, who("agent", "supervisor", "expert", "engineer", "coordinator")]
Watcher = Annotated[Principal, who("supervisor", writes=False)]
Reader = Annotated[Principal, who("agent", "supervisor", "expert", "coordinator", "quality", writes=False)]


def router(running: Running, tickets: Tickets, agents: Agents, desk: Desk, rules: Live[Rules]) -> APIRouter:
    """The doors of CONTRACTS section 3, routing."""
    doors = APIRouter()
    _agents(doors, running, agents, rules)
    _pools(doors, running, tickets, agents, desk, rules)
    _cases(doors, running, tickets, agents, desk, rules)
    _board(doors, running, Board(tickets, agents, rules, lambda: desk.handling, running.core.clock))
    return doors


def _agents(doors: APIRouter, running: Running, agents: Agents, rules: Live[Rules]) -> None:
    @doors.put("/v1/agents/{agent_id}", tags=["agents"], openapi_extra=takes(AgentUpdated))
    async def put(request: Request, agent_id: str, by: Supervisor) -> Response:
        value = await read_body(request)
        event = _event(AgentUpdated, agent_id, value, running)

        async def make() -> tuple[int, Any]:
            return 200, await _say(running, agents, event, partial(update, event=event, rules=rules()))

        return await running.idempotency.answer(request, by, value, make)

    @doors.post("/v1/agents/{agent_id}/presence", tags=["agents"], openapi_extra=takes(AgentPresence))
    async def say_presence(request: Request, agent_id: str, by: Worker) -> Response:
        for_himself(by, agent_id)
        value = await read_body(request)
        event = _event(AgentPresence, agent_id, value, running)

        async def make() -> tuple[int, Any]:
            return 200, await _say(running, agents, event, partial(presence, event=event, rules=rules()))

        return await running.idempotency.answer(request, by, value, make)

    @doors.get("/v1/agents", tags=["agents"])
    async def search(
        _: Reader, state: str | None = None, team: str | None = None, limit: Limit = 50, after: After = ""
    ) -> Any:
        wanted = {"ix.state": state, "ix.team": team}
        query = {"_id": {"$gt": after}} | {name: value for name, value in wanted.items() if value}
        found = await agents.find(query, limit=limit + 1)
        return page([_shown(agent) for agent in found], limit, lambda item: str(item["agent_id"]))

    @doors.get("/v1/agents/{agent_id}", tags=["agents"])
    async def show(_: Reader, agent_id: str) -> Any:
        found = await agents.get(agent_id)
        if found is None:
            raise Problem(404, "unknown_agent", f"there is no agent {agent_id}", field="agent_id")
        return _shown(found)


def _event(model: type[E], agent_id: str, value: Any, running: Running) -> E:
    """The body as the record it will be on `agents.v1`; `at` is now unless it is told."""
    if not isinstance(value, dict):
        raise Problem(422, "invalid", "body: a JSON object is wanted", field="body")
    if value.get("agent_id", agent_id) != agent_id:
        raise Problem(422, "invalid", "agent_id: another one than in the path", field="agent_id")
    return body_of(model, {"at": wire(running.core.clock()), **value, "agent_id": agent_id})


async def _say(running: Running, agents: Agents, event: AgentUpdated | AgentPresence, decide: Any) -> dict[str, Any]:
    """Decide here as the Kafka door would, and write the record beside it, so that the topic holds everything."""
    cause = cause_of(event.TOPIC, event.agent_id, named(event.TYPE, event.model_dump_json()))
    record = inbound_record(event.TOPIC, event.TYPE, event.agent_id, event, running.core.clock(), cause)
    change = Change(event.agent_id, decide, cause, records=(record,), trace=current_trace())
    outcome = await running.submit(agents, change)
    assert outcome.state is not None
    return _shown(outcome.state)


def _shown(agent: Agent) -> dict[str, Any]:
    shown = agent.model_dump(mode="json")
    channels = [channel for channel in agent.capacity if channel != "total"]
    free = {channel: free_places(agent, channel) for channel in channels}
    return {**shown, "load": len(agent.reservations), "places": total(agent), "free": free}


def _pools(
    doors: APIRouter, running: Running, tickets: Tickets, agents: Agents, desk: Desk, rules: Live[Rules]
) -> None:
    @doors.get("/v1/pools", tags=["pools"])
    async def pools(_: Reader, limit: Limit = 200, after: After = "") -> Any:
        waiting, whole = await tickets.waiting(pool_ids(rules()))
        there = await agents.there()
        outlook = Outlook(waiting, there, rules(), desk.handling) if whole else None
        names = [name for name in pools_shown(rules(), waiting) if name > after]
        shown = [pool_view(name, waiting, outlook, rules()) for name in names[: limit + 1]]
        return page(shown, limit, lambda item: str(item["id"]))


def _cases(
    doors: APIRouter, running: Running, tickets: Tickets, agents: Agents, desk: Desk, rules: Live[Rules]
) -> None:
    @doors.get("/v1/cases/{case}/routing", tags=["cases"])
    async def routing(_: Reader, case: str) -> Any:
        ticket = await _ticket(tickets, case)
        waiting, _whole = await tickets.waiting(pool_ids(rules()))
        there = await agents.there()
        familiar = await desk.who_knows([*waiting, ticket], rules())
        estimate_s = desk.estimates(ticket.skill, ticket.language, ticket.priority)
        return explain(ticket, waiting, there, running.core.clock(), rules(), familiar=familiar, estimate_s=estimate_s)


async def _ticket(tickets: Tickets, id_or_number: str) -> Ticket:
    found = await tickets.by_id_or_number(id_or_number)
    if not found:
        raise Problem(404, "unknown_case", f"routing knows no case {id_or_number} (yet)", field="case")
    if len(found) > 1:
        ids = [ticket.case_id for ticket in found]
        raise Problem(409, "ambiguous_number", "more than one case has this number; use the id", field="case", ids=ids)
    return found[0]


def _board(doors: APIRouter, running: Running, board: Board) -> None:
    @doors.get("/board", tags=["board"], response_class=HTMLResponse)
    async def watch(request: Request, _: Watcher) -> Response:
        if "text/event-stream" not in request.headers.get("accept", ""):
            return HTMLResponse(PAGE)
        stream = board.stream(lambda: running.stopping)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
