"""`sla.v1`: the promises of a case on the clock, decided by sla."""

from typing import ClassVar, Literal

from shared.events.base import Body, CaseEvent, Moment, PersonalText
from shared.events.escalations import Answer, Department, Level

Target = Literal[
    "first_response", "next_response", "resolution", "inactivity", "stability", "promise", "escalation"
]  # fmt: skip


class PolicyRef(Body):
    """Which policy decided, in which version of the rules."""

    id: str
    version: str


class _Sla(CaseEvent):
    """`target` is what was promised; `nth` tells its clocks apart (a reopened case is to be resolved a second time).

    `at`: when it happened, by the clock of what caused it. `due_at`: when the promise breaks, as known at `at`; None
    while the clock stands.
    """

    TOPIC: ClassVar[str] = "sla.v1"
    target: Target
    nth: int = 1
    at: Moment
    due_at: Moment | None = None
    policy: PolicyRef


class ClockStarted(_Sla):
    TYPE: ClassVar[str] = "clock.started"


class ClockPaused(_Sla):
    """The promise does not run while the customer has the ball."""

    TYPE: ClassVar[str] = "clock.paused"


class ClockResumed(_Sla):
    TYPE: ClassVar[str] = "clock.resumed"


class _Alarm(_Sla):
    """Who has the ball, so that whoever tells them need not ask: the agent and his supervisor, or the pool."""

    agent_id: str | None = None
    supervisor: str | None = None
    pool: str | None = None
    party: str | None = None
    promise: PersonalText | None = None


class TargetReminder(_Alarm):
    """`share` of the time has passed: 0.5, 0.75, 0.9."""

    TYPE: ClassVar[str] = "target.reminder"
    share: float


class TargetMissed(_Alarm):
    """`late_s`: seconds between due and noticed. `escalation_id`: the escalation that it raised, if any."""

    TYPE: ClassVar[str] = "target.missed"
    late_s: float
    escalation_id: str | None = None


class TargetMet(_Sla):
    """Reached. `late_s` 0: in time; more: it had been missed, and this is by how much in the end.

    `corrected`: it had been called missed, but a fact that came late shows that it was in time.
    """

    TYPE: ClassVar[str] = "target.met"
    late_s: float = 0.0
    corrected: bool = False


class EscalationAnswered(CaseEvent):
    """What a department said of an escalation, for those who follow the case.

    `stands`: the level on which it stands afterwards; 0 where it is over. `delays`: the fix comes after the promise.
    """

    TOPIC: ClassVar[str] = "sla.v1"
    TYPE: ClassVar[str] = "escalation.answered"
    escalation_id: str
    department: Department
    level: Level
    answer: Answer
    by: PersonalText = ""
    text: PersonalText = ""
    reproduced: bool | None = None
    responsible: PersonalText | None = None
    fix_at: Moment | None = None
    delays: bool = False
    stands: int


EVENTS = (ClockStarted, ClockPaused, ClockResumed, TargetReminder, TargetMissed, TargetMet, EscalationAnswered)
