"""What stands first in the way of a key, and what it takes to give that up for good. Pure, like the fold.

A record that has come is never given up for another one: a gap ends before the first number of its topic that waits.

Errors:
    Refused    not_first    something else is first, so another thing would be lost than was meant
               too_soon     the gap is young: what is missing may be on its way, and would be dropped as a repeat
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.decisions import Refused
from shared.document import Document, Waiting
from shared.events.base import Event
from shared.fold import Folding

STILL_COMING = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Blocker:
    """The record that parked a key, by its event's id; or a gap, by its topic and numbers. Empty: neither."""

    event: str = ""
    topic: str = ""
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        if self.event:
            return f"record {self.event}"
        until = f" to {self.last}" if self.last > self.first else ""
        return f"{self.topic} {self.first}{until}" if self.topic else "nothing that can be given up"

    def named(self) -> dict[str, Any]:
        """Its fields that say something."""
        return {name: value for name, value in asdict(self).items() if value}


def blocker_of(document: Document[Any], folding: Folding[Any]) -> Blocker:
    """What a key waits for first; a key parked by its timer waits for nothing that could be given up."""
    if document.parked:
        first = document.held[0].event.id if document.held else ""
        return Blocker(event=first if first == document.parked.event else "")
    return next((gap for gap, _ in _gaps(document, folding)), Blocker())


def give_up(
    document: Document[Any], folding: Folding[Any], now: datetime, expected: Blocker | None = None
) -> list[dict[str, Any]]:
    """Take what is first out of the way; returns what is lost. `expected`: what the caller believes to be first."""
    blocker = blocker_of(document, folding)
    if expected not in (None, blocker):
        message = f"first in the way of {document.key} is {blocker}, not {expected}; nothing was given up, look again"
        raise Refused("not_first", message)
    if blocker.topic:
        _check_age(document, folding, now)
        document.seen[blocker.topic] = blocker.last
        return [{"topic": blocker.topic, "first": blocker.first, "last": blocker.last}]
    document.parked = None
    return [_give_up_record(document)] if blocker.event else []


def _check_age(document: Document[Any], folding: Folding[Any], now: datetime) -> None:
    gap, waiting = next(_gaps(document, folding))
    missed = now - waiting.since
    if missed < STILL_COMING:
        raise Refused(
            "too_soon",
            f"{gap} has been missed for {missed.total_seconds():.0f} s and may be on its way; given up now, "
            "it would be dropped when it comes. "
            f"Wait until it has been missed for {STILL_COMING.total_seconds():.0f} s, "
            "and look whether its writer is down or its reader behind",
        )


def _gaps(document: Document[Any], folding: Folding[Any]) -> Iterator[tuple[Blocker, Waiting]]:
    """Each gap with the record that waits for it, in order of arrival."""
    come = _first_come(document)
    for waiting in document.held:
        if waiting.event.topic not in folding.reads:
            continue  # a newer version follows it
        for topic, number in _needs(waiting.event, folding).items():
            first = document.seen.get(topic, 0) + 1
            last = min(number, come.get(topic, number + 1) - 1)
            if first <= last:
                yield Blocker(topic=topic, first=first, last=last), waiting


def _first_come(document: Document[Any]) -> dict[str, int]:
    """By topic the lowest number that waits."""
    come: dict[str, int] = {}
    for event in (waiting.event for waiting in document.held):
        if event.sequence is not None:
            come[event.topic] = min(event.sequence, come.get(event.topic, event.sequence))
    return come


def _needs(event: Event, folding: Folding[Any]) -> dict[str, int]:
    """By topic the number that must have been seen before the turn of a record: what comes before it, its causes."""
    before = {} if event.topic in folding.compacted else {event.topic: (event.sequence or 1) - 1}
    return before | {topic: number for topic, number in event.after.items() if topic in folding.reads}


def _give_up_record(document: Document[Any]) -> dict[str, Any]:
    event = document.held.pop(0).event
    if event.sequence is not None:
        document.seen[event.topic] = max(event.sequence, document.seen.get(event.topic, 0))
    return {"topic": event.topic, "type": event.type, "number": event.sequence, "id": event.id, "data": event.data}
