"""What the customer answers: counted once, corrected for a while, and a bad answer sets something in motion."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.feedback.domain.improve import opened_for
from services.feedback.domain.outcome import CaseOutcome, Survey
from services.feedback.domain.rules import Part, Rules
from shared.decisions import Decision, Refused
from shared.events.base import PersonalText
from shared.events.feedback import Scores, Stars, SurveyAnswered

LONGEST_WORDS = 2000
STARS: tuple[Part, ...] = ("attitude", "speed", "clarity")


class Answers(BaseModel):
    """As the page and the HTTP door take them, in the order of the page."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    solved: bool
    attitude: Stars
    speed: Stars
    clarity: Stars | None = None
    effort: Stars | None = None
    recommend: Annotated[int, Field(ge=0, le=10)] | None = None
    words: Annotated[PersonalText, Field(max_length=LONGEST_WORDS)] = ""

    @field_validator("words", mode="before")
    @classmethod
    def without_margins(cls, value: object) -> object:
        return "" if value is None else value.replace("\r\n", "\n").strip() if isinstance(value, str) else value

    @property
    def scores(self) -> Scores:
        return Scores(**self.model_dump(exclude={"words"}))


def answer(
    state: CaseOutcome | None, now: datetime, *, nth: int, given: Answers, rules: Rules
) -> Decision[CaseOutcome]:
    """The same answers again change nothing. Raises Refused (410): `survey_over`, `answered_already`."""
    case, survey = answerable(state, nth)
    if survey.status == "answered" and (survey.scores, survey.words) == (given.scores, given.words):
        return Decision(case)
    check_time(survey, now, rules)
    answered = _answered(survey, now, given, rules)
    case = case.with_survey(answered)
    if not answered.bad or any(known.survey_id == survey.id for known in case.improvements):
        return Decision(case, (_event(case, answered),))
    case, opened = opened_for(case, answered, now, rules)
    return Decision(case, (_event(case, answered), opened))


def answerable(state: CaseOutcome | None, nth: int) -> tuple[CaseOutcome, Survey]:
    """The survey that a true token names; Refused if it is not kept any more."""
    survey = state.survey(nth) if state is not None else None
    if state is None or survey is None:
        raise Refused("survey_over", "this survey is no longer kept", status=410)
    return state, survey


def check_time(survey: Survey, now: datetime, rules: Rules) -> None:
    """Refused once it is too late to answer, or to correct what was answered."""
    if survey.answered_at is not None:
        if now >= survey.answered_at + rules.surveys.correct_within:
            raise Refused("answered_already", "this survey was answered and can no longer be changed", status=410)
    elif survey.status == "expired" or now >= survey.expires_at:
        raise Refused("survey_over", "the time to answer this survey is over", status=410)


def csat_of(scores: Scores) -> float | None:
    """Mean of the stars that were given, 1 to 5."""
    stars = [value for name in STARS if (value := getattr(scores, name)) is not None]
    return round(sum(stars) / len(stars), 2) if stars else None


def rounded(csat: float) -> int:
    """To whole stars, halves up."""
    return int(csat + 0.5)


def bad_parts(scores: Scores, rules: Rules) -> tuple[Part, ...]:
    """Which answers were bad, by name; none: nothing to mend."""
    limits = rules.surveys.bad
    low = tuple(name for name in STARS if (value := getattr(scores, name)) is not None and value <= limits.stars)
    return (*low, "solved") if limits.unsolved and scores.solved is False else low


def _answered(survey: Survey, now: datetime, given: Answers, rules: Rules) -> Survey:
    said = {"scores": given.scores, "words": given.words, "csat": csat_of(given.scores)}
    course = {"status": "answered", "answered_at": survey.answered_at or now, "revision": survey.revision + 1}
    return survey.model_copy(update={**said, **course, "bad": bad_parts(given.scores, rules)})


def _event(case: CaseOutcome, survey: Survey) -> SurveyAnswered:
    return SurveyAnswered(
        **case.ids, survey_id=survey.id, revision=survey.revision, scores=survey.scores, csat=survey.csat,
        words=survey.words, bad=bool(survey.bad), agent_id=survey.agent.agent_id if survey.agent else None,
        team=survey.agent.team if survey.agent else "",
    )  # fmt: skip
