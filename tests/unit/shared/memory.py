"""Stand-ins that keep everything in memory; passed in wherever the mechanics take their neighbours."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from shared.blocked import Blocker, blocker_of
from shared.clock import Clock
from shared.document import Document
from shared.fold import Change, Folding, Outcome, drain, fold
from shared.ids import partition_of
from shared.quarantine import Aside, place_of
from tests.simulation.documents import matches, order_key

Place = tuple[str, int]


class MemoryStore:
    """Documents as the real store keeps them, without a database. `trouble` is called before each write."""

    def __init__(
        self,
        clock: Clock,
        *,
        reads: Iterable[str] = (),
        interpret: Callable[[Any], Change[Any]] | None = None,
        due: Callable[[Any], Any] = lambda _: None,
        trouble: Callable[[Sequence[Change[Any]]], None] = lambda _: None,
    ) -> None:
        self.kept: dict[str, Document[Any]] = {}
        self.shape = SimpleNamespace(collection="memory")
        self.clock, self.trouble, self._due = clock, trouble, due
        self._folding: Folding[Any] = Folding(frozenset(reads), interpret or (lambda _: _never()))
        self.set_aside: Any = None
        self.documents = self.relay = self
        self.batches: list[list[str]] = []

    async def apply(self, changes: Sequence[Change[Any]], *, recorded: bool = False) -> list[Outcome[Any]]:
        self.trouble(changes)
        self.batches.append([change.key for change in changes])
        copies = {change.key: deepcopy(self.document(change.key)) for change in changes}
        outcomes = [fold(copies[change.key], change, self.clock(), self._folding) for change in changes]
        self.kept |= copies
        return outcomes

    async def caught_up(self) -> None:
        """Nothing is published here."""

    async def load(self, keys: Iterable[str]) -> dict[str, Document[Any]]:
        return {key: self.kept[key] for key in keys if key in self.kept}

    async def unpark(self, key: str) -> bool:
        document = self.kept[key]
        document.parked = None
        drain(document, self.clock(), self._folding)
        return document.parked is None

    def blocker(self, document: Document[Any]) -> Blocker:
        return blocker_of(document, self._folding)

    def document(self, key: str) -> Document[Any]:
        return self.kept.setdefault(key, Document(key=key, shard=partition_of(key, 12)))

    def find(
        self, query: Mapping[str, Any], *, projection: Any, sort: Sequence[tuple[str, int]], limit: int
    ) -> "_Found":
        bodies = [self._body(document) for document in self.kept.values()]
        found = [body for body in bodies if matches(body, query)]
        for path, direction in reversed(sort):
            found.sort(key=lambda body: order_key(body, path, direction))
        return _Found(found[:limit])

    def _body(self, document: Document[Any]) -> dict[str, Any]:
        due = self._due(document.state) if document.state is not None and not document.parked else None
        body = {"_id": document.key, "shard": document.shard, **({"due": due} if due else {})}
        return body | ({"parked": {"since": document.parked.since}} if document.parked else {})


class _Found(list[Any]):
    async def to_list(self, _: Any) -> list[Any]:
        return list(self)


def _never() -> Any:
    raise AssertionError("nothing waits here")


class MemoryQuarantine:
    def __init__(self) -> None:
        self.kept: dict[str, Aside] = {}

    async def put(self, records: Sequence[Aside]) -> None:
        for record in records:
            self.kept.setdefault(record.id, record)

    async def put_again(self, records: Sequence[Any]) -> set[str]:
        return {place_of(record) for record in records} & self.kept.keys()


class MemoryStops:
    """`trouble` is called before each step."""

    def __init__(self) -> None:
        self.kept: set[Place] = set()
        self.trouble: Callable[[], None] = lambda: None

    async def load(self) -> dict[Place, datetime]:
        self.trouble()
        return dict.fromkeys(self.kept, datetime.now(UTC))

    async def add(self, places: Iterable[Place]) -> None:
        self.trouble()
        self.kept |= set(places)

    async def remove(self, place: Place) -> None:
        self.kept.discard(place)


class AlwaysOpen:
    """No breaker."""

    async def at_rest(self) -> frozenset[int]:
        return frozenset()

    async def judge(self, verdicts: object) -> None:
        """Nothing is made of them."""


class MemoryConsumer:
    """A log per partition, a position, what is paused and what is committed, as Kafka's consumer has them."""

    def __init__(self, records: Sequence[Any]) -> None:
        self.logs: dict[Place, list[Any]] = defaultdict(list)
        for record in records:
            self.logs[record.topic, record.partition].append(record)
        self.assigned = set(self.logs)
        self.positions = dict.fromkeys(self.logs, 0)
        self.paused: set[Place] = set()
        self.committed: dict[Place, int] = {}

    def poll(self) -> list[Any]:
        """All that lies beyond the positions of partitions that are assigned and not paused."""
        found: list[Any] = []
        for place in sorted(self.assigned - self.paused):
            found += self.logs[place][self.positions[place] :]
            self.positions[place] = len(self.logs[place])
        return found

    def rebalance(self) -> None:
        """The same partitions again: reading goes on where it was committed, and nothing is paused any more."""
        self.paused.clear()
        self.positions = {place: self.committed.get(place, 0) for place in self.logs}

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        self.committed |= offsets

    def assignment(self) -> set[Place]:
        return set(self.assigned)

    def seek(self, place: Place, offset: int) -> None:
        self.positions[place] = offset

    def pause(self, places: Iterable[Place]) -> None:
        self.paused |= set(places)

    def resume(self, places: Iterable[Place]) -> None:
        self.paused -= set(places)
