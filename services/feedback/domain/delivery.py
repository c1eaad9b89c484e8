"""What became of the message that carried the link (`notifications.v1`), kept with the survey it was for."""

from datetime import datetime

from services.feedback.domain.outcome import CaseOutcome, Delivery, unchanged
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
    """A message is about the newest survey: the one before had its message long ago."""
    if state is None or not state.surveys or event.template.id != TEMPLATE:
        return unchanged(state)
    survey, became = state.surveys[-1], _became(event)
    if survey.delivery == became:
        return unchanged(state)
    return Decision(state.with_survey(survey.model_copy(update={"delivery": became})))


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
