"""A replica set in memory, with the operations of pymongo's asynchronous API that the house uses.

    replicas = Replicas(loop, faults, clock)
    database = replicas.client()["switchboard_intake"]

Two views of every collection: `latest` (the primary's) and `committed` (a majority's), apart by the tail of a log.
Writes go to latest; the log is committed in order a moment later. w:majority is answered then, w:1 at once. Reads with
read concern majority see committed, others latest. `fail_over()` commits some beginning of the tail, discards the rest
and fails those who wait, who cannot know which it was. What travels arrives even if its sender dies. The driver's own
single retry is left out: it makes errors rarer and changes nothing that a caller may rely on.

Documents pass through BSON both ways, so types are those that MongoDB gives back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.objectid import ObjectId
from pymongo.errors import AutoReconnect, NetworkTimeout, NotPrimaryError, OperationFailure, PyMongoError

from tests.simulation.documents import Doc, index_keys
from tests.simulation.faults import Faults
from tests.simulation.gates import Gates
from tests.simulation.processes import alive
from tests.simulation.scheduler import Loop, SimClock

Keys = Sequence[tuple[str, Any]]
AWARE: CodecOptions[Any] = CodecOptions(tz_aware=True)


@dataclass(slots=True)
class Stored:
    raw: bytes
    doc: Doc


@dataclass(slots=True)
class Index:
    name: str
    keys: list[tuple[str, Any]]
    options: dict[str, Any]
    holders: dict[Any, Any] = field(default_factory=dict)

    def entries(self, stored: Stored | None) -> set[Any]:
        if stored is None or not self.options.get("unique"):
            return set()
        paths = [path for path, _ in self.keys]
        return index_keys(
            stored.doc,
            paths,
            sparse=self.options.get("sparse", False),
            partial=self.options.get("partialFilterExpression"),
        )


class Data:
    """One collection's documents by id, in both views."""

    def __init__(self, name: str, replicas: "Replicas") -> None:
        self.name, self._replicas, self.new_id = name, replicas, replicas.new_id
        self.latest: dict[Any, Stored] = {}
        self.committed: dict[Any, Stored] = {}
        self.indexes: dict[str, Index] = {}

    def put(self, key: Any, doc: Doc | None) -> None:
        """Write or delete on the primary; raises DuplicateKeyError's facts as OperationFailure 11000."""
        stored = None
        if doc is not None:
            raw = bson.encode(doc)
            stored = Stored(raw, bson.decode(raw, AWARE))
        self._reindex(key, stored)
        self._place(key, stored)
        self._replicas.log(self, key, stored)

    def _reindex(self, key: Any, stored: Stored | None) -> None:
        before = self.latest.get(key)
        new = [(index, index.entries(stored)) for index in self.indexes.values()]
        for index, entries in new:
            for entry in entries:
                if index.holders.get(entry, key) != key:
                    raise duplicate(self.name, index, stored.doc if stored else {})
        for index, entries in new:
            for entry in index.entries(before):
                index.holders.pop(entry, None)
            index.holders.update(dict.fromkeys(entries, key))

    def _place(self, key: Any, stored: Stored | None) -> None:
        if stored is None:
            self.latest.pop(key, None)
        else:
            self.latest[key] = stored

    def commit(self, key: Any, stored: Stored | None) -> None:
        if stored is None:
            self.committed.pop(key, None)
        else:
            self.committed[key] = stored
            self._replicas.watch(self.name, stored.doc)

    def roll_back(self, key: Any) -> None:
        self._place(key, self.committed.get(key))

    def build(self, index: Index) -> None:
        index.holders.clear()
        for key, stored in self.latest.items():
            for entry in index.entries(stored):
                if index.holders.setdefault(entry, key) != key:
                    raise duplicate(self.name, index, stored.doc)


def duplicate(name: str, index: Index, doc: Doc) -> OperationFailure:
    pattern = dict(index.keys)
    value = {path: doc.get(path) for path in pattern}
    message = f"E11000 duplicate key error collection: {name} index: {index.name} dup key: {value}"
    return OperationFailure(
        message, 11000, {"keyPattern": pattern, "keyValue": value, "errmsg": message, "code": 11000}
    )


@dataclass(frozen=True, slots=True)
class Rest:
    """A bulk write that others may interrupt: its work goes on in a moment."""

    work: Callable[[], Any]


class Replicas:
    def __init__(self, loop: Loop, faults: Faults, clock: SimClock | None = None) -> None:
        self.loop, self.faults = loop, faults
        self.clock = clock or SimClock(loop)
        self.data: dict[tuple[str, str], Data] = {}
        self.operations = 0
        self.watch: Callable[[str, Doc], object] = lambda name, doc: None  # told of every document that a majority gets
        self.gates = Gates()
        self._tail: list[tuple[Data, Any, Stored | None]] = []
        self._end = 0  # how many writes were ever logged
        self._waiting: list[tuple[int, Any, Any]] = []
        self._term = 0
        self._replicating = False
        self._electing_until = 0.0
        self._ids = 0

    def client(self) -> Any:
        from tests.simulation.mongo_api import Client

        return Client(self)

    def collection(self, database: str, name: str) -> Data:
        data = self.data.get((database, name))
        if data is None:
            data = self.data[database, name] = Data(f"{database}.{name}", self)
        return data

    def new_id(self) -> ObjectId:
        self._ids += 1
        return ObjectId(f"{self._ids:024x}")

    @property
    def behind(self) -> int:
        """How many writes a majority has not got yet."""
        return len(self._tail)

    async def call(self, work: Callable[[], Any], *, durable: bool = False, name: str = "") -> Any:
        """Send one operation and await its answer: what `work`, done by the primary, returns or raises."""
        alive()
        self.operations += 1
        answer = self.loop.create_future()
        delay = self.faults.delay("mongo.request")
        if not self.gates.catches(name, partial(self._arrive, work, durable, answer, None)):
            self.loop.later(delay, self._arrive, work, durable, answer, None)
        result = await answer
        alive()
        return result

    def _arrive(self, work: Callable[[], Any], durable: bool, answer: Any, term: int | None) -> None:
        if term is not None and term != self._term:
            self._answer(answer, NotPrimaryError("the primary stepped down"))
        elif (wait := self._electing_until - self.loop.time()) > 0:  # the driver looks for a primary until there is one
            self.loop.later(wait + self.faults.delay("mongo.request"), self._arrive, work, durable, answer, None)
        elif self.faults.happens("mongo.refused"):
            self._answer(answer, AutoReconnect("connection closed"))
        else:
            self._work(work, durable, answer)

    def _work(self, work: Callable[[], Any], durable: bool, answer: Any) -> None:
        try:
            result = work()
        except PyMongoError as error:
            result = error
        if isinstance(result, Rest):
            self.loop.later(self.faults.delay("mongo.request"), self._arrive, result.work, durable, answer, self._term)
        elif self.faults.happens("mongo.cut") or type(result) is AutoReconnect:
            self._answer(answer, AutoReconnect("connection closed"))
        elif self.faults.happens("mongo.lost_reply"):
            self.loop.later(self.faults.delay("mongo.timeout"), _settle, answer, NetworkTimeout("timed out"))
        elif durable and self._tail:
            self._waiting.append((self._end, answer, result))
        else:
            self._answer(answer, result)

    def _answer(self, answer: Any, result: Any) -> None:
        self.loop.later(self.faults.delay("mongo.reply"), _settle, answer, result)

    def log(self, data: Data, key: Any, stored: Stored | None) -> None:
        self._tail.append((data, key, stored))
        self._end += 1
        if not self._replicating:
            self._replicate()

    def _replicate(self) -> None:
        self._replicating = True
        self.loop.later(self.faults.delay("mongo.majority"), self._replicated, self._end, self._term)

    def _replicated(self, end: int, term: int) -> None:
        if term != self._term:
            return
        self._commit(len(self._tail) - (self._end - end))
        self._replicating = False
        if self._tail:
            self._replicate()

    def _commit(self, count: int) -> None:
        for data, key, stored in self._tail[:count]:
            data.commit(key, stored)
        del self._tail[:count]
        done = self._end - len(self._tail)
        for end, answer, result in self._waiting:
            if end <= done:
                self._answer(answer, result)
        self._waiting = [waiting for waiting in self._waiting if waiting[0] > done]

    def fail_over(self, keep: int | None = None) -> int:
        """Elect another primary, which has only some beginning of the tail (`keep` writes, else drawn).

        Returns how many writes were rolled back. Whoever waited for one of the tail gets an error.
        """
        waiting, self._waiting = self._waiting, []
        self._commit(self.faults.chance.randint(0, len(self._tail)) if keep is None else keep)
        lost, self._tail = self._tail, []
        for data, key, _ in lost:
            data.roll_back(key)
        for data in {id(data): data for data, _, _ in lost}.values():
            for index in data.indexes.values():
                data.build(index)
        self._term += 1
        self._replicating = False
        for _, answer, _ in waiting:
            self._answer(answer, AutoReconnect("connection closed"))
        self._electing_until = self.loop.time() + self.faults.delay("mongo.election")
        return len(lost)

    def documents(self, database: str, name: str) -> dict[Any, Doc]:
        """For tests: what a majority holds, by id."""
        return {key: stored.doc for key, stored in self.collection(database, name).committed.items()}

    def create_indexes(self, data: Data, wanted: Sequence[tuple[Keys, Mapping[str, Any]]]) -> list[str]:
        """All that are not there yet, or none of them."""
        indexes = [_index(keys, options) for keys, options in wanted]
        for index in indexes:
            old = data.indexes.get(index.name)
            if old is not None and (old.keys, old.options) != (index.keys, index.options):
                message = f"An existing index has the same name as the requested index: {index.name}"
                raise OperationFailure(message, 86)
        new = [index for index in indexes if index.name not in data.indexes]
        for index in new:
            data.build(index)
        data.indexes |= {index.name: index for index in new}
        return [index.name for index in indexes]


def _index(keys: Keys, options: Mapping[str, Any]) -> Index:
    name = options.get("name") or "_".join(f"{path}_{direction}" for path, direction in keys)
    return Index(name, list(keys), {n: v for n, v in options.items() if n != "name"})


def _settle(answer: Any, result: Any) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
