"""A Kafka cluster in memory, as aiokafka shows it: logs, an idempotent producer, and the broker's side of a group.

    broker = Broker(loop, faults, clock)
    producer, consumer = broker.producer(), Consumer(broker, "cases.v1", group_id="switchboard.routing")

Appending is by key to the partition that Kafka's default partitioner chooses. A producer keeps its order per partition:
one batch is under way, the next waits; what was queued and not sent dies with its process, what was sent arrives.
Groups rebalance eagerly: everyone gives back all partitions, joins again, and the range assignor deals them out.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalGenerationError, KafkaConnectionError, KafkaTimeoutError, UnknownMemberIdError
from aiokafka.structs import ConsumerRecord, RecordMetadata

from shared.ids import partition_of
from tests.simulation.faults import Faults
from tests.simulation.gates import Gates
from tests.simulation.processes import alive
from tests.simulation.scheduler import HOST, Loop, SimClock

PARTITIONS = 12
MAX_BATCH_BYTES = 256 * 1024
Headers = Sequence[tuple[str, bytes]]


class Broker:
    def __init__(self, loop: Loop, faults: Faults, clock: SimClock | None = None, partitions: int = PARTITIONS) -> None:
        self.loop, self.faults, self.partitions = loop, faults, partitions
        self.clock = clock or SimClock(loop)
        self.logs: dict[TopicPartition, list[Any]] = {}
        self.history: list[Any] = []
        self.groups: dict[str, Group] = {}
        self.readers: dict[Any, None] = {}
        self.gates = Gates()
        self._down_until = 0.0
        self._members = 0

    def producer(self) -> "Producer":
        return Producer(self)

    def group(self, name: str) -> "Group":
        if name not in self.groups:
            self.groups[name] = Group(self)
        return self.groups[name]

    def places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self.partitions)]

    def log(self, place: TopicPartition) -> list[Any]:
        return self.logs.setdefault(place, [])

    def records(self, topic: str) -> list[Any]:
        """For tests: all records of a topic, partition by partition."""
        return [record for place in self.places(topic) for record in self.log(place)]

    def go_down(self, seconds: float) -> None:
        """No request is answered for so long; what clients send meanwhile waits or times out."""
        self._down_until = max(self._down_until, self.loop.time() + seconds)

    @property
    def down_for(self) -> float:
        return max(0.0, self._down_until - self.loop.time())

    def place_of(self, topic: str, key: bytes | None) -> TopicPartition:
        number = (
            self.faults.chance.randrange(self.partitions)
            if key is None
            else partition_of(key.decode(), self.partitions)
        )
        return TopicPartition(topic, number)

    def write(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers = (),
        partition: int | None = None,
        timestamp: int | None = None,
    ) -> Any:
        """Append one record at once, as a client outside the simulated processes."""
        place = self.place_of(topic, key) if partition is None else TopicPartition(topic, partition)
        log = self.log(place)
        moment = self.now_ms() if timestamp is None else timestamp
        record: Any = ConsumerRecord(
            topic,
            place.partition,
            len(log),
            moment,
            0,
            key,
            value,
            None,
            len(key or b""),
            len(value or b""),
            tuple(headers),
        )
        log.append(record)
        self.history.append(record)
        for reader in self.readers:
            reader.notice(place)
        return record

    def now_ms(self) -> int:
        return int(self.clock().timestamp() * 1000)

    def new_member(self, name: str) -> str:
        self._members += 1
        return f"{name}-{self._members:06d}"

    async def call(self, work: Any, *, reply_lost: str = "", refused: str = "", name: str = "") -> Any:
        """One request to the broker; `work` runs there. It waits while the broker is down."""
        alive()
        answer = self.loop.create_future()
        delay = self.faults.delay("kafka.request")
        if not self.gates.catches(name, partial(self._arrive, work, answer, reply_lost, refused)):
            self.loop.later(delay, self._arrive, work, answer, reply_lost, refused)
        result = await answer
        alive()
        return result

    def _arrive(self, work: Any, answer: Any, reply_lost: str, refused: str) -> None:
        if self.down_for:
            self.loop.later(
                self.down_for + self.faults.delay("kafka.request"), self._arrive, work, answer, reply_lost, refused
            )
            return
        try:
            result = KafkaConnectionError("refused") if refused and self.faults.happens(refused) else work()
        except Exception as error:  # noqa: BLE001 - an error is an answer
            result = error
        if isinstance(result, asyncio.Future):
            result.add_done_callback(lambda done: self.answer(answer, done.exception() or done.result()))
        elif reply_lost and self.faults.happens(reply_lost):
            self.answer(answer, KafkaConnectionError("no answer"))
        else:
            self.answer(answer, result)

    def answer(self, answer: Any, result: Any) -> None:
        self.loop.later(self.faults.delay("kafka.reply"), settle, answer, result)


def settle(answer: Any, result: Any) -> None:
    if answer.done():
        return
    if isinstance(result, BaseException):
        answer.set_exception(result)
        answer.exception()  # a sender who went away is no complaint
    else:
        answer.set_result(result)


@dataclass(slots=True)
class Sending:
    place: TopicPartition
    value: bytes | None
    key: bytes | None
    headers: Headers
    timestamp: int | None
    answer: Any


class Batch:
    """Records on their way to one partition: they arrive together or not at all."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes | None, bytes | None, Headers]] = []
        self._closed = False

    def append(self, *, timestamp: float | None, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Any:
        """None once it is closed or full; one record always fits."""
        assert timestamp is None, "the house lets the broker's clock say when"
        size = sum(len(k or b"") + len(v or b"") for k, v, _ in [*self.records, (key, value, headers)])
        if self._closed or (self.records and size > MAX_BATCH_BYTES):
            self._closed = True
            return None
        self.records.append((key, value, headers))
        return len(self.records)

    def close(self) -> None:
        self._closed = True


class Producer:
    def __init__(self, broker: Broker) -> None:
        self._broker, self._loop, self._faults = broker, broker.loop, broker.faults
        self._host, self._context = HOST.get(), copy_context()
        self._queued: dict[TopicPartition, list[Sending]] = {}

    async def start(self) -> None:
        await self._broker.call(lambda: None)

    async def stop(self) -> None:
        await self.flush()

    async def flush(self) -> None:
        while self._queued:  # noqa: ASYNC110 - time costs nothing here
            await asyncio.sleep(0.001)

    async def send(
        self, topic: str, value: bytes | None = None, key: bytes | None = None, partition: int | None = None,
        timestamp_ms: int | None = None, headers: Headers | None = None,
    ) -> Any:  # fmt: skip
        """Queue one record; the future returned ends when it is acknowledged, or fails."""
        alive()
        place = self._broker.place_of(topic, key) if partition is None else TopicPartition(topic, partition)
        answer = self._loop.create_future()
        self._queue(place, [Sending(place, value, key, headers or (), timestamp_ms, answer)])
        return answer

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(self._broker.partitions))

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Any:
        """Queue a whole batch; the future returned ends when all of it is acknowledged, or fails.

        It waits for the batch before it, and gives up when that takes too long.
        """
        alive()
        place = TopicPartition(topic, partition)
        end = self._loop.time() + self._faults.delay("kafka.timeout")
        while place in self._queued:
            if self._loop.time() > end:
                raise KafkaTimeoutError
            await asyncio.sleep(0.001)
        alive()
        answer = self._loop.create_future()
        self._queue(place, [Sending(place, value, key, headers, None, answer) for key, value, headers in batch.records])
        return answer

    def _queue(self, place: TopicPartition, sendings: list[Sending]) -> None:
        if place in self._queued:
            self._queued[place] += sendings
        else:
            self._queued[place] = sendings
            self._loop.call_later(self._faults.delay("kafka.linger"), self._leave, place, context=self._context)

    async def send_and_wait(self, *args: Any, **named: Any) -> Any:
        return await (await self.send(*args, **named))

    def _leave(self, place: TopicPartition) -> None:
        batch = self._queued[place]
        if not batch:
            del self._queued[place]
        elif self._host is None or not self._host.dead:
            self._queued[place] = []
            delay = self._faults.delay("kafka.request")
            arrive = partial(self._arrive, place, batch)
            if not self._broker.gates.catches(f"publish {place.topic}", arrive, self._host):
                self._loop.later(delay, self._arrive, place, batch)

    def _arrive(self, place: TopicPartition, batch: list[Sending]) -> None:
        timeout = self._faults.delay("kafka.timeout")
        if (down := self._broker.down_for) and down <= timeout:
            self._loop.later(down + self._faults.delay("kafka.request"), self._arrive, place, batch)
        elif down or self._faults.happens("kafka.refused"):
            self._loop.later(timeout, self._settled, place, batch, [KafkaTimeoutError()] * len(batch))
        else:
            answers: list[Any] = [self._write(sending) for sending in batch]
            if self._faults.happens("kafka.lost_ack"):
                self._loop.later(timeout, self._settled, place, batch, [KafkaTimeoutError()] * len(batch))
            else:
                self._loop.later(self._faults.delay("kafka.reply"), self._settled, place, batch, answers)

    def _write(self, sending: Sending) -> RecordMetadata:
        place = sending.place
        record = self._broker.write(
            place.topic, sending.value, sending.key, sending.headers, place.partition, sending.timestamp
        )
        return RecordMetadata(place.topic, place.partition, place, record.offset, record.timestamp, 0, 0)

    def _settled(self, place: TopicPartition, batch: list[Sending], answers: Iterable[Any]) -> None:
        for sending, answer in zip(batch, answers, strict=True):
            settle(sending.answer, answer)
        self._loop.call_soon(self._leave, place, context=self._context)


@dataclass(slots=True)
class Member:
    topics: tuple[str, ...]
    session_s: float
    rebalance_s: float
    seen: float
    joining: Any = None


@dataclass(slots=True)
class Joined:
    generation: int
    places: list[TopicPartition]
    offsets: dict[TopicPartition, int]


@dataclass
class Group:
    """What the broker's coordinator knows of a group."""

    broker: Broker
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    generation: int = 0
    rebalancing: bool = False

    def join(self, id_: str, topics: tuple[str, ...], session_s: float, rebalance_s: float) -> Any:
        """Returns a future: it ends when all members have joined, or the rebalance has waited long enough."""
        loop = self.broker.loop
        if id_ not in self.members:
            self.members[id_] = Member(topics, session_s, rebalance_s, loop.time())
            loop.later(session_s, self._expire, id_)
        member = self.members[id_]
        member.joining, member.seen = answer, _ = loop.create_future(), loop.time()
        self._rebalance()
        self._complete_if_all_joined()
        return answer

    def heartbeat(self, id_: str, generation: int) -> str:
        member = self.members.get(id_)
        if member is None or generation != self.generation:
            return "unknown"
        member.seen = self.broker.loop.time()
        return "rebalance" if self.rebalancing else "ok"

    def leave(self, id_: str) -> None:
        if self.members.pop(id_, None) is not None:
            self._rebalance()
            self._complete_if_all_joined()

    def commit(self, id_: str, generation: int, offsets: dict[TopicPartition, int]) -> None:
        if generation < 0 and not self.members:
            pass  # to an empty group anyone may commit
        elif id_ not in self.members:
            raise UnknownMemberIdError
        elif generation != self.generation:
            raise IllegalGenerationError
        self.offsets.update(offsets)

    def _expire(self, id_: str) -> None:
        member = self.members.get(id_)
        if member is None:
            return
        left = member.seen + member.session_s - self.broker.loop.time()
        if member.joining is not None:
            left = member.session_s
        if left > 0 or self.broker.down_for:
            self.broker.loop.later(max(left, 0.1, self.broker.down_for + 0.1), self._expire, id_)
        else:
            self.leave(id_)

    def _rebalance(self) -> None:
        if not self.rebalancing and self.members:
            self.rebalancing = True
            patience = max(member.rebalance_s for member in self.members.values())
            self.broker.loop.later(patience, self._complete, self.generation)

    def _complete_if_all_joined(self) -> None:
        if self.members and all(member.joining is not None for member in self.members.values()):
            self._complete(self.generation)

    def _complete(self, generation: int) -> None:
        """Go on without those who have not joined."""
        if not self.rebalancing or generation != self.generation:
            return
        self.members = {id_: member for id_, member in self.members.items() if member.joining is not None}
        self.generation += 1
        self.rebalancing = False
        deal = self._range()
        for id_, member in self.members.items():
            offsets = {place: self.offsets[place] for place in deal[id_] if place in self.offsets}
            member.joining.set_result(Joined(self.generation, deal[id_], offsets))
            member.joining, member.seen = None, self.broker.loop.time()

    def _range(self) -> dict[str, list[TopicPartition]]:
        """Per topic: the members in order of their ids get neighbouring partitions, the first ones one more."""
        deal: dict[str, list[TopicPartition]] = {id_: [] for id_ in self.members}
        for topic in sorted({topic for member in self.members.values() for topic in member.topics}):
            takers = sorted(id_ for id_, member in self.members.items() if topic in member.topics)
            each, more = divmod(self.broker.partitions, len(takers))
            places = iter(self.broker.places(topic))
            for number, id_ in enumerate(takers):
                deal[id_] += [next(places) for _ in range(each + (number < more))]
        return deal
