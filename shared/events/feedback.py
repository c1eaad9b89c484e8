"""`feedback.v1`: what customers say when it is over, and what comes of it, decided by feedback."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.events.base import PERSONAL, Body, CaseEvent, EventData, Moment, PersonalText
from shared.events.escalations import Department

Stars = Annotated[int, Field(ge=1, le=5)]


class Scores(Body):
    """1 (bad) to 5 (good); `recommend` 0 to 10; `effort` 1 (hard) to 5 (easy). None: not answered."""

    attitude: Stars | None = None
    speed: Stars | None = None
    clarity: Stars | None = None
    effort: Stars | None = None
    recommend: Annotated[int, Field(ge=0, le=10)] | None = None
    solved: bool | None = None


class _Feedback(CaseEvent):
    TOPIC: ClassVar[str] = "feedback.v1"


class SurveyRequested(_Feedback):
    """`url`: the page of this customer alone. `expires_at`: until when it can be answered."""

    TYPE: ClassVar[str] = "survey.requested"
    survey_id: str
    url: Annotated[str, PERSONAL]
    expires_at: Moment


class SurveyAnswered(_Feedback):
    """`revision` 2 and more: the customer corrected himself. `csat`: mean of the stars given, 1 to 5."""

    TYPE: ClassVar[str] = "survey.answered"
    survey_id: str
    revision: int = 1
    scores: Scores
    csat: float | None = None
    words: PersonalText = ""
    bad: bool = False
    agent_id: str | None = None
    team: str = ""


class SurveyExpired(_Feedback):
    TYPE: ClassVar[str] = "survey.expired"
    survey_id: str


class ImprovementOpened(_Feedback):
    """改进工单. `person`: the agent responsible, if any. `why`: which answers were bad. `criteria`: when it is done."""

    TYPE: ClassVar[str] = "improvement.opened"
    improvement_id: str
    survey_id: str
    person: str | None = None
    supervisor: str | None = None
    department: Department
    due_at: Moment
    criteria: tuple[str, ...]
    why: tuple[str, ...] = ()
    scores: Scores = Scores()
    words: PersonalText = ""


class ImprovementChanged(_Feedback):
    """Another person, department or due date; all of them as they stand now. `by`: who changed it; `note`: why."""

    TYPE: ClassVar[str] = "improvement.changed"
    improvement_id: str
    person: str | None = None
    supervisor: str | None = None
    department: Department
    due_at: Moment
    by: str
    note: PersonalText = ""


class ImprovementClosed(_Feedback):
    """`before` and `after`: the proof that it worked."""

    TYPE: ClassVar[str] = "improvement.closed"
    improvement_id: str
    by: str
    measure: PersonalText = ""
    before: PersonalText
    after: PersonalText


KnowledgeKind = Literal["product_model", "frequent_problem", "solution", "law"]
"""产品型号, 常见问题, 解决方案, 政策法规."""
Audience = Literal["all", "staff"]
"""Who may read it: customers too, or staff alone."""
Line = Annotated[str, Field(min_length=1)]


class Step(Body):
    """What to do, and what should be seen then."""

    do: Line
    expect: Line


class Option(Body):
    """One way to solve it, weighed against the others."""

    name: Line
    pros: tuple[Line, ...] = ()
    cons: tuple[Line, ...] = ()
    cost: str = ""
    when: str = ""


class _Knowledge(EventData):
    """Its subject is the knowledge entry, not a case."""

    TOPIC: ClassVar[str] = "feedback.v1"
    knowledge_id: str
    version: Annotated[int, Field(ge=1)]
    by: str = ""


class KnowledgeApproved(_Knowledge):
    """An entry in one language, as it is from now on: it replaces the lower versions in that language.

    Other languages stay until their own newer version comes; `categories`, and `products` with `firmware`, stay until
    one says some. `scenario`: when to use it. `questions`: how customers ask for it. `firmware`: the first that it
    holds for. `audience`: an entry is learned from what staff wrote, so customers get it only if whoever approves it
    says `all`. `cases`: those that it was learned from.
    """

    TYPE: ClassVar[str] = "knowledge.approved"
    kind: KnowledgeKind
    language: str
    title: Line
    scenario: Line
    questions: tuple[Line, ...] = ()
    body: str = ""
    steps: tuple[Step, ...] = ()
    options: tuple[Option, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    products: tuple[str, ...] = ()
    firmware: str = ""
    audience: Audience = "staff"
    cases: tuple[str, ...] = ()


class KnowledgeRetired(_Knowledge):
    """This version and those before it are offered no more."""

    TYPE: ClassVar[str] = "knowledge.retired"
    why: str = ""


EVENTS = (
    SurveyRequested,
    SurveyAnswered,
    SurveyExpired,
    ImprovementOpened,
    ImprovementChanged,
    ImprovementClosed,
    KnowledgeApproved,
    KnowledgeRetired,
)
