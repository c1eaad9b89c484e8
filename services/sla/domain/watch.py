"""Sla's view of one case: what was promised, which clocks run for it, who was called, and what a helper must know."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from services.sla.domain.rules import WALL
from shared.events.base import EventData, PersonalText
from shared.events.cases import Kind, Priority
from shared.events.escalations import MOST_HISTORY, Answer, Department, HistoryLine
from shared.events.sla import PolicyRef, Target

Status = Literal["open", "waiting_customer", "waiting_third_party", "resolved", "closed"]
SETTLED: tuple[Status, ...] = ("resolved", "closed")
MAX_DESCRIPTION = 2 * 1024
MAX_LINE = 300
"""Bytes of one line of the history; fifty of them travel with every call."""
MOST_TRIED = 10
MOST_REPLIES = 3
"""Of one escalation; the timeline keeps all. Of one that is over the last is kept."""
MOST_OVER = 20
"""Clocks that are over and still shown."""
MOST_ENDED = 10
"""Escalations that are over and still shown."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)

    def changed(self, **fields: Any) -> Self:
        """A copy with these fields; the values are not validated again."""
        return self.model_copy(update=fields)


class Clock(_Part):
    """One promise on the clock.

    running   since `since`, with `used_s` from before; due at `due_at`, next to be reminded of at `remind_at`
    paused    nothing counts
    missed    told at `missed_at`, and still to be reached; `due_at` is when it broke
    met       reached, `late_s` after it was due      ended   nobody waits for it any more

    `limit_s` and `used_s` are seconds of `calendar`. `reminded`: the highest share that was told.
    """

    target: Target
    nth: int = 1
    policy: PolicyRef
    calendar: str = WALL
    limit_s: float
    used_s: float = 0.0
    state: Literal["running", "paused", "missed", "met", "ended"] = "running"
    started_at: datetime
    since: datetime | None = None
    due_at: datetime | None = None
    remind_at: datetime | None = None
    reminded: float = 0.0
    missed_at: datetime | None = None
    ended_at: datetime | None = None
    late_s: float = 0.0
    party: str | None = None
    promise: PersonalText | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.target, self.nth

    @property
    def live(self) -> bool:
        return self.state in ("running", "paused", "missed")

    def is_late(self, at: datetime) -> bool:
        return self.due_at is not None and at > self.due_at


class Call(_Part):
    """One level of an escalation: a department that must answer by `due_at`. `missed`: it was told that it did not."""

    level: int
    department: Department
    nth: int
    at: datetime
    due_at: datetime
    why: str
    answered_at: datetime | None = None
    missed: bool = False


class Reply(_Part):
    at: datetime
    department: Department
    answer: Answer
    by: PersonalText = ""
    text: PersonalText = ""
    reproduced: bool | None = None
    responsible: str | None = None
    fix_at: datetime | None = None


class Escalation(_Part):
    """What one miss has set going. `climbing`: the next level is called unless the last one answers in time.

    `calendar`: of the promise that was missed; the levels have their time by it. `called_off`: departments that were
    called too early, as we know now; what they still say has no effect.
    """

    id: str
    target: Target
    nth: int
    calendar: str = WALL
    state: Literal["open", "resolved", "withdrawn"] = "open"
    climbing: bool = True
    acknowledged: bool = False
    calls: tuple[Call, ...] = ()
    called_off: tuple[Department, ...] = ()
    replies: tuple[Reply, ...] = ()
    raised_at: datetime
    ended_at: datetime | None = None
    why: str = ""

    @property
    def last(self) -> Call:
        return self.calls[-1]

    @property
    def due_at(self) -> datetime | None:
        """Until when the last one called must answer; None if nobody has to."""
        return self.last.due_at if self.state == "open" and self.climbing else None

    def with_call(self, call: Call) -> "Escalation":
        """The call in the place of the one of its level, or as the next."""
        return self.changed(calls=(*(c for c in self.calls if c.level < call.level), call, *self._above(call.level)))

    def _above(self, level: int) -> tuple[Call, ...]:
        return tuple(call for call in self.calls if call.level > level)


class Watch(_Part):
    """One document per case, under the case id. `counts`: clocks ever started, by target."""

    case_id: str
    number: str
    customer_id: str
    channel: str
    language: str
    tier: str | None = None
    category: tuple[str, ...]
    kind: Kind
    priority: Priority
    description: PersonalText = ""
    drill: bool = False
    opened_at: datetime
    status: Status = "open"
    agent_id: str | None = None
    supervisor: str | None = None
    pool: str | None = None
    clocks: tuple[Clock, ...] = ()
    counts: dict[str, int] = {}
    escalations: tuple[Escalation, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    tried: tuple[PersonalText, ...] = ()

    @property
    def ids(self) -> dict[str, str]:
        """What every event of the case carries."""
        return {"case_id": self.case_id, "number": self.number}

    @property
    def owner(self) -> dict[str, Any]:
        """Who has the ball, as every alarm says it."""
        return {"agent_id": self.agent_id, "supervisor": self.supervisor, "pool": self.pool}

    @property
    def live_clocks(self) -> tuple[Clock, ...]:
        return tuple(clock for clock in self.clocks if clock.live)

    def live(self, target: Target) -> Clock | None:
        """The newest clock of a target that is not over."""
        return next((clock for clock in reversed(self.clocks) if clock.live and clock.target == target), None)

    def escalation(self, id_: str) -> Escalation | None:
        return next((escalation for escalation in self.escalations if escalation.id == id_), None)

    @property
    def open_escalations(self) -> tuple[Escalation, ...]:
        return tuple(escalation for escalation in self.escalations if escalation.state == "open")

    def counted(self, target: Target) -> tuple["Watch", int]:
        """The number of the target's next clock, and the watch that remembers it."""
        nth = self.counts.get(target, 0) + 1
        return self.changed(counts={**self.counts, target: nth}), nth

    def with_clock(self, clock: Clock) -> "Watch":
        """The clock in its own place, or as the newest; of those that are over the last ones stay."""
        known = any(c.key == clock.key for c in self.clocks)
        clocks = tuple(clock if c.key == clock.key else c for c in self.clocks) if known else (*self.clocks, clock)
        gone = [c.key for c in clocks if not c.live][:-MOST_OVER]
        return self.changed(clocks=tuple(c for c in clocks if c.key not in gone))

    def with_escalation(self, escalation: Escalation) -> "Watch":
        if escalation.state != "open":
            escalation = escalation.changed(replies=escalation.replies[-1:])
        known = self.escalation(escalation.id) is not None
        all_ = (
            tuple(escalation if e.id == escalation.id else e for e in self.escalations)
            if known
            else (*self.escalations, escalation)
        )
        gone = [e.id for e in all_ if e.state != "open"][:-MOST_ENDED]
        return self.changed(escalations=tuple(e for e in all_ if e.id not in gone))

    def told(self, at: datetime, by: str, what: str, text: str | None = None) -> "Watch":
        """One more line of the history, in the order in which things happened; topics have no common one."""
        line = HistoryLine(at=at, by=beginning(by, MAX_LINE), what=what, text=beginning(text or "", MAX_LINE))
        lines = sorted((*self.history, line), key=lambda line: line.at)
        return self.changed(history=tuple(lines[-MOST_HISTORY:]))

    def has_tried(self, *texts: str | None) -> "Watch":
        """What was done for the customer so far, the newest last."""
        words = tuple(beginning(text, MAX_LINE) for text in texts if text)
        return self.changed(tried=(*self.tried, *words)[-MOST_TRIED:]) if words else self

    def is_about(self, *texts: str | None) -> "Watch":
        """With these words behind those that describe it; where there is no room for all, half of it is for each."""
        more = beginning("\n".join(filter(None, texts)), MAX_DESCRIPTION)
        room = max(MAX_DESCRIPTION // 2, MAX_DESCRIPTION - len(more.encode()) - 1)
        known = beginning(self.description, room) if more else self.description
        return self.changed(description=beginning("\n".join(filter(None, (known, more))), MAX_DESCRIPTION))


Step = tuple[Watch, tuple[EventData, ...]]
"""What became of a watch, and what is told of it."""
Move = Callable[[Watch], Step]


def in_turn(watch: Watch, *moves: Move) -> Step:
    """One after the other."""
    events: tuple[EventData, ...] = ()
    for move in moves:
        watch, more = move(watch)
        events += more
    return watch, events


def beginning(text: str, limit: int) -> str:
    """The first `limit` bytes of a text, cut between characters."""
    return text if len(text) * 4 <= limit else text.encode()[:limit].decode(errors="ignore")
