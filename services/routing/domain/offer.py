"""A case is offered to one agent, who accepts, declines or lets it expire; then it goes on to the next (RT-6)."""

from datetime import datetime, timedelta

from services.routing.domain.rules import Rules
from services.routing.domain.ticket import NOBODY, Ticket, queued, remember, unchanged
from shared.decisions import Decision, Refused
from shared.events.assignments import AssignmentReason, CaseAssigned, CaseOffered
from shared.events.work import Work


def offer(
    state: Ticket | None,
    now: datetime,
    *,
    agent_id: str,
    agent_name: str,
    team: str,
    generation: int,
    reason: AssignmentReason,
    rules: Rules,
    supervisor: str | None = None,
    again: bool = False,
) -> Decision[Ticket]:
    """`generation` is the number this offer would get; `again` starts a new round of asking.

    Raises Refused `unknown_case`, `not_waiting`, `superseded`; the place held for it is then to be given back.
    """
    ticket = _known(state)
    if ticket.agent_id == agent_id and ticket.generation == generation:
        return unchanged(ticket)
    if ticket.status != "waiting":
        raise Refused("not_waiting", f"the case is {ticket.status}; only a waiting case is offered", field="status")
    if generation != ticket.generation + 1:
        raise Refused(
            "superseded", f"the next offer is number {ticket.generation + 1}, not {generation}", field="generation"
        )
    expires_at = now + timedelta(seconds=rules.offer_timeout_s(ticket.channel, ticket.priority))
    update = {
        "status": "offered", "why": "offered", "generation": generation, "agent_id": agent_id, "agent_name": agent_name,
        "team": team, "supervisor": supervisor, "reason": reason, "offered_at": now, "expires_at": expires_at,
        "asked": () if again else ticket.asked, "ever_asked": remember(ticket.ever_asked, agent_id),
    }  # fmt: skip
    event = CaseOffered(case_id=ticket.case_id, number=ticket.number, agent_id=agent_id, expires_at=expires_at)
    return Decision(ticket.model_copy(update=update), (event,))


def accept(state: Ticket | None, now: datetime, *, work: Work) -> Decision[Ticket]:
    """The agent to whom it is offered takes it. A late answer of one who had been asked changes nothing.

    Raises Refused `unknown_case` (404), `not_offered` (409).
    """
    ticket = _known(state)
    if ticket.status != "offered" or ticket.agent_id != work.agent_id:
        return _too_late(ticket, work)
    assert ticket.reason is not None
    waited_s = max(0.0, (now - ticket.waiting_since).total_seconds())
    update = {
        "status": "assigned", "why": "accepted", "accepted_at": now, "waited_s": waited_s,
        "expires_at": None, "asked": (), "returned_at": None,
    }  # fmt: skip
    event = CaseAssigned(
        case_id=ticket.case_id,
        number=ticket.number,
        agent_id=work.agent_id,
        agent_name=ticket.agent_name,
        team=ticket.team,
        supervisor=ticket.supervisor,
        reason=ticket.reason,
        waited_s=waited_s,
    )
    return Decision(ticket.model_copy(update=update), (event,))


def decline(state: Ticket | None, now: datetime, *, work: Work) -> Decision[Ticket]:
    """Back to the queue, and on to the next. A late answer of one who had been asked changes nothing.

    Raises Refused `unknown_case` (404), `not_offered` (409), `wrong_transition` (409) after accepting.
    """
    ticket = _known(state)
    if ticket.status == "offered" and ticket.agent_id == work.agent_id:
        return _come_back(ticket, now, why="declined")
    if ticket.status == "assigned" and ticket.agent_id == work.agent_id:
        raise Refused("wrong_transition", "accepted already; allowed now: transferred, resolved", field="type")
    return _too_late(ticket, work)


def due(state: Ticket) -> datetime | None:
    """When the clock must look at it next."""
    return state.expires_at if state.status == "offered" else None


def fire(state: Ticket | None, now: datetime) -> Decision[Ticket]:
    """An offer that nobody answered in time goes back to the queue, and on to the next."""
    if state is None or state.status != "offered" or state.expires_at is None or now < state.expires_at:
        return unchanged(state)
    return _come_back(state, now, why="offer_expired")


def _come_back(ticket: Ticket, now: datetime, *, why: str) -> Decision[Ticket]:
    assert ticket.agent_id is not None
    update = {
        **NOBODY, "status": "waiting", "why": why, "returned_at": now, "asked": remember(ticket.asked, ticket.agent_id)
    }  # fmt: skip
    waiting = ticket.model_copy(update=update)
    return Decision(waiting, (queued(waiting),))


def _too_late(ticket: Ticket, work: Work) -> Decision[Ticket]:
    if work.agent_id not in ticket.ever_asked:
        raise Refused("not_offered", f"the case was not offered to agent {work.agent_id}", field="agent_id")
    return unchanged(ticket)


def _known(state: Ticket | None) -> Ticket:
    if state is None:
        raise Refused("unknown_case", "routing does not know this case (yet)", field="case_id", status=404)
    return state
