"""`assignments.v1`: who has the case, decided by routing."""

from typing import ClassVar

from shared.events.base import Body, CaseEvent, Moment, PersonalText
from shared.events.cases import Priority


class AssignmentReason(Body):
    """Why this agent: what was asked, what he has, and how the choice was scored (lower is better)."""

    skill: str
    level: int
    language: str
    load: float
    last_agent: bool = False
    ring: int = 0
    score: float
    policy_version: str


class _Assignment(CaseEvent):
    TOPIC: ClassVar[str] = "assignments.v1"


class CaseQueued(_Assignment):
    TYPE: ClassVar[str] = "case.queued"
    pool: str
    priority: Priority
    estimate_s: int | None = None
    why: str = ""


class CaseOffered(_Assignment):
    TYPE: ClassVar[str] = "case.offered"
    agent_id: str
    expires_at: Moment


class CaseAssigned(_Assignment):
    TYPE: ClassVar[str] = "case.assigned"
    agent_id: str
    agent_name: PersonalText = ""
    team: str = ""
    supervisor: str | None = None
    reason: AssignmentReason
    waited_s: float


class CaseUnassigned(_Assignment):
    TYPE: ClassVar[str] = "case.unassigned"
    agent_id: str
    why: str


EVENTS = (CaseQueued, CaseOffered, CaseAssigned, CaseUnassigned)
