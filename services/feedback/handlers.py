"""Feedback's door for events."""

from functools import partial

from services.feedback.domain.delivery import deliver
from services.feedback.domain.follow import follow
from services.feedback.domain.outcome import CaseOutcome
from services.feedback.domain.promise import settle
from services.feedback.domain.rules import Rules
from shared.doors import Handlers, ignore
from shared.events import assignments, cases, notifications, sla
from shared.events.sla import TargetMet, TargetMissed
from shared.metrics import Metrics
from shared.rules import Rules as Live


def case_changes(rules: Live[Rules], metrics: Metrics) -> Handlers[CaseOutcome]:
    on: Handlers[CaseOutcome] = Handlers(metrics)
    for known in sla.EVENTS:
        on.ours(known, ignore)
    for model in (*cases.EVENTS, *assignments.EVENTS):
        on.ours(model, lambda data, event: partial(follow, event=data, at=event.time, rules=rules()))
    for target in (TargetMet, TargetMissed):
        on.ours(target, lambda data, _: partial(settle, event=data))
    for message in notifications.EVENTS:
        on.ours(message, lambda data, _: partial(deliver, event=data))
    return on
