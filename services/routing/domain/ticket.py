"""Routing's view of one case: where it queues, who has it or is asked, and what the choice rests on."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict

from shared.decisions import Decision
from shared.events.assignments import AssignmentReason, CaseQueued
from shared.events.base import PersonalText
from shared.events.cases import Kind, Priority

Status = Literal["waiting", "offered", "assigned", "done"]
REMEMBERED = 50
Estimates = Callable[[str, str, str], int | None]
"""Seconds that a case would wait in a pool (skill, language) at a priority, as far as it is known."""


def unknown(_skill: str, _language: str, _priority: str) -> int | None:
    """No estimate."""
    return None


class Ticket(BaseModel):
    """One document per case, under the case id.

    queued_at       since when it ranks in the queue; kept when an agent drops out, so that the oldest go first
    waiting_since   since when nobody has it; what `waited_s` and the rings count from
    generation      +1 with every offer; tells a reservation whether it is still meant
    asked           agents who declined or let expire in this round; the round starts again when all have been asked
    ever_asked      agents whose late answer is no surprise (the last 50)
    returned_at     when the last offer came back
    """

    model_config = ConfigDict(frozen=True)

    case_id: str
    number: str
    customer_id: str
    tier: str | None = None
    channel: str
    language: str
    category: tuple[str, ...]
    kind: Kind
    priority: Priority
    priority_rule: str = ""
    missing: tuple[str, ...] = ()
    review: str | None = None
    drill: bool = False

    pool: str
    skill: str
    level: int
    status: Status = "waiting"
    why: str = ""
    opened_at: datetime
    queued_at: datetime
    waiting_since: datetime

    generation: int = 0
    agent_id: str | None = None
    agent_name: PersonalText = ""
    team: str = ""
    supervisor: str | None = None
    reason: AssignmentReason | None = None
    offered_at: datetime | None = None
    expires_at: datetime | None = None
    accepted_at: datetime | None = None
    waited_s: float | None = None
    done_at: datetime | None = None

    asked: tuple[str, ...] = ()
    ever_asked: tuple[str, ...] = ()
    returned_at: datetime | None = None
    last_agent: str | None = None


NOBODY = {
    "agent_id": None, "agent_name": "", "team": "", "supervisor": None, "reason": None,
    "offered_at": None, "expires_at": None, "accepted_at": None, "waited_s": None, "done_at": None,
}  # fmt: skip


def unchanged(state: Ticket | None) -> Decision[Ticket]:
    """Nothing to do, for a case that routing does not know as well."""
    return Decision(cast(Ticket, state))


def queued(ticket: Ticket, estimates: Estimates = unknown) -> CaseQueued:
    return CaseQueued(
        case_id=ticket.case_id,
        number=ticket.number,
        pool=ticket.pool,
        priority=ticket.priority,
        estimate_s=estimates(ticket.skill, ticket.language, ticket.priority),
        why=ticket.why,
    )


def put_back(ticket: Ticket, now: datetime, *, why: str) -> Ticket:
    """Nobody has it any more; it waits from now on, in its old place in the queue and in a new round."""
    left = {**NOBODY, "status": "waiting", "why": why, "waiting_since": now, "asked": (), "returned_at": None}
    return ticket.model_copy(update=left)


def remember(agents: tuple[str, ...], agent_id: str) -> tuple[str, ...]:
    return (*(a for a in agents if a != agent_id), agent_id)[-REMEMBERED:]
