"""`cases.v1`: the life of a case, decided by intake."""

from typing import Any, ClassVar, Literal

from shared.events.base import Body, CaseEvent, Moment, PersonalText

Priority = Literal["P0", "P1", "P2", "P3"]
Kind = Literal["question", "fault", "complaint", "request"]


class ContactRef(Body):
    source: str
    id: str


class Reach(Body):
    """How the customer can be reached, as known when the event was given out."""

    name: PersonalText | None = None
    phone: PersonalText | None = None
    email: PersonalText | None = None
    app_id: PersonalText | None = None
    social: PersonalText | None = None


class CaseCustomer(Body):
    id: str
    tier: str | None = None
    reach: Reach = Reach()


class PriorityReason(Body):
    """Why this priority: the rule that decided and what it looked at."""

    rule: str
    impact: str
    urgency: str
    tier: str | None = None
    sentiment: str | None = None


class Sentiment(Body):
    """score: -1 (angry) to 1 (glad)."""

    score: float
    label: str


class _Case(CaseEvent):
    TOPIC: ClassVar[str] = "cases.v1"


class CaseOpened(_Case):
    TYPE: ClassVar[str] = "case.opened"
    contact_id: str
    contact: ContactRef
    channel: str
    language: str
    customer: CaseCustomer
    category: tuple[str, ...]
    kind: Kind
    category_confidence: float
    tags: tuple[str, ...] = ()
    demand: str | None = None
    priority: Priority
    priority_reason: PriorityReason
    subject: PersonalText | None = None
    text: PersonalText | None = None
    text_truncated: bool = False
    summary: PersonalText = ""
    missing: tuple[str, ...] = ()
    facts: dict[str, PersonalText] = {}
    fact_checks: tuple[dict[str, Any], ...] = ()
    sentiment: Sentiment | None = None
    similar: tuple[dict[str, Any], ...] = ()
    suggestions: tuple[dict[str, Any], ...] = ()
    drill: bool = False
    flags: tuple[str, ...] = ()


class CaseContactAdded(_Case):
    """A further contact, or (revision > 1) the amendment of one."""

    TYPE: ClassVar[str] = "case.contact_added"
    contact_id: str
    contact: ContactRef
    revision: int = 1
    channel: str
    text: PersonalText | None = None
    text_truncated: bool = False
    reach: Reach = Reach()
    facts: dict[str, PersonalText] = {}
    missing: tuple[str, ...] = ()
    sentiment: Sentiment | None = None


class _Change(_Case):
    """Something about the case that was one way and is another now."""

    by: str
    why: str = ""


class CaseReclassified(_Change):
    TYPE: ClassVar[str] = "case.reclassified"
    was: tuple[str, ...]
    to: tuple[str, ...]
    kind: Kind | None = None


class CaseReprioritised(_Change):
    TYPE: ClassVar[str] = "case.reprioritised"
    was: Priority
    to: Priority
    priority_reason: PriorityReason


class CaseNoted(_Change):
    """An internal remark, or (kind `delay`) the word that something will be late: why, what instead, until when."""

    TYPE: ClassVar[str] = "case.noted"
    kind: Literal["note", "delay"] = "note"
    text: PersonalText = ""
    remedy: PersonalText | None = None
    promise_at: Moment | None = None


class Promise(Body):
    what: PersonalText
    until: Moment


class _Work(_Case):
    """`happened_at`: when the agent did it, where he says so and it was before intake heard of it."""

    happened_at: Moment | None = None


class CaseResponded(_Work):
    TYPE: ClassVar[str] = "case.responded"
    by: str
    first: bool
    channel: str | None = None
    text: PersonalText | None = None
    promise: Promise | None = None


class CaseWaiting(_Work):
    TYPE: ClassVar[str] = "case.waiting"
    by: str
    on: Literal["customer", "third_party"]
    party: str | None = None
    promise_at: Moment | None = None


class CaseResumed(_Work):
    TYPE: ClassVar[str] = "case.resumed"
    by: str
    on: Literal["customer", "third_party"]


class CaseResolved(_Work):
    TYPE: ClassVar[str] = "case.resolved"
    by: str
    resolution: PersonalText
    cause: str | None = None
    evidence: tuple[PersonalText, ...] = ()
    measure: PersonalText | None = None


class CaseClosed(_Work):
    TYPE: ClassVar[str] = "case.closed"
    by: str
    how: Literal["customer", "agent", "timer"]
    why: str = ""
    agent_id: str | None = None


class CaseReopened(_Case):
    TYPE: ClassVar[str] = "case.reopened"
    by: str
    reason: PersonalText = ""


EVENTS = (
    CaseOpened,
    CaseContactAdded,
    CaseReclassified,
    CaseReprioritised,
    CaseNoted,
    CaseResponded,
    CaseWaiting,
    CaseResumed,
    CaseResolved,
    CaseClosed,
    CaseReopened,
)
