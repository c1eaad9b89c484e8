"""What the tests of the store share: a service's parts, a producer that is a tape, a database that fails on demand."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka.errors import KafkaTimeoutError

from shared.clock import Clock
from shared.errors import Transient
from shared.events.base import Event
from shared.fold import Change
from shared.metrics import Metrics
from shared.outbox import Publication, Relay
from shared.store import Shape, Store
from tests.unit.shared.tally import Tally, TestClock, add, change_for

A, B = "numbers.v1", "names.v1"
TALLIES = Shape(
    "tallies",
    Tally,
    reads=frozenset({A, B}),
    index=lambda tally: {"total": tally.total, "steps": tally.steps},
    indexes=(("total",),),
    due=lambda tally: tally.alarm_at,
)


@dataclass
class Tape:
    """A broker that writes down what it takes. While it is away or deaf it takes nothing."""

    records: list[tuple[str, bytes | None, bytes | None, dict[str, str]]] = field(default_factory=list)
    away: bool = False
    deaf: bool = False

    async def send(self, records: Sequence[Publication]) -> Sequence["asyncio.Future[Any]"]:
        if self.away:
            raise Transient("the broker is away")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.deaf:
            future.set_exception(KafkaTimeoutError())
            return [future]
        self.records += [(t, key, value, {name: told.decode() for name, told in h}) for t, key, value, h in records]
        future.set_result(None)
        return [future]

    def sequences(self, topic: str = "tallies.v1", key: str = "k") -> list[int]:
        return [int(h["ce_sequence"]) for t, k, _, h in self.records if (t, k) == (topic, key.encode())]

    def first_appearances(self, topic: str = "tallies.v1", key: str = "k") -> list[int]:
        return list(dict.fromkeys(self.sequences(topic, key)))

    def contents(self) -> dict[tuple[str, str, str], set[tuple[bytes | None, str]]]:
        """By topic, subject and sequence, what was said under it."""
        told: dict[tuple[str, str, str], set[tuple[bytes | None, str]]] = defaultdict(set)
        for topic, _, value, headers in self.records:
            told[topic, headers["ce_subject"], headers["ce_sequence"]].add((value, headers["ce_id"]))
        return told


Hook = Callable[[], Awaitable[None]]


class Collection:
    """A real collection; what is set in `before` and `after` happens once around the next bulk write."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.before: Hook | None = None
        self.after: Hook | None = None
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def bulk_write(self, operations: Any, **options: Any) -> Any:
        before, self.before = self.before, None
        if before:
            await before()
        self.writes += 1
        answer = await self._real.bulk_write(operations, **options)
        after, self.after = self.after, None
        if after:
            await after()
        return answer


class Database:
    """A real database whose collections can be told to fail."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.collections: dict[str, Collection] = {}

    def get_collection(self, name: str, **options: Any) -> Any:
        if "read_concern" not in options:
            return self._real.get_collection(name, **options)
        if name not in self.collections:
            self.collections[name] = Collection(self._real.get_collection(name, **options))
        return self.collections[name]

    def __getitem__(self, name: str) -> Any:
        return self._real[name]


@dataclass
class Process:
    """One process of a service: its store, its relay, its broker and its clock."""

    store: Store[Tally]
    relay: Relay
    tape: Tape
    clock: TestClock
    metrics: Metrics
    database: Database

    @property
    def tallies(self) -> Collection:
        return self.database.collections["tallies"]

    async def take(self, *events: Event, recorded: bool = True) -> list[str]:
        return [o.status for o in await self.store.apply([change_for(e) for e in events], recorded=recorded)]

    async def add(self, n: int = 1, key: str = "k", recorded: bool = False, **more: Any) -> Any:
        (outcome,) = await self.store.apply(
            [Change(key, partial(add, n=n), **{"cause": f"c{n}", **more})], recorded=recorded
        )
        return outcome

    async def body(self, key: str = "k") -> dict[str, Any]:
        found: dict[str, Any] | None = await self.database["tallies"].find_one({"_id": key})
        return found or {}

    async def steps(self, key: str = "k") -> tuple[str, ...]:
        state = await self.store.get(key)
        return state.steps if state else ()


async def process(
    db: Any,
    *,
    shape: Shape[Tally] = TALLIES,
    kind: type[Store[Tally]] = Store,
    tape: Tape | None = None,
    clock: Clock | None = None,
    interpret: Callable[[Event], Change[Tally]] = change_for,
    **more: Any,
) -> Process:
    database, metrics, clock, tape = Database(db), Metrics("test"), clock or TestClock(), tape or Tape()
    relay = Relay(tape, "test", metrics=metrics, clock=clock)
    store = kind(database, shape, relay, interpret, metrics=metrics, clock=clock, **more)
    await store.setup()
    return Process(store, relay, tape, clock, metrics, database)  # type: ignore[arg-type]
