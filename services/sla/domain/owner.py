"""Who has the ball (`assignments.v1`): whom to remind, and whom to name to those who are called. Routing decides."""

from datetime import datetime
from typing import cast

from services.sla.domain.inactivity import stir
from services.sla.domain.rules import Rules
from services.sla.domain.watch import SETTLED, Watch
from shared.decisions import Decision
from shared.events.assignments import CaseAssigned, CaseQueued, CaseUnassigned

ROUTING = "routing"


def queued(state: Watch | None, now: datetime, *, event: CaseQueued, at: datetime) -> Decision[Watch]:
    if state is None:
        return Decision(cast(Watch, state))
    return Decision(state.changed(pool=event.pool).told(at, ROUTING, "queued", event.pool))


def assigned(state: Watch | None, now: datetime, *, event: CaseAssigned, at: datetime, rules: Rules) -> Decision[Watch]:
    """Somebody of ours takes it up: that is progress."""
    if state is None:
        return Decision(cast(Watch, state))
    watch = state.changed(agent_id=event.agent_id, supervisor=event.supervisor)
    return Decision(*stir(watch.told(at, ROUTING, "assigned", event.agent_id), at, rules))


def unassigned(state: Watch | None, now: datetime, *, event: CaseUnassigned, at: datetime) -> Decision[Watch]:
    if state is None or state.status in SETTLED or state.agent_id != event.agent_id:
        return Decision(cast(Watch, state))
    watch = state.changed(agent_id=None, supervisor=None)
    return Decision(watch.told(at, ROUTING, "unassigned", f"{event.agent_id}: {event.why}"))
