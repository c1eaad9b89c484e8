"""What follows when it is over: the survey for the customer, the improvement for who is responsible (NT-1, NT-4)."""

from datetime import datetime

from services.notify.domain import compose
from services.notify.domain.casefile import Casefile
from services.notify.domain.channel import desk
from services.notify.domain.compose import News, file_of
from services.notify.domain.rules import Rules
from services.notify.domain.together import then
from shared.decisions import Decision
from shared.events.feedback import ImprovementChanged, ImprovementOpened, SurveyExpired, SurveyRequested


def survey(
    state: Casefile | None, now: datetime, *, event: SurveyRequested, cause: str, rules: Rules
) -> Decision[Casefile]:
    """The customer gets the link and until when it can be answered."""
    news = News(
        "survey",
        cause,
        lambda tongue: {"url": event.url, "until": tongue.moment(event.expires_at)},
        about=event.survey_id,
    )
    return compose.customer(file_of(state, event), now, news, rules)


def expired(state: Casefile | None, now: datetime, *, event: SurveyExpired) -> Decision[Casefile]:
    """A link that nobody can answer any more is not sent."""
    return compose.superseded(file_of(state, event), now, "survey", event.survey_id)


def improvement(
    state: Casefile | None, now: datetime, *, event: ImprovementOpened, cause: str, rules: Rules
) -> Decision[Casefile]:
    """The supervisor, and the person responsible."""
    file = file_of(state, event)
    news = News(
        "improvement",
        cause,
        lambda tongue: {
            "department": tongue.department(event.department),
            "person": event.person or "",
            "until": tongue.moment(event.due_at),
            "criteria": "; ".join(event.criteria),
            "why": tongue.answers(event.why),
        },
    )
    return compose.staff(file, now, news, _responsible(file, event), rules)


def changed(
    state: Casefile | None, now: datetime, *, event: ImprovementChanged, cause: str, rules: Rules
) -> Decision[Casefile]:
    """The supervisor, and the person responsible now. A change that still waits gives way to the newer one."""
    outdated = compose.superseded(file_of(state, event), now, "improvement_changed", event.improvement_id)
    file = outdated.state
    news = News(
        "improvement_changed",
        cause,
        lambda tongue: {
            "department": tongue.department(event.department),
            "person": event.person or "",
            "until": tongue.moment(event.due_at),
            "by": event.by,
            "note": event.note,
        },
        about=event.improvement_id,
    )
    return then(outdated, compose.staff(file, now, news, _responsible(file, event), rules))


def _responsible(file: Casefile, event: ImprovementOpened | ImprovementChanged) -> tuple[str, ...]:
    return (*desk(event.supervisor or file.supervisor, file.pool), *desk(event.person, None))
