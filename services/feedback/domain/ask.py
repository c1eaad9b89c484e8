"""When the customer is asked how it was (FB-1), and when it is too late to answer: what the clock decides."""

from collections.abc import Callable
from datetime import datetime

from services.feedback.domain.outcome import CaseOutcome, Survey
from services.feedback.domain.rules import Rules
from shared.decisions import Decision
from shared.events.feedback import SurveyExpired, SurveyRequested
from shared.ids import named

Link = Callable[[str, int], str]
"""The address of a case's nth survey."""


def due(case: CaseOutcome) -> datetime | None:
    moments = [survey.expires_at for survey in case.surveys if survey.status == "asked"]
    return min([*moments, *([case.ask_at] if case.ask_at else [])], default=None)


def fire(state: CaseOutcome | None, now: datetime, *, rules: Rules, link: Link) -> Decision[CaseOutcome]:
    """Asks and lets expire what is due; the state it was given when nothing is due any more."""
    assert state is not None, "only a stored case can fall due"
    after, expired = _expire(_without_stale(state, now, rules), now)
    if after.ask_at is None or now < after.ask_at:
        return Decision(after, expired)
    asked = _ask(after, now, rules)
    survey = asked.surveys[-1]
    url = link(state.case_id, survey.nth)
    event = SurveyRequested(**state.ids, survey_id=survey.id, url=url, expires_at=survey.expires_at)
    return Decision(asked, (*expired, event))


def _without_stale(case: CaseOutcome, now: datetime, rules: Rules) -> CaseOutcome:
    """Nobody is asked about what was over long ago, as when a first deployment reads years of closings."""
    stale = case.ask_at and case.closed_at and now > case.closed_at + rules.surveys.ask_within
    return case.changed(ask_at=None) if stale else case


def _ask(case: CaseOutcome, now: datetime, rules: Rules) -> CaseOutcome:
    nth = len(case.surveys) + 1
    survey = Survey(
        nth=nth, id=named("survey", case.case_id, nth), asked_at=now, agent=case.agent,
        expires_at=now + rules.surveys.expires_after,
    )  # fmt: skip
    return case.with_survey(survey).changed(ask_at=None)


def _expire(case: CaseOutcome, now: datetime) -> tuple[CaseOutcome, tuple[SurveyExpired, ...]]:
    over = [survey for survey in case.surveys if survey.status == "asked" and survey.expires_at <= now]
    for survey in over:
        case = case.with_survey(survey.model_copy(update={"status": "expired"}))
    return case, tuple(SurveyExpired(**case.ids, survey_id=survey.id) for survey in over)
