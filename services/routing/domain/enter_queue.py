"""A new case joins the queue of its pool."""

from datetime import datetime

from services.routing.domain.pools import place
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Estimates, Ticket, queued, unchanged, unknown
from shared.decisions import Decision
from shared.events.cases import CaseOpened


def enter(
    state: Ticket | None,
    now: datetime,
    *,
    opened: CaseOpened,
    rules: Rules,
    at: datetime | None = None,
    estimates: Estimates = unknown,
) -> Decision[Ticket]:
    """`at`: when the case was opened, if that is known better than by `now`; it ranks and waits from there."""
    if state is not None:
        return unchanged(state)
    ticket = _ticket(opened, min(at or now, now), rules)
    return Decision(ticket, (queued(ticket, estimates),))


def _ticket(opened: CaseOpened, since: datetime, rules: Rules) -> Ticket:
    where = place(opened.category, opened.kind, opened.priority, opened.language, rules, opened.review)
    return Ticket(
        case_id=opened.case_id,
        number=opened.number,
        customer_id=opened.customer.id,
        tier=opened.customer.tier,
        channel=opened.channel,
        language=where.language,
        category=opened.category,
        kind=opened.kind,
        priority=opened.priority,
        priority_rule=opened.priority_reason.rule,
        missing=opened.missing,
        review=opened.review,
        drill=opened.drill,
        pool=where.pool,
        skill=where.skill,
        level=where.level,
        why=f"review: {opened.review}" if opened.review else "opened",
        opened_at=since,
        queued_at=since,
        waiting_since=since,
    )
