"""Intake's door for events."""

from collections.abc import Callable
from functools import partial
from typing import Any

from services.intake.change import PAIRS, Answer, ContactChange, contact_change, paired
from services.intake.domain import follow, follow_escalation, follow_feedback, follow_targets
from services.intake.domain.approve import Approved, approve, retire
from services.intake.domain.case import Case
from services.intake.domain.follow_incident import Incident, declared
from services.intake.domain.roster import Colleague, enrol
from services.intake.domain.rules import Rules
from services.intake.domain.work import decide_work
from shared.codec import Inbound, parse
from shared.decisions import Decision
from shared.doors import Ask, Handlers, ignore
from shared.events import escalations, feedback, sla
from shared.events.agents import AgentPresence, AgentUpdated
from shared.events.assignments import CaseAssigned, CaseOffered, CaseQueued, CaseUnassigned
from shared.events.base import Event
from shared.events.contacts import Contact
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.feedback import (
    ImprovementChanged,
    ImprovementClosed,
    ImprovementOpened,
    KnowledgeApproved,
    KnowledgeRetired,
    SurveyAnswered,
)
from shared.events.incidents import IncidentDeclared
from shared.events.sla import ClockPaused, ClockResumed, ClockStarted, EscalationAnswered, TargetMissed
from shared.events.work import INTAKE_VERBS, ROUTING_VERBS, Work
from shared.fold import Change
from shared.metrics import Metrics
from shared.rules import Rules as Live

CONTACTS = Inbound(frozenset({Contact.TYPE}), default=Contact.TYPE)
WORK = Inbound(frozenset(f"work.{verb}" for verb in INTAKE_VERBS | ROUTING_VERBS))
AGENTS = Inbound(frozenset({AgentUpdated.TYPE, AgentPresence.TYPE}))
KNOWLEDGE = "knowledge."


def case_changes(rules: Live[Rules], metrics: Metrics) -> Handlers[Case]:
    """What work asks of a case, and what other services decided of it. Verbs that routing decides are routing's."""
    on: Handlers[Case] = Handlers(metrics)
    for verb in INTAKE_VERBS:
        on.outsiders(
            f"work.{verb}", Work, _work(verb, rules), key=lambda work: work.case_id, once=lambda work: work.once
        )
    for known in (*sla.EVENTS, *escalations.EVENTS, *feedback.EVENTS):
        on.ours(known, ignore)
    on.ours(CaseQueued, _following(follow.queued))
    on.ours(CaseOffered, _following(follow.offered))
    on.ours(CaseAssigned, _following(follow.assigned))
    on.ours(CaseUnassigned, _following(follow.unassigned))
    on.ours(ClockStarted, _following(follow_targets.clock))
    on.ours(ClockPaused, _following(follow_targets.clock))
    on.ours(ClockResumed, _following(follow_targets.clock))
    on.ours(TargetMissed, _following(follow_targets.missed))
    on.ours(EscalationRaised, _following(follow_escalation.raised))
    on.ours(EscalationLevelRaised, _following(follow_escalation.raised))
    on.ours(EscalationWithdrawn, _following(follow_escalation.withdrawn))
    on.ours(EscalationAnswered, _following(follow_escalation.answered))
    on.ours(SurveyAnswered, _following(follow_feedback.survey_answered))
    on.ours(ImprovementOpened, _following(follow_feedback.improvement_opened))
    on.ours(ImprovementChanged, _following(follow_feedback.improvement_changed))
    on.ours(ImprovementClosed, _following(follow_feedback.improvement_closed))
    return on


def _following(decide: Callable[..., Decision[Case]]) -> Ask:
    return lambda data, _: partial(decide, event=data)


def _work(verb: str, rules: Live[Rules]) -> Any:
    return lambda work, _: partial(decide_work, work=work, verb=verb, rules=rules())


def contact_received(rules: Live[Rules], answer: Answer | None = None) -> Callable[[Event], ContactChange]:
    """`answer`: of the customer system, until it is asked; None where there is none."""
    return lambda event: contact_change(parse(Contact, event), rules(), event=event, answer=answer)


def work_done(changes: Handlers[Case]) -> Callable[[Event], Change[Case] | None]:
    def door(event: Event) -> Change[Case] | None:
        verb = event.type.removeprefix("work.")
        change = changes(event) if verb in INTAKE_VERBS else None
        return paired(change, parse(Work, event), verb) if change and verb in PAIRS else change

    return door


def of_cases(changes: Handlers[Case]) -> Callable[[Event], Change[Case] | None]:
    """What feedback says of a knowledge entry is no word of a case."""
    return lambda event: None if event.type.startswith(KNOWLEDGE) else changes(event)


def knowledge_changes(metrics: Metrics) -> Handlers[Approved]:
    on: Handlers[Approved] = Handlers(metrics)
    on.ours(KnowledgeApproved, lambda data, _: partial(approve, event=data))
    on.ours(KnowledgeRetired, lambda data, _: partial(retire, event=data))
    return on


def of_knowledge(changes: Handlers[Approved]) -> Callable[[Event], Change[Approved] | None]:
    return lambda event: changes(event) if event.type.startswith(KNOWLEDGE) else None


def interpret(contacts: Callable[[Event], ContactChange], changes: Handlers[Case]) -> Callable[[Event], Change[Case]]:
    """For a record that waited in its document: a contact, or what else a case takes."""
    return lambda event: contacts(event) if event.topic == Contact.TOPIC else changes(event)


def incident_changes(metrics: Metrics) -> Handlers[Incident]:
    on: Handlers[Incident] = Handlers(metrics)
    on.ours(IncidentDeclared, lambda data, _: partial(declared, event=data))
    return on


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
