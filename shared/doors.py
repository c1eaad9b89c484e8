"""Doors for events: which decision a record of which type asks for.

on = Handlers(metrics)
on.ours(CaseOpened, lambda opened, event: partial(enter, opened=opened, rules=rules()))
on.outsiders("work.accepted", Work, key=case_id, once=work_id, ask=...)
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Generic, TypeVar

from shared.codec import parse
from shared.decisions import Decide, Decision
from shared.document import Entry
from shared.events.base import Event, EventData
from shared.fold import Change
from shared.ids import named
from shared.metrics import Metrics

S = TypeVar("S")
Ask = Callable[[Any, Event], Decide[Any]]


@dataclass(frozen=True, slots=True)
class _Handler:
    model: type[EventData]
    ask: Ask
    key: Callable[[Any], str] | None = None
    once: Callable[[Any], str] | None = None


class Handlers(Generic[S]):
    """From an event to the change that it asks of one kind of document."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._by_type: dict[str, _Handler] = {}

    def ours(self, model: type[EventData], ask: Ask) -> None:
        """A sequenced event of our own; its subject is the document's key."""
        self._by_type[model.TYPE] = _Handler(model, ask)

    def outsiders(
        self, type_: str, model: type[EventData], ask: Ask, *, key: Callable[[Any], str], once: Callable[[Any], str]
    ) -> None:
        """An outsider's record. `key` finds the document; `once` is its identity for ever, "" if the decision knows."""
        self._by_type[type_] = _Handler(model, ask, key, once)

    def __call__(self, event: Event) -> Change[S]:
        """Unreadable if the data is not what the type promises. An unknown type only moves `seen` on."""
        handler = self._by_type.get(event.type)
        if handler is None:
            self._metrics.events_unknown.labels(event.type).inc()
            return Change(key=event.subject, decide=_nothing, cause=event.id, event=event)
        data = parse(handler.model, event)
        if handler.key is None or handler.once is None:
            return Change(key=event.subject, decide=handler.ask(data, event), cause=event.id, event=event)
        key, once = handler.key(data), handler.once(data)
        return Change(
            key=key,
            decide=handler.ask(data, event),
            cause=cause_of(event.topic, key, once or event.id),
            event=event,
            once=once,
            content=content_of(event.type, data) if once else "",
        )

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self._by_type)


def cause_of(topic: str, key: str, once: str) -> str:
    """The same for an outsider's fact whether it came by record or by HTTP."""
    return named("cause", topic, key, once)


def content_of(type_: str, data: EventData) -> str:
    """A short hash of what an outsider's fact says, the same whichever door it came by."""
    return sha256(f"{type_} {data.model_dump_json(exclude_none=True)}".encode()).hexdigest()[:16]


def ignore(_data: Any, _event: Event) -> Decide[Any]:
    """For events that a service knows and has nothing to do for."""
    return _nothing


def _nothing(state: Any, now: datetime) -> Decision[Any]:
    return Decision(state)


def inbound_record(topic: str, type_: str, key: str, data: EventData, now: datetime, id_: str) -> Entry:
    """The record that an HTTP door writes beside its effect, so that the topic holds everything that was said."""
    return Entry(
        topic=topic,
        type=type_,
        key=key,
        subject=key,
        id=id_,
        time=now,
        value=data.model_dump_json(exclude_none=True).encode(),
    )


__all__ = ["Handlers", "cause_of", "content_of", "ignore", "inbound_record"]
