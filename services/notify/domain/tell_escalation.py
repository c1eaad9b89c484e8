"""What the customer and the agent hear while a case is escalated (NT-2, NT-3)."""

from datetime import datetime

from services.notify.domain import compose
from services.notify.domain.casefile import Casefile
from services.notify.domain.channel import desk
from services.notify.domain.compose import News, file_of
from services.notify.domain.delay import delay
from services.notify.domain.rules import Rules
from services.notify.domain.together import then
from shared.decisions import Decision
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.sla import EscalationAnswered

LEVELS = (1, 2, 3)


def raised(
    state: Casefile | None,
    now: datetime,
    *,
    event: EscalationRaised | EscalationLevelRaised,
    cause: str,
    rules: Rules,
) -> Decision[Casefile]:
    """The customer hears of each level once, while any escalation stands there or higher, however many are missed.

    Of a broken promise he is told as a delay, so not of its first level.
    """
    file = file_of(state, event)
    if event.target == "promise" and event.level == 1:
        return Decision(file)
    after = file.stands(event.escalation_id, event.level)
    if event.level <= file.highest_level:
        return Decision(after)
    news = News("escalated", cause, lambda tongue: {"level": tongue.level(event.level)}, about=_about(event.level))
    return compose.customer(after, now, news, rules)


def withdrawn(state: Casefile | None, now: datetime, *, event: EscalationWithdrawn) -> Decision[Casefile]:
    """It stands below this level now, if at all. A level on which nothing stands any more is not told."""
    file = file_of(state, event).stands_at_most(event.escalation_id, event.level - 1)
    decision = Decision(file)
    for level in LEVELS[file.highest_level :]:
        decision = then(decision, compose.superseded(decision.state, now, "escalated", _about(level)))
    return decision


def answered(
    state: Casefile | None, now: datetime, *, event: EscalationAnswered, cause: str, rules: Rules
) -> Decision[Casefile]:
    """The agent reads the department's words; the customer hears what it means for him, in ours."""
    file = file_of(state, event).stands_at_most(event.escalation_id, event.stands)
    news = News(
        "escalation_answered",
        cause,
        lambda tongue: {
            "department": tongue.department(event.department),
            "answer": event.answer,
            "by": event.by,
            "words": event.text,
            "until": tongue.moment(event.fix_at),
        },
    )
    told = compose.staff(file, now, news, desk(file.agent_id, file.pool), rules)
    for_customer = _for_customer(event, cause, rules)
    return then(told, compose.customer(told.state, now, for_customer, rules)) if for_customer else told


def _about(level: int) -> str:
    return f"level/{level}"


def _for_customer(event: EscalationAnswered, cause: str, rules: Rules) -> News | None:
    """A fix that comes after the promise is a delay, told once for each new date (SL-14)."""
    if event.delays and event.fix_at and event.answer in ("acknowledged", "progress"):
        reason = rules.terms.delays.get(event.department, "ours")
        once = f"{event.escalation_id}/{event.fix_at.isoformat()}"
        return delay(cause, reason=reason, until=event.fix_at, once=once)
    if event.answer not in ("progress", "resolved"):
        return None
    return News(
        "escalation_progress",
        cause,
        lambda tongue: {
            "level": tongue.level(event.level),
            "answer": event.answer,
            "until": tongue.moment(event.fix_at),
        },
    )
