"""A case 工单 as intake keeps it. Everything but the timeline, which lies beside the document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from services.intake.domain.found import Entitlement
from shared.events.cases import (
    CategoryGuess,
    FactCheck,
    Kind,
    Priority,
    PriorityReason,
    Promise,
    Reach,
    Remote,
    Sentiment,
    SimilarCase,
    Suggestion,
)

Status = Literal[
    "new", "queued", "assigned", "in_progress", "waiting_customer", "waiting_third_party", "resolved", "closed"
]  # fmt: skip
MAX_TEXT = 8 * 1024
"""Bytes of a text that a case and its events carry; the whole text is in the timeline."""
MAX_TRIED, MAX_ATTEMPT = 8, 100
"""Attempts that a case remembers, and characters of each."""
RULES = "rules"
"""Who decided when no person did."""


class ContactSeen(BaseModel):
    """A contact that the case holds: its identity, its newest revision, and the hash of what that revision said.

    `parts`: which parts of a call any of its revisions brought (`call.py`). `joined_by`: the rule by which it found the
    case, where its later words may show that to be wrong (`another_matter.py`).
    """

    model_config = ConfigDict(frozen=True)
    id: str
    revision: int
    hash: str
    parts: tuple[str, ...] = ()
    joined_by: str = ""


class Escalation(BaseModel):
    """One that is open: on which level it stands, with whom, and whether they said that they have it."""

    model_config = ConfigDict(frozen=True)
    id: str
    level: int
    department: str
    acknowledged: bool = False


class Link(BaseModel):
    """Another case, or an incident, that this one has to do with."""

    model_config = ConfigDict(frozen=True)
    to: str
    kind: Literal["related", "follows", "followed_by", "split", "split_off", "merged", "incident"]
    by: str = RULES
    why: str = ""


class Case(BaseModel):
    """`category_by`, `kind_by` and `priority_by` say whether the rules or a person (an agent id) decided last.
    `category_by_model`: what was learned says of it; `review`: why a person must look at it first, until one has.

    `opened_from`: the contact points that the contact which opened it stated.
    `open_conversations` are those whose next contact belongs here, `claims` what else finds it (`claims.py`); a closed
    or full case gives them up. `touched_at`: when the customer spoke last.
    `awaits_answer`: he has asked something since our last answer; None where an earlier version did not say.
    `due_at`: until when it should be resolved; None while that clock stands. `escalations`: those that are open.
    `recheck_at`: when the facts are looked up again, because nobody answered. `tried`: what was done so far in vain,
    the newest last.
    `similar`, `suggestions`: as they were when it was closed last.
    `summary_said`: an agent's own summary; `summary_known`: fingerprints of the points known when he wrote it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    case_id: str
    number: str
    status: Status = "new"
    merged_into: str | None = None
    contacts: tuple[ContactSeen, ...]
    open_conversations: tuple[str, ...] = ()
    past_conversations: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    past_claims: tuple[str, ...] = ()
    full: bool = False
    touched_at: datetime | None = None
    links: tuple[Link, ...] = ()

    customer_id: str
    opened_from: tuple[str, ...] = ()
    reach: Reach = Reach()
    tier: str | None = None
    language: str
    channel: str

    category: tuple[str, ...]
    category_confidence: float = 0.0
    category_by: str = RULES
    category_by_model: CategoryGuess | None = None
    review: str | None = None
    kind: Kind
    kind_by: str = RULES
    tags: tuple[str, ...] = ()
    demand: str | None = None
    priority: Priority
    priority_reason: PriorityReason
    priority_by: str = RULES
    rules_version: str = ""

    subject: str | None = None
    text: str | None = None
    text_truncated: bool = False
    latest: str | None = None
    summary: str = ""
    summary_by: str = RULES
    summary_said: str | None = None
    summary_known: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    facts_given: tuple[str, ...] = ()
    fact_checks: tuple[FactCheck, ...] = ()
    recheck_at: datetime | None = None
    rechecks: int = 0
    entitlements: tuple[Entitlement, ...] = ()
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    diagnostics: tuple[str, ...] = ()
    sentiment: Sentiment | None = None

    pool: str | None = None
    agent_id: str | None = None
    agent_name: str = ""
    team: str = ""

    opened_at: datetime
    due_at: datetime | None = None
    escalations: tuple[Escalation, ...] = ()
    first_responded_at: datetime | None = None
    awaits_answer: bool | None = None
    promise: Promise | None = None
    waiting_party: str | None = None
    waiting_until: datetime | None = None
    resolved_at: datetime | None = None
    auto_close_at: datetime | None = None
    closed_at: datetime | None = None
    resolution: str | None = None
    cause: str | None = None
    evidence: tuple[str, ...] = ()
    measure: str | None = None
    remote: tuple[Remote, ...] = ()
    tried: tuple[str, ...] = ()
    reopened: int = 0
    similar: tuple[SimilarCase, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()

    @property
    def ids(self) -> dict[str, str]:
        """What every event of the case carries."""
        return {"case_id": self.case_id, "number": self.number}

    @property
    def escalation(self) -> Escalation | None:
        """The open one that stands highest."""
        return max(self.escalations, key=lambda open_: open_.level, default=None)

    @property
    def unanswered(self) -> bool:
        """Whether its customer waits for an answer, the first or a further one."""
        return self.first_responded_at is None if self.awaits_answer is None else self.awaits_answer

    def seen(self, contact_id: str) -> ContactSeen | None:
        return next((seen for seen in self.contacts if seen.id == contact_id), None)

    def changed(self, **fields: Any) -> "Case":
        """A copy with these fields; the values are not validated again."""
        return self.model_copy(update=fields)


def beginning(text: str | None, limit: int = MAX_TEXT) -> tuple[str | None, bool]:
    """The first `limit` bytes of a text, cut between characters, and whether anything was cut off."""
    if text is None or len(text) * 4 <= limit:
        return text, False
    raw = text.encode()
    return (text, False) if len(raw) <= limit else (raw[:limit].decode(errors="ignore"), True)
