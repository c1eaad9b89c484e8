"""What a decision is: a pure function of a state and a moment that says the next state and what it gives out.

    decide(state, now) -> Decision(state, events, note)

The event, the command and the rules are bound into `decide` by the door. The store may run a decision any number of
times before one run counts, so it must not read a clock, draw a chance or touch the outside.

Errors:
    Refused            the caller is wrong and is told why; nothing changes
      Elsewhere        right fact, wrong document: the store looks again for the one it belongs to
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.events.base import EventData

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a case's timeline, kept beside the document. One decision writes at most one."""

    at: datetime
    kind: str
    by: str
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """The next state, the events given out in order, and a line for the timeline.

    A decision that returns the very state it was given, no event and no note changes nothing and writes nothing.
    """

    state: S
    events: tuple[EventData, ...] = ()
    note: Note | None = None


Decide = Callable[[S | None, datetime], Decision[S]]


class Refused(Exception):
    """A fact or command that the rules do not allow.

    `code` is stable and machine-readable (`wrong_transition`), `message` says what to do instead, `field` names the
    field at fault, `status` is the answer over HTTP.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, status: int = 409) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.status = code, message, field, status


class Elsewhere(Refused):
    """The document this fact was taken to can no longer take it (a closed case); the finder must look again."""

    def __init__(self, message: str = "") -> None:
        super().__init__("elsewhere", message)
