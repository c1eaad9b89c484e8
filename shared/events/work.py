"""`work.v1`: what agents say they did. Routing decides some verbs, intake the others."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from shared.events.agents import AgentId
from shared.events.base import PERSONAL, EventData, Moment, PersonalText
from shared.events.cases import Kind, Priority, Remote

ROUTING_VERBS = frozenset(
    {"accepted", "declined", "transferred", "visit_requested", "visit_started", "visit_completed"}
)
INTAKE_VERBS = frozenset(
    {
        "responded", "noted", "waiting", "resumed", "reclassified", "resolved", "closed", "reopened", "delay_noticed",
        "merged", "linked", "split", "summarised",
    }
)  # fmt: skip
Verb = Literal[
    "accepted", "declined", "transferred", "visit_requested", "visit_started", "visit_completed",
    "responded", "noted", "waiting", "resumed", "reclassified", "resolved", "closed", "reopened", "delay_noticed",
    "merged", "linked", "split", "summarised",
]  # fmt: skip


class Work(EventData):
    """`type` on the wire is `work.<verb>`; `id` is unique per agent and makes a repeat harmless.

    `to`: whom or what the verb is about beside the case: the group of a transfer, the other case of a merger or a link.
    `contact_id`: which of the case's contacts is split off. `tried`: in vain. `remote`: a remote session.
    `category`, `kind`, `priority`: what a reclassification decides, the last with its `reason`.
    """

    TOPIC: ClassVar[str] = "work.v1"
    TYPE: ClassVar[str] = "work"
    TYPES: ClassVar[tuple[str, ...]] = tuple(f"work.{verb}" for verb in sorted(ROUTING_VERBS | INTAKE_VERBS))
    id: Annotated[str, Field(min_length=1, max_length=200)]
    agent_id: AgentId
    case_id: Annotated[str, Field(min_length=1, max_length=64)]
    at: Moment | None = None
    text: PersonalText | None = None
    party: str | None = None
    on: Literal["customer", "third_party"] | None = None
    promise: PersonalText | None = None
    promise_at: Moment | None = None
    category: tuple[str, ...] | None = None
    kind: Kind | None = None
    priority: Priority | None = None
    reason: PersonalText | None = None
    to: str | None = None
    contact_id: str | None = None
    cause: str | None = None
    evidence: tuple[PersonalText, ...] = ()
    tried: tuple[PersonalText, ...] | None = None
    demand: str | None = None
    remote: Remote | None = None
    result: PersonalText | None = None
    measure: PersonalText | None = None
    remedy: PersonalText | None = None
    parts: tuple[str, ...] = ()
    appointment: Moment | None = None
    acceptance: Annotated[dict[str, Any] | None, PERSONAL] = None

    @property
    def once(self) -> str:
        """What a repeat of it is recognised by: the id is unique per agent."""
        return f"{self.agent_id}:{self.id}"
