"""An agent drops out: his case goes back to the queue, where it keeps its place, so that the oldest go first (S9)."""

from datetime import datetime

from services.routing.domain.ticket import Estimates, Ticket, put_back, queued, unchanged, unknown
from shared.decisions import Decision
from shared.events.assignments import CaseUnassigned


def unassign(
    state: Ticket | None, now: datetime, *, agent_id: str, generation: int, why: str, estimates: Estimates = unknown
) -> Decision[Ticket]:
    """Only if that agent still has it by that offer; `why`: `agent_offline`, `place_lost`, ..."""
    if state is None or state.status not in ("offered", "assigned"):
        return unchanged(state)
    if (state.agent_id, state.generation) != (agent_id, generation):
        return unchanged(state)
    ticket = put_back(state, now, why=why)
    if state.status == "offered":
        ticket = ticket.model_copy(update={"waiting_since": state.waiting_since, "asked": state.asked})
        return Decision(ticket, (queued(ticket, estimates),))
    ticket = ticket.model_copy(update={"last_agent": agent_id})
    left = CaseUnassigned(case_id=ticket.case_id, number=ticket.number, agent_id=agent_id, why=why)
    return Decision(ticket, (left, queued(ticket, estimates)))
