"""Intake follows who has the case (`assignments.v1`). Routing decides; nothing is refused, nothing is given out.

A case that is resolved or closed stays as it is, and one that waits goes on waiting, whoever has it.
"""

from datetime import datetime

from services.intake.domain.case import Case
from services.intake.domain.lifecycle import SETTLED, WAITING
from shared.decisions import Decision, Note, Refused
from shared.events.assignments import CaseAssigned, CaseOffered, CaseQueued, CaseUnassigned

ROUTING = "routing"


def queued(state: Case | None, now: datetime, *, event: CaseQueued) -> Decision[Case]:
    case = known(state)
    if case.status in SETTLED:
        return Decision(case)
    status = case.status if case.status in WAITING else "queued"
    after = case.changed(status=status, pool=event.pool, agent_id=None, agent_name="", team="")
    return Decision(after, note=Note(now, "queued", ROUTING, event.why, {"pool": event.pool}))


def offered(state: Case | None, now: datetime, *, event: CaseOffered) -> Decision[Case]:
    """An offer changes nothing until it is accepted."""
    return Decision(known(state))


def assigned(state: Case | None, now: datetime, *, event: CaseAssigned) -> Decision[Case]:
    case = known(state)
    if case.status in SETTLED:
        return Decision(case)
    status = "assigned" if case.status in ("new", "queued") else case.status
    after = case.changed(status=status, agent_id=event.agent_id, agent_name=event.agent_name, team=event.team)
    return Decision(after, note=Note(now, "assigned", ROUTING, "", {"agent_id": event.agent_id, "team": event.team}))


def unassigned(state: Case | None, now: datetime, *, event: CaseUnassigned) -> Decision[Case]:
    """Word of an agent who no longer has the case anyway changes nothing."""
    case = known(state)
    if case.status in SETTLED or case.agent_id != event.agent_id:
        return Decision(case)
    status = case.status if case.status in WAITING else "queued"
    after = case.changed(status=status, agent_id=None, agent_name="", team="")
    return Decision(after, note=Note(now, "unassigned", ROUTING, event.why, {"agent_id": event.agent_id}))


def known(state: Case | None, what: str = "an assignment") -> Case:
    """Raises Refused, an error of ours, for word of a case that was never opened."""
    if state is None:
        raise Refused("unknown_case", f"{what} of a case that was never opened", field="case_id", status=404)
    return state
