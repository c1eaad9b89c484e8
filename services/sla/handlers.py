"""Sla's door for events."""

from functools import partial
from typing import Any

from services.sla.domain import owner
from services.sla.domain.follow import follow
from services.sla.domain.reply import answer
from services.sla.domain.rules import Rules
from services.sla.domain.watch import Watch
from shared.codec import Inbound
from shared.doors import Handlers, ignore
from shared.events.assignments import CaseAssigned, CaseOffered, CaseQueued, CaseUnassigned
from shared.events.cases import EVENTS as CASE_EVENTS
from shared.events.escalations import ANSWERS, Answer, EscalationReply
from shared.metrics import Metrics
from shared.rules import Rules as Live

REPLIES = Inbound(frozenset(EscalationReply.TYPES))


def watch_changes(rules: Live[Rules], metrics: Metrics) -> Handlers[Watch]:
    on: Handlers[Watch] = Handlers(metrics)
    for model in CASE_EVENTS:
        on.ours(model, lambda data, event: partial(follow, event=data, at=event.time, rules=rules()))
    on.ours(CaseQueued, lambda data, event: partial(owner.queued, event=data, at=event.time))
    on.ours(CaseOffered, ignore)
    on.ours(CaseAssigned, lambda data, event: partial(owner.assigned, event=data, at=event.time, rules=rules()))
    on.ours(CaseUnassigned, lambda data, event: partial(owner.unassigned, event=data, at=event.time))
    for said in ANSWERS:
        on.outsiders(f"escalation.{said}", EscalationReply, _reply(said, rules), key=_case, once=_once)
    return on


def _reply(said: Answer, rules: Live[Rules]) -> Any:
    return lambda data, event: partial(answer, reply=data, said=said, at=event.time, rules=rules())


def _case(reply: EscalationReply) -> str:
    return reply.case_id


def _once(reply: EscalationReply) -> str:
    return f"{reply.department}:{reply.id}"
