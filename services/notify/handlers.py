"""Notify's door for events."""

from collections.abc import Callable
from functools import partial

from services.notify.domain import tell, tell_escalation, tell_feedback, tell_targets
from services.notify.domain.casefile import Casefile
from services.notify.domain.rules import Rules
from shared.decisions import Decision
from shared.doors import Ask, Handlers, ignore
from shared.events import assignments, cases, escalations, feedback, sla
from shared.events.assignments import CaseAssigned, CaseQueued, CaseUnassigned
from shared.events.cases import (
    CaseAbsorbed,
    CaseContactAdded,
    CaseMerged,
    CaseNoted,
    CaseOpened,
    CaseResolved,
    CaseWaiting,
)
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.feedback import ImprovementChanged, ImprovementOpened, SurveyExpired, SurveyRequested
from shared.events.sla import EscalationAnswered, TargetMet, TargetMissed, TargetReminder
from shared.metrics import Metrics
from shared.rules import Rules as Live

Decides = Callable[..., Decision[Casefile]]
KNOWN = (*cases.EVENTS, *assignments.EVENTS, *sla.EVENTS, *escalations.EVENTS, *feedback.EVENTS)


def case_changes(rules: Live[Rules], metrics: Metrics) -> Handlers[Casefile]:
    on: Handlers[Casefile] = Handlers(metrics)

    def telling(decide: Decides) -> Ask:
        return lambda data, event: partial(decide, event=data, cause=event.id, rules=rules())

    for known in KNOWN:
        on.ours(known, ignore)
    on.ours(CaseOpened, telling(tell.opened))
    on.ours(CaseWaiting, telling(tell.waiting))
    on.ours(CaseNoted, telling(tell.noted))
    on.ours(CaseResolved, telling(tell.resolved))
    on.ours(CaseMerged, telling(tell.case_merged))
    on.ours(CaseAbsorbed, _following(tell.absorbed))
    on.ours(CaseContactAdded, telling(tell.contact_added))
    on.ours(CaseQueued, telling(tell.queued))
    on.ours(CaseAssigned, telling(tell.assigned))
    on.ours(CaseUnassigned, _following(tell.unassigned))
    on.ours(TargetReminder, telling(tell_targets.reminder))
    on.ours(TargetMissed, telling(tell_targets.missed))
    on.ours(TargetMet, _following(tell_targets.met))
    on.ours(EscalationRaised, telling(tell_escalation.raised))
    on.ours(EscalationLevelRaised, telling(tell_escalation.raised))
    on.ours(EscalationWithdrawn, _following(tell_escalation.withdrawn))
    on.ours(EscalationAnswered, telling(tell_escalation.answered))
    on.ours(SurveyRequested, telling(tell_feedback.survey))
    on.ours(SurveyExpired, _following(tell_feedback.expired))
    on.ours(ImprovementOpened, telling(tell_feedback.improvement))
    on.ours(ImprovementChanged, telling(tell_feedback.changed))
    return on


def _following(decide: Decides) -> Ask:
    return lambda data, _: partial(decide, event=data)
