"""Notify's door for events."""

from functools import partial

from services.notify.domain import tell
from services.notify.domain.casefile import Casefile
from services.notify.domain.rules import Rules
from shared.doors import Handlers, ignore
from shared.events import assignments, cases
from shared.events.assignments import CaseAssigned
from shared.events.cases import CaseContactAdded, CaseOpened, CaseResolved
from shared.metrics import Metrics
from shared.rules import Rules as Live


def case_changes(rules: Live[Rules], metrics: Metrics) -> Handlers[Casefile]:
    on: Handlers[Casefile] = Handlers(metrics)
    for known in (*cases.EVENTS, *assignments.EVENTS):
        on.ours(known, ignore)
    on.ours(CaseOpened, lambda data, event: partial(tell.opened, event=data, cause=event.id, rules=rules()))
    on.ours(CaseAssigned, lambda data, event: partial(tell.assigned, event=data, cause=event.id, rules=rules()))
    on.ours(CaseResolved, lambda data, event: partial(tell.resolved, event=data, cause=event.id, rules=rules()))
    on.ours(CaseContactAdded, lambda data, _: partial(tell.contact_added, event=data))
    return on
