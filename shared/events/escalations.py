"""`escalations.<department>.v1`: a department is called, decided by sla. `escalation-replies.v1`: what it answers."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from shared.events.base import Body, CaseEvent, EventData, Moment, PersonalText
from shared.events.cases import Priority

Department = Literal[
    "frontline", "technical", "logistics", "quality", "rnd", "production", "legal", "payment", "management", "sales",
    "product", "marketing", "operations",
]  # fmt: skip
"""`frontline` is the supervisor's queue of the front line, where level 1 goes; `management` is level 3."""
DEPARTMENTS: tuple[Department, ...] = get_args(Department)
Level = Annotated[int, Field(ge=1, le=3)]
Answer = Literal["acknowledged", "progress", "resolved", "refused"]
ANSWERS: tuple[Answer, ...] = get_args(Answer)
MOST_HISTORY = 50


def topic_of(department: str) -> str:
    return f"escalations.{department}.v1"


TOPICS: tuple[str, ...] = tuple(map(topic_of, DEPARTMENTS))


class HistoryLine(Body):
    at: Moment
    by: PersonalText
    what: str
    text: PersonalText = ""


class Contact(Body):
    """Whom to ask in the department 联系人."""

    name: PersonalText
    reach: PersonalText = ""


class _Escalation(CaseEvent):
    """Travels on the topic of its department."""

    TOPIC: ClassVar[str] = "escalations.{department}.v1"
    escalation_id: str
    level: Level
    department: Department
    drill: bool = False

    @property
    def topic(self) -> str:
        return topic_of(self.department)


class _Call(_Escalation):
    """All that a department needs to begin: nobody has to be asked a second time.

    `target`: the promise that was missed. `history`: what happened so far, the newest last. `tried`: what was tried.
    `ask`: what is wanted. `due_at`: until when it must be acknowledged, else the next level is called. `why`: of this
    level. `agent_id`, `supervisor`: who has the case.
    """

    priority: Priority
    target: str
    category: tuple[str, ...] = ()
    language: str = ""
    description: PersonalText = ""
    history: tuple[HistoryLine, ...] = ()
    tried: tuple[PersonalText, ...] = ()
    ask: str = ""
    contacts: tuple[Contact, ...] = ()
    due_at: Moment
    why: str = ""
    agent_id: str | None = None
    supervisor: str | None = None


class EscalationRaised(_Call):
    TYPE: ClassVar[str] = "escalation.raised"


class EscalationLevelRaised(_Call):
    """Told to the department of the new level: nobody answered below, or it was refused there (`why`)."""

    TYPE: ClassVar[str] = "escalation.level_raised"


class EscalationWithdrawn(_Escalation):
    """Told to every department that was called: there is nothing left to do."""

    TYPE: ClassVar[str] = "escalation.withdrawn"
    why: str


class EscalationReply(EventData):
    """What a department answers. `type` on the wire is `escalation.<answer>`; `id` is unique per department."""

    TOPIC: ClassVar[str] = "escalation-replies.v1"
    TYPE: ClassVar[str] = "escalation"
    TYPES: ClassVar[tuple[str, ...]] = tuple(f"escalation.{answer}" for answer in ANSWERS)
    id: Annotated[str, Field(min_length=1, max_length=200)]
    escalation_id: Annotated[str, Field(min_length=1, max_length=64)]
    case_id: Annotated[str, Field(min_length=1, max_length=64)]
    department: Department
    by: Annotated[PersonalText, Field(max_length=200)] = ""
    text: PersonalText = ""
    reproduced: bool | None = None
    responsible: PersonalText | None = None
    fix_at: Moment | None = None


EVENTS = (EscalationRaised, EscalationLevelRaised, EscalationWithdrawn)
