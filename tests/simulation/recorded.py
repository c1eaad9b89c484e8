"""Stores that note in the document itself what had an effect on it; and the same as a newer version would be.

The note is written with the effect, by the same guarded write: what it says is what happened, whoever died afterwards.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, get_origin

from pydantic import BaseModel, create_model

from shared.decisions import Decide, Decision
from shared.document import Document
from shared.events.base import Event, EventData
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.fold import Change
from shared.store import Shape, Store
from shared.timers import Timed


class Told(EventData):
    """An event that only the newer version knows."""

    TYPE: ClassVar[str] = "newer.told"
    TOPIC: ClassVar[str] = ""
    on: str

    @property
    def topic(self) -> str:
        return self.on


class Recorded(Store[Any]):
    """`newer`: whether it stands as the version after today's."""

    newer: ClassVar[bool] = False

    def __init__(self, database: Any, shape: Shape[Any], relay: Any, interpret: Any, **more: Any) -> None:
        self._interpret_plainly = interpret
        super().__init__(database, _of_version(shape, self.newer), relay, self._interpret_noting, **more)

    def _interpret_noting(self, event: Event) -> Change[Any]:
        change: Change[Any] = self._interpret_plainly(event)
        change.decide = self._noting(change)
        return change

    async def _load_for(self, changes: Sequence[Change[Any]], *, believing: bool = False) -> dict[str, Document[Any]]:
        for change in changes:
            if change.decide is not None and not isinstance(change.decide, Noting):
                change.decide = self._noting(change)
        return await super()._load_for(changes, believing=believing)

    def _noting(self, change: Change[Any]) -> "Noting":
        return Noting(change.decide, change.event, self.shape, self.newer)


@dataclass(frozen=True, slots=True)
class Noting:
    decide: Decide[Any]
    event: Event | None
    shape: Shape[Any]
    newer: bool

    def __call__(self, state: Any, now: datetime) -> Decision[Any]:
        decision = self.decide(state, now)
        if decision.state is state:
            return decision
        if decision.state is not None:
            decision = replace(decision, state=self._noted(decision.state, state))
        return replace(decision, events=_said_more(decision.events)) if self.newer else decision

    def _noted(self, state: Any, before: Any) -> Any:
        log = getattr(before, "effects", ())
        if self.event is not None and self.event.sequence is not None:
            log = (*log, f"{self.event.topic}={self.event.sequence}")
        more = {"effects": log} | ({"newer": 1} if self.newer else {})
        if isinstance(state, self.shape.model):
            return state.model_copy(update=more)
        return self.shape.model.model_construct(**{**dict(state), **more})  # made anew by its decision


def never_early(timed: Timed) -> Timed:
    """The same timer; it parks its key if it has an effect before its time."""

    def fire(state: Any, now: datetime) -> Decision[Any]:
        decision = timed.fire(state, now)
        due = timed.store.shape.due(state)
        assert decision.state is state or (due is not None and due <= now), f"fired at {now}, due {due}"
        return decision

    return replace(timed, fire=fire)


def recorded(kind: Any, newer: bool = False) -> Callable[..., Any]:
    """A kind of store, recording."""
    return _recorded(get_origin(kind) or kind, newer)


@cache
def _recorded(kind: type[Store[Any]], newer: bool) -> type[Store[Any]]:
    return type(f"Recorded{kind.__name__}", (Recorded, kind), {"newer": newer})


def _of_version(shape: Shape[Any], newer: bool) -> Shape[Any]:
    if not newer:
        return replace(shape, model=_model(shape.model, False))
    return replace(
        shape,
        model=_model(shape.model, True),
        schema=shape.schema + 1,
        lift={**(shape.lift or {}), shape.schema: _lifted},
    )


@cache
def _model(model: type[BaseModel], newer: bool) -> type[BaseModel]:
    fields: dict[str, Any] = {"effects": (tuple[str, ...], ())}
    if newer:
        fields["newer"] = (int, 0)
    return create_model(model.__name__, __base__=model, **fields)


def _lifted(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "newer": 1}


def _said_more(events: tuple[EventData, ...]) -> tuple[EventData, ...]:
    """Known events with an unknown field, and after them an event of unknown type on each of their topics."""
    topics = dict.fromkeys(event.topic for event in events if event.topic not in ESCALATIONS)
    return (*map(_with_more, events), *(Told(on=topic) for topic in topics))


def _with_more(event: EventData) -> EventData:
    return _more(type(event)).model_construct(**dict(event), says_more="x")


@cache
def _more(kind: type[EventData]) -> type[EventData]:
    return create_model(kind.__name__, __base__=kind, says_more=(str, ""))
