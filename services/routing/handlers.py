"""Routing's door for events."""

from collections.abc import Callable
from functools import partial
from typing import Any

from services.routing.domain.agent import Agent, presence, update
from services.routing.domain.follow_case import follow
from services.routing.domain.offer import accept, decline
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Estimates, Ticket
from services.routing.domain.transfer import transfer
from shared.codec import Inbound
from shared.decisions import Decision
from shared.doors import Ask, Handlers
from shared.events.agents import AgentPresence, AgentUpdated
from shared.events.base import Event
from shared.events.cases import EVENTS as CASE_EVENTS
from shared.events.work import INTAKE_VERBS, ROUTING_VERBS, Work
from shared.fold import Change
from shared.metrics import Metrics
from shared.rules import Rules as Live

WORK = Inbound(frozenset(f"work.{verb}" for verb in INTAKE_VERBS | ROUTING_VERBS))
AGENTS = Inbound(frozenset({AgentUpdated.TYPE, AgentPresence.TYPE}))


def ticket_changes(rules: Live[Rules], metrics: Metrics, estimates: Estimates) -> Handlers[Ticket]:
    on: Handlers[Ticket] = Handlers(metrics)
    for model in CASE_EVENTS:
        on.ours(
            model, lambda data, event: partial(follow, event=data, at=event.time, rules=rules(), estimates=estimates)
        )
    _work(on, "accepted", lambda work: partial(accept, work=work))
    _work(on, "declined", lambda work: partial(decline, work=work))
    _work(on, "transferred", lambda work: partial(transfer, work=work, rules=rules(), estimates=estimates))
    return on


def _work(on: Handlers[Ticket], verb: str, ask: Callable[[Work], Any]) -> None:
    on.outsiders(f"work.{verb}", Work, lambda work, _: ask(work), key=_case, once=_once)


def _case(work: Work) -> str:
    return work.case_id


def _once(work: Work) -> str:
    return f"{work.agent_id}:{work.id}"


def work_done(changes: Handlers[Ticket]) -> Callable[[Event], Change[Ticket] | None]:
    """What intake decides of `work.v1` is intake's; routing hears of it on `cases.v1`."""
    return lambda event: changes(event) if event.type.removeprefix("work.") in ROUTING_VERBS else None


def agent_changes(rules: Live[Rules], metrics: Metrics) -> Handlers[Agent]:
    """Repeats are known by their `at`."""
    on: Handlers[Agent] = Handlers(metrics)
    on.outsiders(AgentUpdated.TYPE, AgentUpdated, _ask(update, rules), key=_agent, once=_by_time)
    on.outsiders(AgentPresence.TYPE, AgentPresence, _ask(presence, rules), key=_agent, once=_by_time)
    return on


def _ask(decision: Callable[..., Decision[Agent]], rules: Live[Rules]) -> Ask:
    return lambda data, _: partial(decision, event=data, rules=rules())


def _agent(data: AgentUpdated | AgentPresence) -> str:
    return data.agent_id


def _by_time(_: AgentUpdated | AgentPresence) -> str:
    return ""
