"""One subject's memory in one service: its state, and everything that keeps it exact.

As kept in MongoDB: `_id`, `v` (guard), `nonce` (whose write), `schema`, `shard`, `state`, `ix` (how it is found),
`seq` / `outbox` (given out), `seen` / `held` / `done` / `moved` (taken in), `parked`, `due` (next timer),
`pending` (since when an outbox waits that no record would publish again).

What a newer version adds, at the top or to an entry, stays in `more` and is written back: see `shared.unknown`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from shared.events.base import Event

S = TypeVar("S")
ADDED = frozenset({"state", "schema", "ix", "due"})
"""What a service adds to its documents."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event given out: the very bytes that are published, however often. `sequence` is None on inbound topics."""

    topic: str
    type: str
    key: str
    subject: str
    id: str
    time: datetime
    value: bytes
    sequence: int | None = None
    after: str = ""
    trace: str = ""
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record taken in before its turn: before its cause, beyond a gap, or while the key is parked."""

    event: Event
    since: datetime
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Parked:
    """Why a key stands still: an error of ours that its next step runs into. `event`: the id of that record, if any."""

    since: datetime
    error: str
    cause: str = ""
    event: str = ""
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(slots=True)
class Document(Generic[S]):
    """The working copy that a fold changes and the store writes whole."""

    key: str
    shard: int
    state: S | None = None
    version: int = 0
    nonce: str = ""
    seq: dict[str, int] = field(default_factory=dict)
    outbox: list[Entry] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    held: list[Waiting] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    moved: bool = False
    parked: Parked | None = None
    pending: datetime | None = None
    more: dict[str, Any] = field(default_factory=dict)
    adopted: bool = field(default=False, compare=False)
    """Its outbox was left by another process, whose record may never bring it back; not kept."""
    sealed: bool = field(default=False, compare=False)
    """This version can't read its state, and writes it back as it is; not kept."""
    steps: int = field(default=0, compare=False)
    """How many changes this working copy has met; not kept."""


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.name != "more")


@cache
def _known(kind: Any) -> frozenset[str]:
    return frozenset(_names(kind))


def pack(record: Any) -> dict[str, Any]:
    """A flat slotted dataclass as a BSON document without its empty fields."""
    body = {name: value for name in _names(record.__class__) if (value := getattr(record, name)) not in (None, "", {})}
    return {**record.more, **body} if record.more else body


def unpack(kind: Any, body: Mapping[str, Any]) -> Any:
    """The way back. Fields that only a newer version knows stay together in `more`."""
    known = _known(kind)
    if body.keys() <= known:
        return kind(**body)
    return kind(**{name: value for name, value in body.items() if name in known}, more=_without(body, known))


def _without(body: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in known}


def pack_waiting(waiting: Waiting) -> dict[str, Any]:
    return {**waiting.more, "since": waiting.since, "event": pack(waiting.event)}


def unpack_waiting(body: Mapping[str, Any]) -> Waiting:
    waiting: Waiting = unpack(Waiting, {**body, "event": unpack_event(body["event"])})
    return waiting


def unpack_event(body: Mapping[str, Any]) -> Event:
    event: Event = unpack(Event, {"data": {}, "subject": "", **body})
    return event


_KEPT = ("seq", "seen", "done", "moved", "pending")
_OWN = frozenset({"_id", "v", "nonce", "shard", "outbox", "held", "parked", *_KEPT})
_ALL = _OWN | ADDED


def to_body(document: Document[Any], nonce: str) -> dict[str, Any]:
    """The next version of a document as it is written, without what its service adds (state, ix, due)."""
    body: dict[str, Any] = {
        **document.more, "_id": document.key, "v": document.version + 1, "nonce": nonce, "shard": document.shard
    }  # fmt: skip
    for name in _KEPT:
        if value := getattr(document, name):
            body[name] = value
    if document.outbox:
        body["outbox"] = [pack(entry) for entry in document.outbox]
    if document.held:
        body["held"] = [pack_waiting(waiting) for waiting in document.held]
    if document.parked:
        body["parked"] = pack(document.parked)
    return body


def from_body(body: dict[str, Any], state: S | None) -> Document[S]:
    return Document(
        key=body["_id"],
        shard=body["shard"],
        state=state,
        version=body["v"],
        nonce=body["nonce"],
        seq=body.get("seq", {}),
        outbox=[unpack(Entry, entry) for entry in body.get("outbox", ())],
        seen=body.get("seen", {}),
        held=[unpack_waiting(waiting) for waiting in body.get("held", ())],
        done=body.get("done", []),
        moved=body.get("moved", False),
        parked=unpack(Parked, body["parked"]) if "parked" in body else None,
        pending=body.get("pending"),
        more={} if body.keys() <= _ALL else _without(body, _ALL),
    )


def sealed(body: dict[str, Any], now: datetime, error: Exception) -> Document[Any]:
    """The working copy of a document whose state can't be read here: its key stands still, its state stays.

    Its timer waits as that of any parked key; who can read the state knows when it is due.
    """
    document: Document[Any] = from_body(body, None)
    document.more |= {name: body[name] for name in ("schema", "state", "ix") if name in body}
    document.parked = document.parked or Parked(now, f"its state can't be read by this version: {error}"[:500])
    document.sealed = True
    return document
