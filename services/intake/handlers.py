"""Intake's door for events."""

from collections.abc import Callable
from functools import partial
from typing import Any

from services.intake.domain.case import Case
from services.intake.domain.follow import assigned, offered, queued, unassigned
from services.intake.domain.roster import Colleague, enrol
from services.intake.domain.rules import Rules
from services.intake.domain.work import decide_work
from services.intake.store import ContactChange, contact_change
from shared.codec import Inbound, parse
from shared.doors import Handlers
from shared.events.agents import AgentPresence, AgentUpdated
from shared.events.assignments import CaseAssigned, CaseOffered, CaseQueued, CaseUnassigned
from shared.events.base import Event
from shared.events.contacts import Contact
from shared.events.work import INTAKE_VERBS, ROUTING_VERBS, Work
from shared.fold import Change
from shared.metrics import Metrics
from shared.rules import Rules as Live

CONTACTS = Inbound(frozenset({Contact.TYPE}), default=Contact.TYPE)
WORK = Inbound(frozenset(f"work.{verb}" for verb in INTAKE_VERBS | ROUTING_VERBS))
AGENTS = Inbound(frozenset({AgentUpdated.TYPE, AgentPresence.TYPE}))


def case_changes(rules: Live[Rules], metrics: Metrics) -> Handlers[Case]:
    """What work and assignments ask of a case. Verbs that routing decides are routing's."""
    on: Handlers[Case] = Handlers(metrics)
    for verb in INTAKE_VERBS:
        on.outsiders(
            f"work.{verb}", Work, _work(verb, rules), key=lambda work: work.case_id, once=lambda work: work.once
        )
    on.ours(CaseQueued, lambda data, _: partial(queued, event=data))
    on.ours(CaseOffered, lambda data, _: partial(offered, event=data))
    on.ours(CaseAssigned, lambda data, _: partial(assigned, event=data))
    on.ours(CaseUnassigned, lambda data, _: partial(unassigned, event=data))
    return on


def _work(verb: str, rules: Live[Rules]) -> Any:
    return lambda work, _: partial(decide_work, work=work, verb=verb, rules=rules())


def contact_received(rules: Live[Rules]) -> Callable[[Event], ContactChange]:
    return lambda event: contact_change(parse(Contact, event), rules(), event=event)


def work_done(changes: Handlers[Case]) -> Callable[[Event], Change[Case] | None]:
    return lambda event: changes(event) if event.type.removeprefix("work.") in INTAKE_VERBS else None


def interpret(contacts: Callable[[Event], ContactChange], changes: Handlers[Case]) -> Callable[[Event], Change[Case]]:
    """For a record that waited in its document: a contact, or what else a case takes."""
    return lambda event: contacts(event) if event.topic == Contact.TOPIC else changes(event)


def colleague_changes(metrics: Metrics) -> Handlers[Colleague]:
    on: Handlers[Colleague] = Handlers(metrics)
    on.outsiders(
        AgentUpdated.TYPE, AgentUpdated, lambda data, _: partial(enrol, event=data),
        key=lambda data: data.agent_id, once=lambda _: "",
    )  # fmt: skip
    return on


def agent_updated(changes: Handlers[Colleague]) -> Callable[[Event], Change[Colleague] | None]:
    """Presence is routing's."""
    return lambda event: changes(event) if event.type == AgentUpdated.TYPE else None
