"""Feedback's view of a case: how it went, what the customer was asked and said, and what is being mended."""

from datetime import datetime
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict

from services.feedback.domain.rules import Part
from shared.decisions import Decision
from shared.events.base import PersonalText
from shared.events.cases import Kind, Priority, SimilarCase, Suggestion
from shared.events.escalations import Department
from shared.events.feedback import Scores
from shared.events.sla import Target

MOST_SURVEYS = 4
"""A case that is closed more often is not asked about again; so its document stays small."""
MOST_AGENTS = 50
MOST_PROMISES = 20

SurveyStatus = Literal["asked", "answered", "expired"]
Delivery = Literal["sent", "failed", "unknown", "suppressed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Person(_Part):
    """An agent as he was when he had the case."""

    agent_id: str
    name: PersonalText = ""
    team: str = ""
    supervisor: str | None = None


class Kept(_Part):
    """A promise on the clock that came to an end; `nth` as sla counts it."""

    target: Target
    nth: int
    kept: bool


class Survey(_Part):
    """One asking of the customer. `agent`: who had the case when it was asked; the answer is about his work.

    `answered_at`: of the first answer, from which the time to correct it counts. `delivery`: what became of the message
    that carried the link; None while nobody has said.
    """

    nth: int
    id: str
    asked_at: datetime
    expires_at: datetime
    status: SurveyStatus = "asked"
    delivery: Delivery | None = None
    agent: Person | None = None
    answered_at: datetime | None = None
    revision: int = 0
    scores: Scores = Scores()
    csat: float | None = None
    words: PersonalText = ""
    bad: tuple[Part, ...] = ()


class Improvement(_Part):
    """改进工单: what must be better, by whom, until when, and the proof that it is."""

    id: str
    survey_id: str
    status: Literal["open", "closed"] = "open"
    opened_at: datetime
    due_at: datetime
    person: str | None = None
    supervisor: str | None = None
    department: Department
    why: tuple[Part, ...]
    criteria: tuple[str, ...]
    note: PersonalText = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    measure: PersonalText = ""
    before: PersonalText = ""
    after: PersonalText = ""


class CaseOutcome(_Part):
    """One document per case, under the case id.

    agent       who has it, or had it last
    agents      everyone who ever had it, each once
    came_back   how often the customer came about it again after our first answer (amendments are no contacts)
    touched_at  when the customer or we last said something; None before, and of a case kept by an older version
    awaited     we wait for the customer; what comes then is the answer to our question
    ask_at      when the survey is to be asked; None: nothing to ask
    similar     cases like it, and `suggestions` knowledge that may help, as intake archived them when it was closed
    """

    case_id: str
    number: str
    channel: str
    language: str
    customer_id: str
    tier: str | None = None
    category: tuple[str, ...]
    kind: Kind
    priority: Priority
    product: str = ""
    drill: bool = False
    merged: bool = False

    opened_at: datetime
    first_responded_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    reopened: int = 0
    came_back: int = 0
    touched_at: datetime | None = None
    awaited: bool = False
    agent: Person | None = None
    agents: tuple[str, ...] = ()
    promises: tuple[Kept, ...] = ()

    ask_at: datetime | None = None
    surveys: tuple[Survey, ...] = ()
    improvements: tuple[Improvement, ...] = ()
    similar: tuple[SimilarCase, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def ids(self) -> dict[str, str]:
        return {"case_id": self.case_id, "number": self.number}

    def changed(self, **update: Any) -> "CaseOutcome":
        return self.model_copy(update=update)

    def survey(self, nth: int) -> Survey | None:
        return next((survey for survey in self.surveys if survey.nth == nth), None)

    def with_survey(self, survey: Survey) -> "CaseOutcome":
        """The same with this survey in the place of its older self, or as the newest."""
        others = [known for known in self.surveys if known.nth != survey.nth]
        return self.changed(surveys=tuple(sorted([*others, survey], key=lambda s: s.nth)))

    def improvement(self, id_: str) -> Improvement | None:
        return next((known for known in self.improvements if known.id == id_), None)

    def with_improvement(self, improvement: Improvement) -> "CaseOutcome":
        others = tuple(known for known in self.improvements if known.id != improvement.id)
        return self.changed(improvements=(*others, improvement))


def unchanged(state: CaseOutcome | None) -> Decision[CaseOutcome]:
    """Nothing to do, for a case that feedback does not know as well."""
    return Decision(cast(CaseOutcome, state))
