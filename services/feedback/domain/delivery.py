"""What became of the message that carried the link (`notifications.v1`), kept with the survey it was for."""

from datetime import datetime

from services.feedback.domain.outcome import CaseOutcome, Delivery, Survey, unchanged
from shared.decisions import Decision
from shared.events.notifications import (
    NotificationFailed,
    NotificationSent,
    NotificationSuppressed,
    NotificationUnknown,
)

TEMPLATE = "survey"


def deliver(
    state: CaseOutcome | None,
    now: datetime,
    *,
    event: NotificationSent | NotificationFailed | NotificationUnknown | NotificationSuppressed,
) -> Decision[CaseOutcome]:
    """A survey that is not kept, as one of a drill, has no message."""
    survey = _survey_of(state, event.about) if state is not None and event.template.id == TEMPLATE else None
    became = _became(event)
    if state is None or survey is None or survey.delivery == became:
        return unchanged(state)
    return Decision(state.with_survey(survey.model_copy(update={"delivery": became})))


def _survey_of(case: CaseOutcome, about: str) -> Survey | None:
    """The one that the message names; where it names none, the newest: the one before had its message long ago."""
    named = [survey for survey in case.surveys if about in ("", survey.id)]
    return named[-1] if named else None


def _became(
    event: NotificationSent | NotificationFailed | NotificationUnknown | NotificationSuppressed,
) -> Delivery:
    match event:
        case NotificationSent():
            return "sent"
        case NotificationFailed():
            return "failed"
        case NotificationUnknown():
            return "unknown"
        case NotificationSuppressed():
            return "suppressed"
