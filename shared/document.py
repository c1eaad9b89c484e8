"""One subject's memory in one service: its state, and everything that keeps it exact.

As kept in MongoDB: `_id`, `v` (guard), `nonce` (whose write), `schema`, `shard`, `state`, `ix` (how it is found),
`seq` / `outbox` (given out), `seen` / `held` / `done` / `moved` (taken in), `parked`, `due` (next timer),
`pending` (since when an outbox waits that no record would publish again).
"""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.events.base import Event

S = TypeVar("S")
_NAMES: dict[type, tuple[str, ...]] = {}


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


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record taken in before its turn: before its cause, beyond a gap, or while the key is parked."""

    event: Event
    since: datetime


@dataclass(frozen=True, slots=True)
class Parked:
    """Why a key stands still: an error of ours that its next step runs into. `event`: the id of that record, if any."""

    since: datetime
    error: str
    cause: str = ""
    event: str = ""


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
    adopted: bool = field(default=False, compare=False)
    """Its outbox was left by another process, whose record may never bring it back; not kept."""
    steps: int = field(default=0, compare=False)
    """How many changes this working copy has met; not kept."""


def pack(record: Any) -> dict[str, Any]:
    """A flat slotted dataclass as a BSON document without its empty fields."""
    names = _NAMES.get(type(record)) or _NAMES.setdefault(type(record), tuple(f.name for f in fields(record)))
    return {name: value for name in names if (value := getattr(record, name)) not in (None, "", {})}


def pack_waiting(waiting: Waiting) -> dict[str, Any]:
    return {"since": waiting.since, "event": pack(waiting.event)}


def unpack_waiting(body: dict[str, Any]) -> Waiting:
    return Waiting(event=unpack_event(body["event"]), since=body["since"])


def unpack_event(body: dict[str, Any]) -> Event:
    return Event(**{"data": {}, "subject": "", **body})


def to_body(document: Document[Any], nonce: str) -> dict[str, Any]:
    """The next version of a document as it is written, without what its service adds (state, ix, due)."""
    body: dict[str, Any] = {"_id": document.key, "v": document.version + 1, "nonce": nonce, "shard": document.shard}
    for name in ("seq", "seen", "done", "moved", "pending"):
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
        outbox=[Entry(**entry) for entry in body.get("outbox", ())],
        seen=body.get("seen", {}),
        held=[unpack_waiting(waiting) for waiting in body.get("held", ())],
        done=body.get("done", []),
        moved=body.get("moved", False),
        parked=Parked(**body["parked"]) if "parked" in body else None,
        pending=body.get("pending"),
    )
