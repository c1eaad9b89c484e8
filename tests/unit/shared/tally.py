"""A domain as small as can be: a tally per key that follows two topics and publishes a third."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from shared.clock import to_milliseconds
from shared.decisions import Decision, Note, Refused
from shared.events.base import Event, EventData
from shared.fold import Change, Folding, fold
from shared.ids import event_id

T0 = datetime(2026, 11, 22, 8, tzinfo=UTC)


class Tally(BaseModel):
    model_config = ConfigDict(frozen=True)
    key: str = ""
    total: int = 0
    steps: tuple[str, ...] = ()
    alarm_at: datetime | None = None


class Added(EventData):
    TOPIC: ClassVar[str] = "numbers.v1"
    TYPE: ClassVar[str] = "number.added"
    n: int = 1
    broken: bool = False
    wrong: bool = False


class Named(EventData):
    TOPIC: ClassVar[str] = "names.v1"
    TYPE: ClassVar[str] = "name.given"
    name: str = ""


class Counted(EventData):
    TOPIC: ClassVar[str] = "tallies.v1"
    TYPE: ClassVar[str] = "tally.counted"
    total: int


class Addressed(EventData):
    """A family of topics, one per addressee."""

    TOPIC: ClassVar[str] = "to.{addressee}.v1"
    TYPE: ClassVar[str] = "something.told"
    to: str

    @property
    def topic(self) -> str:
        return f"to.{self.to}.v1"


class Bug(RuntimeError):
    """An error of ours."""


def add(state: Tally | None, now: datetime, *, n: int, step: str = "", by: str = "test") -> Decision[Tally]:
    before = state or Tally()
    after = before.model_copy(update={"total": before.total + n, "steps": (*before.steps, step or f"+{n}")})
    return Decision(after, (Counted(total=after.total),), Note(now, "added", by, str(n)))


def nothing(state: Any, now: datetime) -> Decision[Any]:
    return Decision(state)


def refuse(state: Any, now: datetime) -> Decision[Any]:
    raise Refused("wrong", "send something else", field="n")


def fail(state: Any, now: datetime) -> Decision[Any]:
    raise Bug("ours")


def event(
    topic: str,
    sequence: int | None,
    *,
    n: int = 1,
    subject: str = "k",
    after: dict[str, int] | None = None,
    **more: Any,
) -> Event:
    """A record of one of the two topics as the codec would give it."""
    data = {"n": n, **more}
    id_ = event_id(topic, subject, sequence) if sequence else f"{topic}/0/{more.get('place', n)}"
    return Event(topic, "number.added", subject, id_, T0, data, sequence, after or {}, source="test")


def change_for(event: Event) -> Change[Tally]:
    """The change that a record stands for; its step in the tally names topic and number."""
    data = event.data
    decide = (
        fail
        if data.get("broken")
        else refuse
        if data.get("wrong")
        else partial(add, n=data["n"], step=f"{event.topic}:{event.sequence}")
    )
    once = data.get("once", "")
    return Change(event.subject, decide, event.id, event=event, once=once)


def folding(*reads: str, interpret: Any = change_for, compacted: Sequence[str] = ()) -> Folding[Tally]:
    return Folding(frozenset(reads), interpret, frozenset(compacted))


class TestClock:
    """A clock that stands still until it is told to go on."""

    __test__ = False

    def __init__(self, now: datetime = T0) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return to_milliseconds(self.now)

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as a consumer hands it over."""

    topic: str = "numbers.v1"
    partition: int = 0
    offset: int = 0
    timestamp: int = 1_795_334_400_000
    key: bytes | None = b"k"
    value: bytes | None = b"{}"
    headers: tuple[tuple[Any, Any], ...] = ()


def fold_into(store: Any, *events: Event) -> None:
    """Let events happen to a store in memory."""
    for one in events:
        fold(store.document(one.subject), change_for(one), store.clock(), folding())
