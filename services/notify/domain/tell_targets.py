"""Whom a target tells that is about to be missed, or is: the agent, then the supervisor (SL-2, NT-4)."""

from datetime import datetime

from services.notify.domain import compose
from services.notify.domain.casefile import Casefile
from services.notify.domain.channel import desk
from services.notify.domain.compose import News, file_of
from services.notify.domain.delay import delay
from services.notify.domain.rules import Rules
from services.notify.domain.speak import Tongue
from services.notify.domain.together import then
from shared.decisions import Decision
from shared.events.escalations import DEPARTMENTS
from shared.events.sla import TargetMet, TargetMissed, TargetReminder

Alarm = TargetReminder | TargetMissed


def reminder(
    state: Casefile | None, now: datetime, *, event: TargetReminder, cause: str, rules: Rules
) -> Decision[Casefile]:
    """To the agent; towards the end also to his supervisor. A reminder that still waits gives way to it."""
    outdated = compose.superseded(file_of(state, event), now, "reminder", _about(event))
    file = outdated.state
    late = event.share >= rules.channels.staff.supervisor_from
    to = (*_agent(file, event), *(_supervisor(file, event) if late else ()))
    news = News(
        "reminder", cause, lambda tongue: {**_said(event, tongue), "share": f"{event.share:.0%}"}, about=_about(event)
    )
    return then(outdated, compose.staff(file, now, news, to, rules))


def missed(
    state: Casefile | None, now: datetime, *, event: TargetMissed, cause: str, rules: Rules
) -> Decision[Casefile]:
    """To agent and supervisor. A broken promise is told to the customer too, as a delay (NT-2)."""
    outdated = compose.superseded(file_of(state, event), now, "reminder", _about(event))
    file = outdated.state
    news = News(
        "missed", cause, lambda tongue: {**_said(event, tongue), "late": tongue.lasting(event.late_s)},
        about=_about(event),
    )  # fmt: skip
    told = then(outdated, compose.staff(file, now, news, (*_agent(file, event), *_supervisor(file, event)), rules))
    if event.target != "promise":
        return told
    news = delay(cause, reason="third_party" if event.party else "ours", about=_about(event))
    return then(told, compose.customer(told.state, now, news, rules))


def met(state: Casefile | None, now: datetime, *, event: TargetMet) -> Decision[Casefile]:
    """In time or late: what still waits, and says that it is not met, is no longer true."""
    decision = Decision(file_of(state, event))
    for milestone in ("reminder", "missed", "delay"):
        decision = then(decision, compose.superseded(decision.state, now, milestone, _about(event)))
    return decision


def _said(event: Alarm, tongue: Tongue) -> dict[str, str]:
    return {
        "target": tongue.target(event.target),
        "until": tongue.moment(event.due_at),
        "party": _party(event, tongue),
        "promise": event.promise or "",
    }


def _party(event: Alarm, tongue: Tongue) -> str:
    """Who is late, if not we ourselves: a third party, or the department that was called."""
    if event.target == "escalation" and event.party in DEPARTMENTS:
        return tongue.department(event.party)
    return event.party or ""


def _about(event: Alarm | TargetMet) -> str:
    return f"{event.target}/{event.nth}"


def _agent(file: Casefile, event: Alarm) -> tuple[str, ...]:
    return desk(event.agent_id, event.pool or file.pool)


def _supervisor(file: Casefile, event: Alarm) -> tuple[str, ...]:
    return desk(event.supervisor, event.pool or file.pool)
