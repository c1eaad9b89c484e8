"""Services of the house at work over the doubles: the real wiring, bus, store, outbox, timers and workers.

world = World(loop, faults)
world.add("count", assemble, Settings.model_construct(...), replicas=2)
await world.settle()        faults healed, everyone up: returns when nothing moves any more
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import Any

from aiokafka import TopicPartition

from shared.bus import Bus, Place
from shared.errors import Transient
from shared.guarded import ALL_GUARDS, Guards
from shared.http import Problem
from shared.kafka import MAX_RECORDS, KafkaConsumer, _Listener
from shared.metrics import Metrics
from shared.offsets import First, _first
from shared.outbox import Publication
from shared.ownership import Ownership
from shared.producer import send_all
from shared.service import Core, Parts, Running, build
from shared.settings import Settings
from shared.store import Shape
from shared.work import Outside, at_work
from tests.simulation.faults import Faults
from tests.simulation.kafka import PARTITIONS, Broker
from tests.simulation.kafka_consumer import Consumer
from tests.simulation.mongo import Replicas
from tests.simulation.processes import Process
from tests.simulation.recorded import never_early
from tests.simulation.scheduler import Loop, SimClock, current

POLL_MS = 1_000
SESSION_MS, HEARTBEAT_MS, REBALANCE_MS = 2_000, 900, 4_000
PATIENCE_S = 120.0
LOOK_S, QUIET_LOOKS = 0.25, 3
NEVER_S = 1e6
WAITING = ("pending", "held", "parked")
Assemble = Callable[[Core[Any]], Parts]


@dataclass(frozen=True)
class Made:
    """What a world is made of; a test that shows what a part is for passes another one in.

    `core`: asked at each start of a process, by its name.
    """

    guards: Guards = ALL_GUARDS
    core: Callable[[str], type[Core[Any]]] = lambda _: Core
    consumer: Callable[[Any], KafkaConsumer] = KafkaConsumer
    build: Callable[[Core[Any], Parts], Running] = build


MADE = Made()


class NeverAtRest(AssertionError):
    """A history that does not end: no promise of its own is broken by then."""


class World:
    def __init__(
        self,
        loop: Loop,
        faults: Faults,
        *,
        made_of: "Made" = MADE,
        partitions: int = PARTITIONS,
    ) -> None:
        self.loop, self.faults, self.made_of = loop, faults, made_of
        self.clock = SimClock(loop)
        self.replicas = Replicas(loop, faults, self.clock)
        self.broker = Broker(loop, faults, self.clock, partitions)
        self.gates = self.broker.gates = self.replicas.gates
        self.processes: list[Process] = []
        self.running: dict[str, Running] = {}
        self.topics: dict[str, set[str]] = {}
        self.shapes: dict[str, dict[str, Shape[Any]]] = {}
        self.clocks: dict[str, SimClock] = {}
        self.story: list[str] = []
        loop.world = self  # type: ignore[attr-defined]

    def add(self, name: str, assemble: Assemble, settings: Settings, replicas: int = 2) -> None:
        settings = settings.model_copy(update={"partitions": self.broker.partitions})
        for number in range(replicas):
            process_name = f"{name}-{number}"

            async def main(process_name: str = process_name) -> None:
                await self._serve(process_name, name, assemble, settings)

            self.processes.append(Process(process_name, main))

    def tell(self, what: str) -> None:
        """A line of this history's story."""
        self.story.append(f"{self.loop.time():8.3f} s  {what}")

    def clock_of(self, process_name: str) -> SimClock:
        """The clock of its machine, the same in all its lives."""
        return self.clocks.setdefault(process_name, SimClock(self.loop))

    def start(self) -> None:
        for process in self.processes:
            process.start()

    async def _serve(self, process_name: str, name: str, assemble: Assemble, settings: Settings) -> None:
        self.running.pop(process_name, None)
        chance = Random(self.loop.random.random())
        producer = Producer(self.broker)
        core: Core[Any] = self.made_of.core(process_name)(
            name, settings, self.replicas.client()[f"switchboard_{name}"], producer, _metrics(name),
            clock=self.clock_of(process_name), steady=self.loop.time, guards=self.made_of.guards,
            nonces=lambda: f"{process_name}:{chance.getrandbits(64):016x}",
        )  # fmt: skip
        parts = assemble(core)
        running = self.made_of.build(core, replace(parts, timed=tuple(map(never_early, parts.timed))))
        running.bus._chance = chance
        for store in running.parts.stores:
            store.halve_from = 2  # every batch has two halves here
        self.topics[name] = {*running.parts.doors, *running.parts.signals}
        self.shapes[name] = {store.shape.collection: store.shape for store in running.parts.stores}
        self.running[process_name] = running
        async with at_work(running, producer, SIMULATED):
            await asyncio.Event().wait()

    async def request(self, name: str, ask: Callable[[Running], Awaitable[Any]], timeout: float = 30.0) -> Any:
        """One request to a drawn replica. TimeoutError or Transient: the caller cannot know whether it was done."""
        up = [p for p in self.processes if p.name.startswith(f"{name}-") and p.running and p.name in self.running]
        if not up:
            raise Transient("nobody listens")
        process = self.loop.random.choice(up)
        assert process.life is not None
        running = self.running[process.name]
        task = process.life.do(lambda: ask(running))
        await asyncio.wait([task], timeout=timeout)
        if not task.done():
            raise TimeoutError
        if task.cancelled() or (task.exception() is not None and not isinstance(task.exception(), Exception)):
            raise Transient("connection closed")
        if isinstance(error := task.exception(), Problem) and error.status == 503:
            raise Transient(error.detail)
        return task.result()

    def heal(self) -> None:
        """From now on nothing fails, no node lags, and every clock is right."""
        self.faults.heal()
        for clock in self.clocks.values():
            clock.skew = 0.0

    async def settle(self, unrest: Callable[[], list[str]] | None = None) -> None:
        """End all faults, start who is down, and wait until everything that was taken in has had its effects."""
        look = unrest or self.unrest
        self.heal()
        for process in self.processes:
            process.thaw()
            if not process.running:
                process.start()
        end = self.loop.time() + PATIENCE_S
        quiet = 0
        while quiet < QUIET_LOOKS:
            await asyncio.sleep(LOOK_S)
            quiet = quiet + 1 if not (left := look()) else 0
            if self.loop.time() >= end:
                raise NeverAtRest(f"never at rest: {left[:20]}")

    def unrest(self) -> list[str]:
        """What is still to happen: processes not at work, records not applied, outboxes not emptied, records held."""
        found = [
            f"{process} is not at work: {process.life and process.life.error!r}"
            for process in self.processes
            if not self._at_work(process)
        ]
        if self.replicas.behind:
            found.append("the other nodes have not got everything")
        for name, topics in self.topics.items():
            for topic in sorted(topics):
                lag = sum(
                    len(self.broker.log(place)) - self._applied(name, place) for place in self.broker.places(topic)
                )
                if lag:
                    found.append(f"{name} lags {lag} on {topic}")
            for collection in sorted(self.shapes[name]):
                for key, doc in self.replicas.documents(f"switchboard_{name}", collection).items():
                    found += [f"{name} {key} {field} {doc[field]}" for field in WAITING if doc.get(field)]
        return found

    def _at_work(self, process: Process) -> bool:
        """A replica that has set itself up and joined its group; it may own nothing."""
        running = self.running.get(process.name)
        return process.running and running is not None and running.consumer() is not None

    def _applied(self, name: str, place: TopicPartition) -> int:
        """The offset up to which a service is: committed, or applied by the owner where a commit got lost."""
        owners = [running.ownership for process, running in self.running.items() if process.startswith(f"{name}-")]
        offsets = [owner.next_offset((place.topic, place.partition)) or 0 for owner in owners]
        return max(self.broker.group(f"switchboard.{name}").offsets.get(place, 0), *offsets)

    def states(self, name: str, collection: str) -> dict[str, dict[str, Any]]:
        documents = self.replicas.documents(f"switchboard_{name}", collection)
        return {key: doc["state"] for key, doc in documents.items() if "state" in doc}


@cache
def _metrics(name: str) -> Metrics:
    """One for all histories: nothing rests on what they say, and they are dear to make."""
    return Metrics(name)


class Producer:
    """The house's producer over the double's."""

    def __init__(self, broker: Broker) -> None:
        self._producer = broker.producer()
        self._started = False

    async def start(self) -> None:
        await self._producer.start()
        self._started = True

    async def stop(self) -> None:
        await self._producer.stop()

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        if not self._started:
            raise Transient("the broker is not reached yet")
        return await send_all(self._producer, records, pack_from=2)  # type: ignore[arg-type]


class Subscription:
    """What FastStream does for the house: polls, hands whole batches to the bus, one at a time."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Sequence[str],
        bus: Bus,
        ownership: Ownership,
        middlewares: Sequence[Any] = (),
    ) -> None:
        world: World = current().world  # type: ignore[attr-defined]
        self._bus, self._in_its_words = bus, world.made_of.consumer
        self.subscribers = [self]
        self.consumer = Consumer(
            world.broker, *topics, group_id=group, listener=_Listener(bus, ownership), session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS, rebalance_timeout_ms=REBALANCE_MS,
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.consumer.start()
        self._task = asyncio.create_task(self._poll())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.consumer.stop()

    async def _poll(self) -> None:
        while True:
            batches = await self.consumer.getmany(timeout_ms=POLL_MS, max_records=MAX_RECORDS)
            records = [record for batch in batches.values() for record in batch]
            if records:
                await self._bus.process(records, self._in_its_words(self.consumer))


async def _topics_are_there(settings: Settings) -> None:
    """The double has every topic."""


class Offsets:
    """What lies on the double's topics. There are no markers on them, so there is always a record to be found."""

    def __init__(self, _: Settings) -> None:
        world: World = current().world  # type: ignore[attr-defined]
        self._broker = world.broker

    async def __aenter__(self) -> "Offsets":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def begins(self, places: Iterable[Place]) -> dict[Place, int]:
        """Nothing is ever deleted."""
        return dict.fromkeys(places, 0)

    async def firsts(self, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[Place, First | None]:
        def look() -> dict[Place, First | None]:
            return {place: _first(self._broker.log(TopicPartition(*place))[start]) for place, start in starts.items()}

        found: dict[Place, First | None] = await self._broker.call(look)
        return found


SIMULATED = Outside(Subscription, _topics_are_there, Offsets, lambda _: ())
"""Nobody watches: nothing rests on what gauges say."""


@contextmanager
def silent() -> Iterator[None]:
    """While it lasts, services do not log what the faults make them say."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
