"""Intake follows what came of a case (`feedback.v1`): lines of the timeline. Nothing is refused or given out."""

from datetime import datetime

from services.intake.domain.case import Case
from services.intake.domain.follow import known
from shared.decisions import Decision, Note
from shared.events.feedback import ImprovementChanged, ImprovementClosed, ImprovementOpened, SurveyAnswered

CUSTOMER = "customer"
FEEDBACK = "feedback"


def survey_answered(state: Case | None, now: datetime, *, event: SurveyAnswered) -> Decision[Case]:
    told = {"revision": event.revision, "scores": event.scores.model_dump(exclude_none=True), "csat": event.csat}
    return _line(state, Note(now, "survey_answered", CUSTOMER, event.words, told))


def improvement_opened(state: Case | None, now: datetime, *, event: ImprovementOpened) -> Decision[Case]:
    told = event.model_dump(
        include={"improvement_id", "person", "department", "due_at", "criteria", "why"}, exclude_none=True
    )
    return _line(state, Note(now, "improvement_opened", FEEDBACK, "", told))


def improvement_changed(state: Case | None, now: datetime, *, event: ImprovementChanged) -> Decision[Case]:
    told = event.model_dump(include={"improvement_id", "person", "department", "due_at"}, exclude_none=True)
    return _line(state, Note(now, "improvement_changed", event.by, event.note, told))


def improvement_closed(state: Case | None, now: datetime, *, event: ImprovementClosed) -> Decision[Case]:
    told = event.model_dump(include={"improvement_id", "before", "after"})
    return _line(state, Note(now, "improvement_closed", event.by, event.measure, told))


def _line(state: Case | None, note: Note) -> Decision[Case]:
    return Decision(known(state, "feedback"), note=note)
