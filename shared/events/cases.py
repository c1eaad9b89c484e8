"""`cases.v1`: the life of a case, decided by intake."""

from typing import Any, ClassVar, Literal

from shared.events.base import Body, CaseEvent, EventData, Moment, PersonalText

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
    complexity: str | None = None
    tier: str | None = None
    sentiment: str | None = None


class Sentiment(Body):
    """score: -1 (angry) to 1 (glad). `words` and `model`: what it was made of, where a model was learned.

    `heard`: the words that spoke of discontent.
    """

    score: float
    label: str
    words: float | None = None
    model: float | None = None
    heard: tuple[PersonalText, ...] = ()


class CategoryGuess(Body):
    """What a learned model says a case is about, how sure it is (0 to 1), and the model's version."""

    category: tuple[str, ...]
    confidence: float
    version: str


CheckStatus = Literal["confirmed", "unknown", "mismatch", "unchecked"]


class FactCheck(Body):
    """What the customer system says of a fact. `expected`: what it has instead, if that is this customer's."""

    fact: str
    value: PersonalText
    status: CheckStatus
    why: str = ""
    expected: PersonalText | None = None
    source: str = ""
    at: Moment | None = None


class Remote(Body):
    """A remote session 远程: the secure channel that it went over, and the https link of its recording."""

    channel: str | None = None
    recording: PersonalText | None = None


class Promise(Body):
    what: PersonalText
    until: Moment


class _Case(CaseEvent):
    """`tried`: what was tried in vain, and is told for the first time: steps of self-service, an agent's attempts."""

    TOPIC: ClassVar[str] = "cases.v1"
    tried: tuple[PersonalText, ...] = ()


class CaseOpened(_Case):
    """`review`: why a person must look at it first (`uncertain_category`, `complex_matter`); None: nobody must.

    `asks`: whether the customer waits for anything; not where we called him and nobody wrote down what was said.
    """

    TYPE: ClassVar[str] = "case.opened"
    contact_id: str
    contact: ContactRef
    channel: str
    language: str
    customer: CaseCustomer
    category: tuple[str, ...]
    kind: Kind
    category_confidence: float
    category_by_model: CategoryGuess | None = None
    review: str | None = None
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
    asks: bool = True


class CaseContactAdded(_Case):
    """A further contact, or the amendment of one. `joined_by`: the rule by which a further one found its case.

    `customer_id` (empty: as before), `tier`, `priority` (None: as before), `tags`, `demand`: as they stand now.
    `asks`: whether the customer wants something of us; not where he only says thanks, or where we called him.
    """

    TYPE: ClassVar[str] = "case.contact_added"
    contact_id: str
    contact: ContactRef
    revision: int = 1
    channel: str
    joined_by: str = ""
    customer_id: str = ""
    tier: str | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    demand: str | None = None
    asks: bool = True
    text: PersonalText | None = None
    text_truncated: bool = False
    reach: Reach = Reach()
    facts: dict[str, PersonalText] = {}
    missing: tuple[str, ...] = ()
    fact_checks: tuple[FactCheck, ...] = ()
    sentiment: Sentiment | None = None

    @property
    def amends(self) -> bool:
        """Whether the case held the contact already. A further one may come in a later revision than its first."""
        return self.revision > 1 and not self.joined_by


class CaseFactsChecked(_Case):
    """The customer system answered later than the case was opened: all checks as they stand now."""

    TYPE: ClassVar[str] = "case.facts_checked"
    by: str
    fact_checks: tuple[FactCheck, ...] = ()
    flags: tuple[str, ...] = ()
    tier: str | None = None


class _Change(_Case):
    """Something about the case that was one way and is another now."""

    by: str
    why: str = ""


class CaseReclassified(_Change):
    TYPE: ClassVar[str] = "case.reclassified"
    was: tuple[str, ...]
    to: tuple[str, ...]
    kind: Kind | None = None
    review: str | None = None


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


class CaseSummarised(_Change):
    """An agent corrected the summary, or what the customer wants (`demand`)."""

    TYPE: ClassVar[str] = "case.summarised"
    was: PersonalText = ""
    to: PersonalText = ""
    demand: str | None = None


class CaseMerged(_Change):
    """This case and another are one: whoever asks for this one goes on to `into`. Nothing is moved."""

    TYPE: ClassVar[str] = "case.merged"
    into: str
    into_number: str


class CaseAbsorbed(_Change):
    """Another case (`of`) turned out to be this one. `customer_id` (empty: as before), `tier`, `reach`, `facts`,
    `missing`: as they are known of both now.

    Of the other: `subject`, `text`, its words; `promise`, what is still to be kept; `party`, the third party that it
    waits for (empty: one without a name; None: none), which this one waits for now, and `party_until`, when that has
    promised to be done, if that is still to come; `agent_id`, who had it; `unanswered`, whether its customer waits for
    an answer.
    """

    TYPE: ClassVar[str] = "case.absorbed"
    of: str
    of_number: str
    subject: PersonalText | None = None
    text: PersonalText | None = None
    customer_id: str = ""
    tier: str | None = None
    reach: Reach = Reach()
    facts: dict[str, PersonalText] = {}
    missing: tuple[str, ...] = ()
    promise: Promise | None = None
    party: str | None = None
    party_until: Moment | None = None
    agent_id: str | None = None
    unanswered: bool = False


class CaseLinked(_Change):
    """This case has to do with another (`to`: a case id), or is part of an incident (`to`: its id).

    `follows`: the customer came back after `to` was closed for good. `split`: this one holds what was a matter of its
    own in `to`.
    """

    TYPE: ClassVar[str] = "case.linked"
    to: str
    kind: Literal["related", "follows", "split", "incident"] = "related"


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
    remote: tuple[Remote, ...] = ()


class SimilarCase(Body):
    """Another case whose customer said much the same, and what helped there. `score`: 0 to 1."""

    case_id: str
    number: str
    score: float
    category: tuple[str, ...] = ()
    resolution: PersonalText = ""
    cause: str | None = None


class Suggestion(Body):
    """A knowledge entry that may help, with its version and when to use it. `score`: 0 to 1."""

    id: str
    version: int
    kind: str
    language: str
    title: str
    scenario: str
    score: float


class CaseClosed(_Work):
    """`similar`, `suggestions`: as they were found when it was closed. `resolution`, `cause`, `evidence`, `measure`: as
    they stand at last; the closing may have said more than the solving."""

    TYPE: ClassVar[str] = "case.closed"
    by: str
    how: Literal["customer", "agent", "timer"]
    why: str = ""
    agent_id: str | None = None
    resolution: PersonalText | None = None
    cause: str | None = None
    evidence: tuple[PersonalText, ...] = ()
    measure: PersonalText | None = None
    similar: tuple[SimilarCase, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


class CaseReopened(_Case):
    TYPE: ClassVar[str] = "case.reopened"
    by: str
    reason: PersonalText = ""


class BurstNoticed(EventData):
    """Many alike contacts in a short time (IN-14), by category (second level) and the words that they share.

    `cases`: those that are told for the first time. The subject is the burst.
    """

    TOPIC: ClassVar[str] = "cases.v1"
    TYPE: ClassVar[str] = "burst.noticed"
    burst_id: str
    category: tuple[str, ...]
    words: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


EVENTS = (
    CaseOpened,
    CaseContactAdded,
    CaseFactsChecked,
    CaseReclassified,
    CaseReprioritised,
    CaseSummarised,
    CaseMerged,
    CaseAbsorbed,
    CaseLinked,
    CaseNoted,
    CaseResponded,
    CaseWaiting,
    CaseResumed,
    CaseResolved,
    CaseClosed,
    CaseReopened,
    BurstNoticed,
)
