"""What only the doubles can be made to do at will: the failures that the real ones show once in a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, KafkaTimeoutError
from pymongo import InsertOne
from pymongo.errors import AutoReconnect, NetworkTimeout
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from tests.simulation.faults import Faults
from tests.simulation.kafka import Broker
from tests.simulation.kafka_consumer import Consumer
from tests.simulation.mongo import Replicas
from tests.simulation.processes import Process
from tests.simulation.scheduler import current, run

SLOW = (5.0, 6.0)
Test = Callable[[Replicas, Any], Awaitable[None]]


def _on_mongo(test: Test, seed: int = 1, **rates: float) -> None:
    async def main() -> None:
        loop = current()
        replicas = Replicas(loop, Faults(loop.random, rates))
        majority: dict[str, Any] = {"write_concern": WriteConcern("majority"), "read_concern": ReadConcern("majority")}
        await test(replicas, replicas.client()["d"].get_collection("c", **majority))

    run(main, seed)


def test_a_majority_write_is_seen_by_local_reads_first_and_answered_when_majority_reads_see_it() -> None:
    async def test(replicas: Replicas, c: Any) -> None:
        replicas.faults.delays["mongo.majority"] = SLOW
        local = c.with_options(read_concern=ReadConcern("local"))
        write = asyncio.create_task(c.insert_one({"_id": "a"}))
        await asyncio.sleep(1)
        assert (await local.find_one("a"), await c.find_one("a"), write.done()) == ({"_id": "a"}, None, False)
        await write
        assert await c.find_one("a") == {"_id": "a"}

    _on_mongo(test)


def test_a_fail_over_takes_back_what_no_majority_has_and_fails_its_writer() -> None:
    async def test(replicas: Replicas, c: Any) -> None:
        replicas.faults.delays["mongo.majority"] = SLOW
        await c.create_index("claim", unique=True)
        quick = c.with_options(write_concern=WriteConcern(1))
        write = asyncio.create_task(c.insert_one({"_id": "a", "claim": 1}))
        await asyncio.sleep(0.1)
        await quick.insert_one({"_id": "b", "claim": 2})
        assert replicas.fail_over(keep=1) == 1
        with pytest.raises(AutoReconnect):
            await write
        replicas.faults.delays["mongo.majority"] = (0.0, 0.0)
        await c.insert_one({"_id": "c", "claim": 2})  # the claim of b is free again
        assert [doc["_id"] async for doc in c.find(sort=[("_id", 1)])] == ["a", "c"]

    _on_mongo(test)


def test_a_lost_answer_leaves_the_write_done() -> None:
    async def test(replicas: Replicas, c: Any) -> None:
        with pytest.raises(NetworkTimeout):
            await c.insert_one({"_id": "a"})
        replicas.faults.heal()
        assert await c.find_one("a") == {"_id": "a"}

    _on_mongo(test, **{"mongo.lost_reply": 1.0})


def test_a_bulk_write_that_is_cut_off_leaves_any_part_done() -> None:
    left: set[tuple[str, ...]] = set()

    async def test(replicas: Replicas, c: Any) -> None:
        with pytest.raises(AutoReconnect):
            await c.bulk_write([InsertOne({"_id": id_}) for id_ in "abc"], ordered=False)
        await asyncio.sleep(1)
        left.add(tuple([doc["_id"] async for doc in c.find(sort=[("_id", 1)])]))

    for seed in range(100):
        _on_mongo(test, seed, **{"mongo.partial": 1.0})
    assert {(), ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")} == left


def test_others_may_write_between_two_parts_of_a_bulk_write() -> None:
    seen: set[int] = set()

    async def test(replicas: Replicas, c: Any) -> None:
        bulk = asyncio.create_task(c.bulk_write([InsertOne({"_id": id_}) for id_ in "abc"], ordered=False))
        while not bulk.done():
            seen.add(await c.with_options(read_concern=ReadConcern("local")).count_documents({}))

    for seed in range(20):
        _on_mongo(test, seed, **{"mongo.split": 1.0})
    assert seen == {0, 1, 2, 3}


def _on_kafka(test: Callable[[Broker], Awaitable[None]], **rates: float) -> None:
    async def main() -> None:
        loop = current()
        await test(Broker(loop, Faults(loop.random, rates), partitions=1))

    run(main, 1)


def test_a_lost_acknowledgement_leaves_the_record_written() -> None:
    async def test(broker: Broker) -> None:
        with pytest.raises(KafkaTimeoutError):
            await broker.producer().send_and_wait("t", value=b"1")
        assert [record.value for record in broker.records("t")] == [b"1"]

    _on_kafka(test, **{"kafka.lost_ack": 1.0})


def test_what_a_crashed_process_had_queued_is_never_written() -> None:
    async def test(broker: Broker) -> None:
        async def main() -> None:
            producer = broker.producer()
            await producer.send("t", value=b"1")
            await asyncio.Event().wait()

        broker.faults.delays["kafka.linger"] = SLOW
        process = Process("p", main)
        process.start()
        await asyncio.sleep(1)
        process.crash()
        await asyncio.sleep(10)
        assert broker.records("t") == []

    _on_kafka(test)


def test_who_sleeps_past_the_session_loses_the_partitions_and_cannot_commit() -> None:
    async def test(broker: Broker) -> None:
        errors: list[Exception] = []
        place = TopicPartition("t", 0)
        broker.write("t", b"1")

        async def read_and_commit() -> None:
            consumer = Consumer(broker, "t", group_id="g", session_timeout_ms=2000, heartbeat_interval_ms=500)
            await consumer.start()
            await consumer.getmany(timeout_ms=1000)
            await asyncio.sleep(1)
            try:
                await consumer.commit({place: 1})
            except CommitFailedError as error:
                errors.append(error)

        sleeper, other = Process("sleeper", read_and_commit), Process("other", read_and_commit)
        sleeper.start()
        await asyncio.sleep(0.5)
        sleeper.freeze()
        other.start()
        await asyncio.sleep(6)
        assert broker.group("g").offsets == {place: 1}
        assert errors == []
        sleeper.thaw()
        await asyncio.sleep(1)
        assert len(errors) == 1

    _on_kafka(test)


def test_a_broker_that_is_away_keeps_requests_waiting_and_fails_what_was_sent_long_ago() -> None:
    async def test(broker: Broker) -> None:
        broker.go_down(30)
        with pytest.raises(KafkaTimeoutError):
            await broker.producer().send_and_wait("t", value=b"1")
        await broker.call(lambda: None)
        assert current().time() > 30

    _on_kafka(test)
