"""A group's member, as AIOKafkaConsumer behaves: joins, polls, commits what it is told to, is fenced when it slept."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalGenerationError,
    IllegalStateError,
    UnknownMemberIdError,
)

from tests.simulation.kafka import Broker, Joined
from tests.simulation.processes import alive

Records = dict[TopicPartition, list[Any]]


@dataclass(slots=True)
class Place:
    position: int
    paused: bool = False
    highwater: int | None = None
    polled: int | None = None


@dataclass
class Assignment:
    places: dict[TopicPartition, Place] = field(default_factory=dict)


class Consumer:
    def __init__(
        self,
        broker: Broker,
        *topics: str,
        group_id: str,
        client_id: str = "aiokafka",
        session_timeout_ms: int = 10_000,
        heartbeat_interval_ms: int = 3_000,
        rebalance_timeout_ms: int | None = None,
        listener: Any = None,
    ) -> None:
        self._broker, self._group, self._client_id = broker, broker.group(group_id), client_id
        self._topics, self._listener = topics, listener
        self._session_s, self._heartbeat_s = session_timeout_ms / 1000, heartbeat_interval_ms / 1000
        self._rebalance_s = (rebalance_timeout_ms or session_timeout_ms) / 1000
        self._id, self._generation = "", -1
        self._now: Assignment | None = None
        self._rejoin, self._settled, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    def subscribe(self, topics: Iterable[str], listener: Any = None) -> None:
        self._topics, self._listener = tuple(topics), listener

    async def start(self) -> None:
        """Join the group; returns with the first assignment."""
        self._broker.readers[self] = None
        self._tasks = [_start(self._coordinate())]
        await self._settled.wait()

    async def stop(self) -> None:
        """Leave the group, which then rebalances at once."""
        if self._closed:
            return
        self._closed = True
        self._broker.readers.pop(self, None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        id_, self._id, self._generation = self._id, "", -1
        await self._broker.call(lambda: self._group.leave(id_))

    async def _coordinate(self) -> None:
        while True:
            self._settled.clear()
            self._rejoin.clear()
            await self._tell("on_partitions_revoked", set(self._now.places) if self._now else set())
            joined = await self._join()
            self._generation = joined.generation
            self._now = Assignment({place: Place(joined.offsets.get(place, 0)) for place in joined.places})
            self._settled.set()
            await self._tell("on_partitions_assigned", set(joined.places))
            await self._rejoin.wait()

    async def _join(self) -> Joined:
        heart, self._tasks = self._tasks[1:], self._tasks[:1]
        for task in heart:
            task.cancel()
        self._id = id_ = self._id or self._broker.new_member(self._client_id)
        joined: Joined = await self._broker.call(
            lambda: self._group.join(id_, self._topics, self._session_s, self._rebalance_s)
        )
        self._tasks.append(_start(self._beat()))
        return joined

    async def _beat(self) -> None:
        while self._id:
            await asyncio.sleep(self._heartbeat_s)
            id_, generation = self._id, self._generation
            answer = await self._broker.call(partial(self._group.heartbeat, id_, generation))
            if answer == "unknown":
                self._id, self._generation = "", -1
            if answer != "ok":
                self._rejoin.set()

    async def _tell(self, what: str, places: set[TopicPartition]) -> None:
        if self._listener is not None:
            result = getattr(self._listener, what)(places)
            if asyncio.iscoroutine(result):
                await result

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Records:
        """Some of what is there, in any mix of partitions, in order within each; {} after the timeout."""
        alive()
        if self._closed:
            raise ConsumerStoppedError
        await self._settled.wait()
        assert self._now is not None
        loop, assignment = self._broker.loop, self._now
        end = loop.time() + timeout_ms / 1000
        while True:
            self._news.clear()
            found: Records = await self._broker.call(partial(self._fetch, assignment, partitions, max_records or 500))
            await self._settled.wait()
            if self._now is not assignment:
                assignment = self._now
                continue
            if records := self._take(found):
                return records
            try:
                async with asyncio.timeout_at(end):
                    await self._news.wait()
            except TimeoutError:
                return {}

    def _fetch(self, assignment: Assignment, wanted: tuple[TopicPartition, ...], most: int) -> Records:
        """On the broker: records from the positions on, as a prefetching client would happen to hold them."""
        chance, found = self._broker.faults.chance, {}
        places = [
            (tp, place) for tp, place in assignment.places.items() if not place.paused and (not wanted or tp in wanted)
        ]
        full: list[tuple[TopicPartition, Place]] = []
        now = self._broker.now_ms()
        for tp, place in places:
            log = self._broker.log(tp)
            place.highwater, place.polled = len(log), now
            if place.position < len(log):
                full.append((tp, place))
        chance.shuffle(full)
        for tp, place in full[: chance.randint(1, len(full))] if full else ():
            records = self._broker.log(tp)[place.position : place.position + most]
            if chance.random() < 0.3:
                records = records[: chance.randint(1, len(records))]
            found[tp] = records
            most -= len(records)
            if most <= 0:
                break
        return found

    def _take(self, found: Records) -> Records:
        """Hand out what is still wanted: not paused and not moved by a seek meanwhile."""
        assert self._now is not None
        taken: Records = {}
        for tp, records in found.items():
            place = self._now.places[tp]
            if not place.paused and records[0].offset == place.position:
                place.position = records[-1].offset + 1
                taken[tp] = records
        return taken

    def notice(self, tp: TopicPartition) -> None:
        """The broker has a new record."""
        if self._now is not None and tp in self._now.places:
            self._news.set()

    async def commit(self, offsets: Mapping[TopicPartition, Any] | None = None) -> None:
        """Exactly these offsets; CommitFailedError once the group has gone on without us."""
        places = self._places
        plain = (
            {tp: place.position for tp, place in places.items()}
            if offsets is None
            else {TopicPartition(*tp): _offset(o) for tp, o in offsets.items()}
        )
        for tp in plain:
            self._place(tp)
        id_, generation = self._id, self._generation
        try:
            await self._broker.call(
                lambda: self._group.commit(id_, generation, plain),
                reply_lost="kafka.commit_lost",
                refused="kafka.commit_refused",
                name="commit",
            )
        except (UnknownMemberIdError, IllegalGenerationError) as error:
            self._rejoin.set()
            if isinstance(error, UnknownMemberIdError):
                self._id, self._generation = "", -1
            raise CommitFailedError("the group has already rebalanced") from error

    async def committed(self, partition: TopicPartition) -> int | None:
        offset: int | None = await self._broker.call(lambda: self._group.offsets.get(partition))
        return offset

    @property
    def _places(self) -> dict[TopicPartition, Place]:
        if self._now is None:
            raise IllegalStateError("No partitions assigned")
        return self._now.places

    def _place(self, partition: TopicPartition) -> Place:
        if partition not in self._places:
            raise IllegalStateError(f"Partition {partition} is not assigned")
        return self._places[partition]

    def assignment(self) -> set[TopicPartition]:
        return set(self._now.places) if self._now else set()

    def subscription(self) -> frozenset[str]:
        return frozenset(self._topics)

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self._broker.partitions))

    async def position(self, partition: TopicPartition) -> int:
        return self._place(partition).position

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._place(partition).position = offset
        self._news.set()

    def pause(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self._place(partition).paused = True

    def resume(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self._place(partition).paused = False
        self._news.set()

    def paused(self) -> set[TopicPartition]:
        return {tp for tp, place in self._places.items() if place.paused}

    def highwater(self, partition: TopicPartition) -> int | None:
        assert partition in self._places, "Partition is not assigned"
        return self._places[partition].highwater

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        assert partition in self._places, "Partition is not assigned"
        return self._places[partition].polled

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        wanted = list(partitions)
        offsets: dict[TopicPartition, int] = await self._broker.call(lambda: dict.fromkeys(wanted, 0))
        return offsets

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        wanted = list(partitions)
        offsets: dict[TopicPartition, int] = await self._broker.call(
            lambda: {tp: len(self._broker.log(tp)) for tp in wanted}
        )
        return offsets


def _start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(_complain)
    return task


def _complain(task: asyncio.Task[None]) -> None:
    """An error in the double itself must end the history."""
    if not task.cancelled() and isinstance(task.exception(), Exception):
        raise RuntimeError("the consumer double failed") from task.exception()


def _offset(told: Any) -> int:
    return int(told[0] if isinstance(told, tuple) else told)
