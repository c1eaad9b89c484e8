"""Documents by key, changed by pure decisions under a guard: the memory of a service.

    outcomes = await store.apply([Change(key, decide, ...), ...])

All changes of a batch are folded in memory in their order, written in one unordered bulk write (`_id` + version must
still match) and only then published. A lost race is read again and folded again. Reads see what a majority holds.

Errors:
    Transient    a race stayed undecided for ROUNDS rounds, or a write was answered without its durability
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4
from zlib import crc32

from pydantic import BaseModel, ValidationError

from shared import unknown
from shared.blocked import Blocker, blocker_of, give_up
from shared.clock import Clock, utc_now
from shared.decisions import Refused
from shared.document import Document, from_body, sealed, to_body
from shared.done import Done
from shared.errors import Transient
from shared.events.base import Event
from shared.fold import Change, Folding, Outcome, drain, fold
from shared.guarded import ALL_GUARDS, Guards, write
from shared.ids import partition_of
from shared.indexes import create, indexes_of
from shared.metrics import Metrics
from shared.mongo import durable
from shared.outbox import Relay
from shared.timeline import Timeline

S = TypeVar("S", bound=BaseModel)
ROUNDS = 40
HALVE_FROM = 256


@dataclass(frozen=True, slots=True)
class Shape(Generic[S]):
    """What a store must know of the documents it keeps.

    `reads`/`compacted`: sequenced topics with this subject that it follows. `index`: fields it is found by.
    `unique`: those of them that no two documents may share. `due`: when the clock must look at it next.
    `lift`: by stored schema number, how an old state's body becomes the next number's; `schema` is today's. The number
    is that of the last writer: what an older version wrote over a newer one's body is lifted again, from what it holds.
    """

    collection: str
    model: type[S]
    reads: frozenset[str] = frozenset()
    compacted: frozenset[str] = frozenset()
    index: Callable[[S], dict[str, Any]] = lambda _: {}
    indexes: tuple[tuple[str, ...], ...] = ()
    unique: tuple[str, ...] = ()
    due: Callable[[S], datetime | None] = lambda _: None
    schema: int = 1
    lift: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """What giving up did to a key. `lost` for good: a record whole, or the first and last number of a gap by topic."""

    flows: bool
    lost: list[dict[str, Any]] = field(default_factory=list)


class Store(Generic[S]):
    def __init__(
        self,
        database: Any,
        shape: Shape[S],
        relay: Relay,
        interpret: Callable[[Event], Change[S]],
        *,
        metrics: Metrics,
        clock: Clock = utc_now,
        partitions: int = 12,
        guards: Guards = ALL_GUARDS,
        nonces: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self.shape, self.relay, self.clock, self.metrics, self.guards = shape, relay, clock, metrics, guards
        self.partitions, self._nonces = partitions, nonces
        self.documents = durable(database, shape.collection)
        self.timeline = Timeline(database)
        self._done = Done(database, shape.collection)
        self._reads = self.documents if guards.majority else database.get_collection(shape.collection)
        self._interpret = interpret
        self.halve_from = HALVE_FROM
        self.set_aside: Callable[[Event, Refused], Awaitable[None]] = _nowhere

    async def setup(self) -> None:
        """Create the indexes; may be called by every replica at every start."""
        await create(self.documents, indexes_of(self.shape.indexes, self.shape.unique))
        await self.timeline.setup()

    async def get(self, key: str) -> S | None:
        return (await self.get_many([key])).get(key)

    async def get_many(self, keys: Iterable[str]) -> dict[str, S]:
        """The states that there are; Transient if this version can't read one of them."""
        documents = await self.load(keys)
        if unread := next((document for document in documents.values() if document.sealed), None):
            raise Transient(f"{self.shape.collection} {unread.key} waits for a version that can read it")
        return {key: document.state for key, document in documents.items() if document.state is not None}

    async def find(
        self, query: dict[str, Any], *, sort: Sequence[tuple[str, int]] = (("_id", 1),), limit: int = 100
    ) -> list[S]:
        """States whose indexed fields match; `query` and `sort` name them as `ix.<field>`.

        One that this version can't read is left out: it must not hide the others.
        """
        bodies = await self._reads.find(query, sort=list(sort), limit=limit).to_list(None)
        return [state for body in bodies if (state := self._readable(body)) is not None]

    def _readable(self, body: dict[str, Any]) -> S | None:
        try:
            return self._state(body)
        except ValidationError:
            return None

    async def load(self, keys: Iterable[str]) -> dict[str, Document[S]]:
        """The documents that exist, with everything, as a majority holds them."""
        return await self.load_where({"_id": {"$in": list(keys)}})

    async def load_where(
        self, query: dict[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> dict[str, Document[S]]:
        bodies = await self._reads.find(query, sort=list(sort) or None, limit=limit).to_list(None)
        return {body["_id"]: self._document(body) for body in bodies}

    def _document(self, body: dict[str, Any]) -> Document[S]:
        """One that can't be read must not stop the others of its batch."""
        try:
            return from_body(body, self._state(body))
        except ValidationError as error:
            return sealed(body, self.clock(), error)

    async def locate(self, changes: Sequence[Change[S]]) -> None:
        """Set the key of each change that has none yet; called again after every lost race."""

    async def apply(self, changes: Sequence[Change[S]], *, recorded: bool = False) -> list[Outcome[S]]:
        """Fold, write and publish; the outcomes stand in the order of the changes.

        `recorded`: a record whose offset is not committed yet caused these changes, so a crash before their events
        are published repeats them; then publication is awaited. Otherwise it goes on beside, the sweeper behind it.
        """
        halves = _halves(changes) if len(changes) >= self.halve_from else {}
        if len(halves) < 2:
            return await self._apply(changes, recorded)
        return await self._apply_in_halves(changes, halves, recorded)

    async def _apply_in_halves(
        self, changes: Sequence[Change[S]], halves: Mapping[int, Sequence[int]], recorded: bool
    ) -> list[Outcome[S]]:
        """Side by side: while the database writes one half, the other is decided. Both come to their end."""
        work = [self._apply([changes[place] for place in half], recorded) for half in halves.values()]
        done = await asyncio.gather(*work, return_exceptions=True)
        outcomes: dict[int, Outcome[S]] = {}
        for half, result in zip(halves.values(), done, strict=True):
            if isinstance(result, BaseException):
                raise result
            outcomes |= zip(half, result, strict=True)
        return [outcomes[place] for place in range(len(changes))]

    async def _apply(self, changes: Sequence[Change[S]], recorded: bool) -> list[Outcome[S]]:
        outcomes: list[Outcome[S] | None] = [None] * len(changes)
        written: dict[str, Document[S]] = {}
        told: set[str] = set()
        todo = list(range(len(changes)))
        for round_ in range(ROUNDS):
            todo = await self._round(changes, todo, outcomes, written, recorded, told, first=not round_)
            if not todo:
                break
            self.metrics.write_conflicts.inc(len(todo))
            await asyncio.sleep(min(0.002 * 2**round_, 0.25))
        else:
            raise Transient(f"{len(todo)} changes of {self.shape.collection} lost {ROUNDS} races in a row")
        await self.relay.hand_over(self, written.values(), recorded)
        return [outcome for outcome in outcomes if outcome is not None]

    async def _round(
        self,
        changes: Sequence[Change[S]],
        todo: list[int],
        outcomes: list[Outcome[S] | None],
        written: dict[str, Document[S]],
        recorded: bool,
        told: set[str],
        first: bool,
    ) -> list[int]:
        """One attempt at what is still to do; returns what must be tried again."""
        await self.locate([changes[i] for i in todo])
        documents = await self._load_for([changes[i] for i in todo], believing=first)
        now = self.clock()
        folding = self._folding()
        nonce = self._nonces()
        changed: dict[str, Document[S]] = {}
        again: list[int] = []
        for i in todo:
            change = changes[i]
            document = documents[change.key]
            outcome = fold(document, change, now, folding)
            outcomes[i] = outcome
            if outcome.status == "elsewhere":
                again.append(i)
            elif _is_written(change, outcome) or (not recorded and _relies_on(outcome, document)):
                changed[change.key] = document
        await self._tell([(changes[i], o) for i in todo if (o := outcomes[i])], folding, told)
        await self._set_aside_refused(folding)
        lost = await self._write(changed, nonce, now, recorded)
        self._count(todo, changes, outcomes, lost, folding)
        for key, document in documents.items():
            if key not in lost and (recorded or key in changed):  # the rest is its record's or the sweeper's
                written[key] = document
        return sorted({*again, *(i for i in todo if changes[i].key in lost)})

    async def _load_for(self, changes: Sequence[Change[S]], *, believing: bool = False) -> dict[str, Document[S]]:
        """`believing`: keys that are said to be fresh are not looked for; whoever is wrong there loses his insert."""
        keys = dict.fromkeys(change.key for change in changes)  # in their order, in which they publish too
        fresh = {change.key for change in changes if believing and change.fresh}
        known = [key for key in keys if key not in fresh]
        found = await self.load(known) if known else {}
        documents = {key: found.get(key) or Document(key, partition_of(key, self.partitions)) for key in keys}
        for key, document in documents.items():
            if document.outbox and self.relay.has_published(self, key, document.nonce):
                document.outbox, document.pending = [], None
            elif document.outbox and document.pending is None:
                document.adopted = True
                document.pending = self.clock()  # nobody here would drop it later, so it goes now
        await self._done.move(documents.values())
        await self._done.recall(changes, documents)
        return documents

    def _folding(self) -> Folding[S]:
        return Folding(self.shape.reads, self._interpret, self.shape.compacted, self.guards.seen)

    async def _write(self, changed: dict[str, Document[S]], nonce: str, now: datetime, recorded: bool) -> set[str]:
        """Write all copies guarded; returns the keys whose copy was not the newest any more."""
        if not changed:
            return set()
        for document in changed.values():
            if document.outbox and not recorded and document.pending is None:
                document.pending = now
        bodies = {key: self._body(document, nonce) for key, document in changed.items()}
        lost = await write(self.documents, self._reads, bodies, nonce, self.guards)
        for key, document in changed.items():
            if key not in lost:
                document.version, document.nonce = document.version + 1, nonce
        return lost

    def _body(self, document: Document[S], nonce: str) -> dict[str, Any]:
        body = to_body(document, nonce)
        if document.state is not None:
            body["schema"] = self.shape.schema
            body["state"] = unknown.write(document.state)
            if index := {k: v for k, v in self.shape.index(document.state).items() if v not in (None, (), [])}:
                body["ix"] = index
            due = self.shape.due(document.state)
            if due and not document.parked:  # its timers wait like its records, and nobody need look at it
                body["due"] = due
        return body

    def _state(self, body: dict[str, Any]) -> S | None:
        raw = body.get("state")
        if raw is None:
            return None
        for number in range(body.get("schema", 1), self.shape.schema):
            raw = (self.shape.lift or {})[number](raw)
        return unknown.read(self.shape.model, raw)

    async def _tell(self, attempt: Sequence[tuple[Change[S], Outcome[S]]], folding: Folding[S], told: set[str]) -> None:
        await self.timeline.tell(attempt, [outcome for _, outcome in folding.drained], told)

    async def _set_aside_refused(self, folding: Folding[S]) -> None:
        for event, outcome in folding.drained:
            if outcome.refused is not None:
                await self.set_aside(event, outcome.refused)

    def _count(
        self,
        todo: list[int],
        changes: Sequence[Change[S]],
        outcomes: list[Outcome[S] | None],
        lost: set[str],
        folding: Folding[S],
    ) -> None:
        for i in todo:
            outcome, event = outcomes[i], changes[i].event
            if outcome is None or outcome.key in lost or event is None:
                continue
            if outcome.status == "repeat":
                self.metrics.events_repeated.inc()
            elif outcome.status in ("applied", "unchanged"):
                self.metrics.applied(event.type, event.time, self.clock())
        for event, outcome in folding.drained:
            if outcome.key not in lost and outcome.status in ("applied", "unchanged"):
                self.metrics.applied(event.type, event.time, self.clock())

    async def preview(self, change: Change[S]) -> Outcome[S]:
        """What a change would do now; nothing is written, nothing given out."""
        await self.locate([change])
        document = (await self._load_for([change]))[change.key]
        return fold(document, change, self.clock(), self._folding())

    async def would_flow(self, key: str) -> str | None:
        """Why a key would stand again if it were unparked now; None if it would flow. Nothing is written."""
        document = (await self._load_for([_nothing(key)]))[key]
        if document.sealed and document.parked:
            return document.parked.error
        document.parked = None
        drain(document, self.clock(), self._folding())
        return document.parked.error if document.parked else None

    async def unpark(self, key: str) -> bool:
        """Try again what a key was parked for, and all that waits behind it. True if it flows again."""
        for _ in range(ROUNDS):
            document = (await self._load_for([_nothing(key)]))[key]
            if document.version == 0 or document.sealed:
                return False
            document.parked = None
            folding, now, nonce = self._folding(), self.clock(), self._nonces()
            drain(document, now, folding)
            await self._tell([], folding, set())
            await self._set_aside_refused(folding)
            if not await self._write({key: document}, nonce, now, False):
                await self.relay.hand_over(self, [document], False)
                return document.parked is None
        return False

    async def skip(self, key: str, expected: Blocker) -> Skipped:
        """Give up what is first in the way of a key, then go on; nothing but what is `expected` (`shared.blocked`)."""
        for _ in range(ROUNDS):
            document = (await self._load_for([_nothing(key)]))[key]
            if document.sealed:
                break
            folding, now, nonce = self._folding(), self.clock(), self._nonces()
            skipped = _skip(document, folding, now, expected)
            await self._tell([], folding, set())
            await self._set_aside_refused(folding)
            if not await self._write({key: document}, nonce, now, False):
                await self.relay.hand_over(self, [document], False)
                return skipped
        return Skipped(False)

    async def would_skip(self, key: str) -> Skipped:
        """What `skip` would do now; nothing is written."""
        document = (await self._load_for([_nothing(key)]))[key]
        return Skipped(False) if document.sealed else _skip(document, self._folding(), self.clock())

    def blocker(self, document: Document[S]) -> Blocker:
        """What `skip` would give up."""
        return blocker_of(document, self._folding())


def _skip(document: Document[Any], folding: Folding[Any], now: datetime, expected: Blocker | None = None) -> Skipped:
    lost = give_up(document, folding, now, expected)
    drain(document, now, folding)
    return Skipped(document.parked is None and not document.held, lost)


def _halves(changes: Sequence[Change[Any]]) -> dict[int, list[int]]:
    """The places of the changes, in their order, in two parts (or one, where all belong together)."""
    halves: dict[int, list[int]] = {}
    for place, change in enumerate(changes):
        halves.setdefault(crc32(change.together().encode()) % 2, []).append(place)
    return halves


async def _nowhere(event: Event, refused: Refused) -> None:
    """Until a bus gives the store a place for what is refused after waiting."""


def _is_written(change: Change[Any], outcome: Outcome[Any]) -> bool:
    """Whether a change left something in its document."""
    if outcome.status == "unchanged":
        from_outside = change.event is None or change.event.sequence is None
        return not from_outside or bool(change.once and outcome.state is not None)
    if outcome.status == "parked":
        return change.event is not None or outcome.bug is not None
    return outcome.status in ("applied", "held")


def _relies_on(outcome: Outcome[Any], document: Document[Any]) -> bool:
    """Whether a caller is told that it is done already by what another process may have left unpublished."""
    return document.adopted and outcome.status in ("unchanged", "repeat")


def _nothing(key: str) -> Change[Any]:
    raise_if_called: Any = None
    return Change(key=key, decide=raise_if_called, cause="")
