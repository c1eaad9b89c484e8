"""What the house relies on Kafka for, checked on the double and on a real broker."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from shared.ids import partition_of
from shared.outbox import Publication
from shared.producer import send_all
from tests.simulation.conformance import Fact, told_of
from tests.simulation.faults import Faults
from tests.simulation.kafka import Broker
from tests.simulation.kafka_consumer import Consumer
from tests.simulation.scheduler import current

PARTITIONS = 4
MEMBER = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 200, "rebalance_timeout_ms": 6000}


class World:
    """Two topics of four partitions, and a group that reads both."""

    def __init__(self, producer: Any, topics: tuple[str, str], consumer: Callable[[str, Any], Any]) -> None:
        self.producer, self.topics, self._consumer = producer, topics, consumer
        self.group = f"g-{topics[0]}"
        self._open: list[Any] = []

    async def consumer(self, group: str = "", listener: Any = None) -> Any:
        consumer = self._consumer(group or self.group, listener)
        self._open.append(consumer)
        await consumer.start()
        return consumer

    async def send(self, key: str, *values: str, topic: int = 0) -> None:
        futures = [
            await self.producer.send(self.topics[topic], value=value.encode(), key=key.encode()) for value in values
        ]
        await asyncio.gather(*futures)

    def places(self, topic: int = 0) -> list[TopicPartition]:
        return [TopicPartition(self.topics[topic], number) for number in range(PARTITIONS)]

    async def close(self) -> None:
        for consumer in self._open:
            await consumer.stop()


async def _on_double(fact: Fact) -> None:
    loop = current()
    broker = Broker(loop, Faults(loop.random), partitions=PARTITIONS)
    world = World(
        broker.producer(),
        ("t", "u"),
        lambda group, listener: Consumer(broker, "t", "u", group_id=group, listener=listener, **MEMBER),
    )
    await fact(world)
    await world.close()


async def _on_real(fact: Fact, bootstrap: str) -> None:
    end = uuid4().hex[:12]
    topics = (f"conformance-t-{end}", f"conformance-u-{end}")
    admin, producer = (
        AIOKafkaAdminClient(bootstrap_servers=bootstrap),
        AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True),
    )

    def consumer(group: str, listener: Any) -> Any:
        made = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest",
            partition_assignment_strategy=(RangePartitionAssignor,), fetch_max_wait_ms=100, **MEMBER,
        )  # fmt: skip
        made.subscribe(topics, listener=listener)
        return made

    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
        await producer.start()
        world = World(producer, topics, consumer)
        try:
            await fact(world)
        finally:
            await world.close()
            await producer.stop()
        await admin.delete_topics(list(topics))
    finally:
        await admin.close()


conforms = told_of(_on_double, _on_real, "kafka")


async def _read(consumer: Any, count: int) -> list[Any]:
    """That many records, however many polls it takes."""
    records: list[Any] = []
    async with asyncio.timeout(20):
        while len(records) < count:
            for some in (await consumer.getmany(timeout_ms=200, max_records=count - len(records))).values():
                records += some
    return records


async def _until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - a real broker has no event for it
            await asyncio.sleep(0.05)


def _values(records: list[Any]) -> list[str]:
    return [record.value.decode() for record in records]


@conforms
async def test_records_with_one_key_keep_their_order(w: World) -> None:
    wanted = [str(n) for n in range(300)]
    await asyncio.gather(w.send("a", *wanted), w.send("b", *wanted))
    records = await _read(await w.consumer(), 600)
    assert [_values([r for r in records if r.key == key]) for key in (b"a", b"b")] == [wanted, wanted]


@conforms
async def test_what_is_packed_by_us_arrives_whole_where_a_send_would_put_it_and_in_order(w: World) -> None:
    keys, big = [b"a", b"b", "案件".encode()], b"x" * 200_000
    records = [
        Publication(w.topics[0], key, big if n % 5 == 0 else b"%d" % n, [("n", b"%d" % n)])
        for n in range(20)
        for key in keys
    ]
    await asyncio.gather(*await send_all(w.producer, records, pack_from=1))
    read = await _read(await w.consumer(), 60)
    assert {r.partition for r in read if r.key == b"a"} == {partition_of("a", PARTITIONS)}
    assert [[dict(r.headers)["n"] for r in read if r.key == key] for key in keys] == [
        [b"%d" % n for n in range(20)]
    ] * 3
    assert {len(r.value) for r in read if dict(r.headers)["n"] == b"5"} == {len(big)}


@conforms
async def test_a_full_batch_takes_no_more_and_one_record_always_fits(w: World) -> None:
    batch = w.producer.create_batch()
    assert batch.append(timestamp=None, key=b"k", value=b"x" * 300_000, headers=[]) is not None
    assert batch.append(timestamp=None, key=b"k", value=b"y", headers=[]) is None
    await (await w.producer.send_batch(batch, w.topics[0], partition=1))
    (record,) = await _read(await w.consumer(), 1)
    assert (record.partition, len(record.value)) == (1, 300_000)


@conforms
async def test_a_key_goes_to_the_partition_that_we_compute(w: World) -> None:
    keys = [f"案件-{n}" for n in range(30)]
    for key in keys:
        await w.send(key, "x")
    records = await _read(await w.consumer(), 30)
    assert {r.key.decode(): r.partition for r in records} == {key: partition_of(key, PARTITIONS) for key in keys}


@conforms
async def test_a_record_has_the_parts_that_were_sent_and_its_place(w: World) -> None:
    future = await w.producer.send(
        w.topics[0],
        value=None,
        key=b"k",
        partition=2,
        timestamp_ms=1_700_000_000_000,
        headers=[("h", b"\xff"), ("h", b"")],
    )
    sent = await future
    (record,) = await _read(await w.consumer(), 1)
    assert (sent.topic, sent.partition, sent.offset) == (w.topics[0], 2, 0)
    assert (record.topic, record.partition, record.offset, record.timestamp) == (w.topics[0], 2, 0, 1_700_000_000_000)
    assert (record.key, record.value, list(record.headers)) == (b"k", None, [("h", b"\xff"), ("h", b"")])


@conforms
async def test_the_commit_of_explicit_offsets_survives_the_member_and_covers_nothing_else(w: World) -> None:
    for partition in (0, 1):
        for value in "abc":
            await (await w.producer.send(w.topics[0], value=value.encode(), partition=partition))
    first, second = w.places()[:2]
    consumer = await w.consumer()
    await _read(consumer, 6)
    await consumer.commit({first: OffsetAndMetadata(2, "")})
    await consumer.stop()
    again = await w.consumer()
    records = await _read(again, 4)
    assert sorted((r.partition, r.offset) for r in records) == [(0, 2), (1, 0), (1, 1), (1, 2)]
    assert [await again.committed(tp) for tp in (first, second)] == [2, None]


@conforms
async def test_what_is_not_committed_comes_again(w: World) -> None:
    await w.send("a", "1", "2")
    consumer = await w.consumer()
    assert _values(await _read(consumer, 2)) == ["1", "2"]
    await consumer.stop()
    assert _values(await _read(await w.consumer(), 2)) == ["1", "2"]


@conforms
async def test_groups_read_independently(w: World) -> None:
    await w.send("a", "1")
    one, other = await w.consumer(), await w.consumer(w.group + "-other")
    assert (_values(await _read(one, 1)), _values(await _read(other, 1))) == (["1"], ["1"])


@conforms
async def test_two_members_share_the_partitions_and_each_has_the_same_numbers_of_all_topics(w: World) -> None:
    one = await w.consumer()
    assert one.assignment() == {*w.places(0), *w.places(1)}
    other = await w.consumer()
    await _until(lambda: len(one.assignment()) == PARTITIONS)
    numbers = [
        {tp.partition for tp in member.assignment() if tp.topic == topic}
        for member in (one, other)
        for topic in w.topics
    ]
    assert numbers[0] == numbers[1]
    assert numbers[2] == numbers[3]
    assert sorted([*numbers[0], *numbers[2]]) == [0, 1, 2, 3]


@conforms
async def test_partitions_of_a_member_that_leaves_go_to_the_one_that_stays(w: World) -> None:
    one, other = await w.consumer(), await w.consumer()
    await _until(lambda: len(one.assignment()) == PARTITIONS)
    await one.stop()
    await _until(lambda: other.assignment() == {*w.places(0), *w.places(1)})


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, on_revoked: Callable[[set[TopicPartition]], Awaitable[None]] | None = None) -> None:
        self.told: list[tuple[str, set[TopicPartition]]] = []
        self._on_revoked = on_revoked

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.told.append(("revoked", set(revoked)))
        if self._on_revoked is not None and revoked:
            await self._on_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.told.append(("assigned", set(assigned)))


@conforms
async def test_a_rebalance_takes_all_partitions_back_before_it_deals_them_out(w: World) -> None:
    listener = Listener()
    one = await w.consumer(listener=listener)
    everything = {*w.places(0), *w.places(1)}
    await _until(lambda: len(listener.told) == 2)
    await w.consumer()
    await _until(lambda: len(listener.told) == 4)
    assert listener.told == [
        ("revoked", set()),
        ("assigned", everything),
        ("revoked", everything),
        ("assigned", one.assignment()),
    ]


@conforms
async def test_a_commit_while_partitions_are_taken_back_still_counts_and_the_new_owner_goes_on_from_it(
    w: World,
) -> None:
    await w.send("a", "1", "2", "3")
    place = TopicPartition(w.topics[0], partition_of("a", PARTITIONS))
    consumers: list[Any] = []

    async def drain(revoked: set[TopicPartition]) -> None:
        await asyncio.sleep(0.5)
        await consumers[0].commit({place: OffsetAndMetadata(2, "")})

    consumers.append(await w.consumer(listener=Listener(drain)))
    assert _values(await _read(consumers[0], 3)) == ["1", "2", "3"]
    consumers.append(await w.consumer())
    await _until(lambda: sum(place in consumer.assignment() for consumer in consumers) == 1)
    owner = next(consumer for consumer in consumers if place in consumer.assignment())
    assert _values(await _read(owner, 1)) == ["3"]


@conforms
async def test_offsets_of_partitions_that_are_gone_cannot_be_committed(w: World) -> None:
    one = await w.consumer()
    await w.send("a", *"12345")
    await _read(one, 5)
    await w.consumer()
    await _until(lambda: len(one.assignment()) == PARTITIONS)
    gone = next(tp for tp in w.places() if tp not in one.assignment())
    with pytest.raises(IllegalStateError):
        await one.commit({gone: OffsetAndMetadata(1, "")})


@conforms
async def test_a_paused_partition_gives_nothing_until_it_is_resumed(w: World) -> None:
    consumer = await w.consumer()
    place = TopicPartition(w.topics[0], partition_of("a", PARTITIONS))
    consumer.pause(place)
    await w.send("a", "1")
    assert await consumer.getmany(timeout_ms=500) == {}
    assert consumer.paused() == {place}
    consumer.resume(place)
    assert _values(await _read(consumer, 1)) == ["1"]


@conforms
async def test_after_a_seek_the_records_from_there_come_again(w: World) -> None:
    consumer = await w.consumer()
    place = TopicPartition(w.topics[0], partition_of("a", PARTITIONS))
    await w.send("a", "1", "2", "3")
    await _read(consumer, 3)
    assert await consumer.position(place) == 3
    consumer.seek(place, 1)
    assert _values(await _read(consumer, 2)) == ["2", "3"]
    with pytest.raises(IllegalStateError):
        consumer.seek(TopicPartition("elsewhere", 0), 0)


@conforms
async def test_a_partition_read_to_its_end_says_so_and_when_it_was_looked_at(w: World) -> None:
    consumer = await w.consumer()
    place = TopicPartition(w.topics[0], partition_of("a", PARTITIONS))
    await w.send("a", "1", "2")
    await _read(consumer, 2)
    polled = consumer.last_poll_timestamp(place)
    assert (consumer.highwater(place), polled is not None) == (2, True)
    await asyncio.sleep(0.5)
    await consumer.getmany(timeout_ms=300)
    assert consumer.last_poll_timestamp(place) > polled
    assert await consumer.end_offsets([place]) == {place: 2}


@conforms
async def test_an_empty_poll_returns_after_its_timeout(w: World) -> None:
    consumer = await w.consumer()
    started = asyncio.get_running_loop().time()
    assert await consumer.getmany(timeout_ms=300) == {}
    assert 0.29 <= asyncio.get_running_loop().time() - started < 1.5


@conforms
async def test_a_poll_hands_out_at_most_as_many_records_as_asked(w: World) -> None:
    consumer = await w.consumer()
    for key in "abcdef":
        await w.send(key, *"12345")
    seen = 0
    while seen < 30:
        batch = await consumer.getmany(timeout_ms=500, max_records=7)
        assert sum(map(len, batch.values())) <= 7
        seen += sum(map(len, batch.values()))
    assert seen == 30
