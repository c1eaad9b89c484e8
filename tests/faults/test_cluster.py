"""The cluster under the fault suite: that its faults are what they are called."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, KafkaTimeoutError
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from shared.errors import Transient
from shared.mongo import DURABLE, MAJORITY
from shared.outbox import Publication
from shared.producer import KafkaProducer
from tests.faults.cluster import Cluster, cluster
from tests.faults.disk import NoDisk
from tests.waiting import eventually

pytestmark = pytest.mark.stack
# Another process: how long the fastest of three answers took that it got from the database, and from a broker.
SERVICE = """
import asyncio, sys, time
from aiokafka import AIOKafkaClient
from pymongo import MongoClient

def timed(call):
    before = time.monotonic()
    call()
    return time.monotonic() - before

async def asked(client):
    before = time.monotonic()
    assert await client.fetch_all_metadata()
    return time.monotonic() - before

async def fetched(bootstrap):
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        return min([await asked(client) for _ in range(3)])
    finally:
        await client.close()

with MongoClient(sys.argv[2]) as client:
    print(min(timed(lambda: client.admin.command("ping")) for _ in range(3)), asyncio.run(fetched(sys.argv[1])))
"""
WITHIN = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as up:
        yield up


@pytest.fixture
def things(running: Cluster) -> Iterator[Collection[dict[str, Any]]]:
    """As a service has it: durable writes, which the driver repeats once."""
    with MongoClient[dict[str, Any]](running.database.url, serverSelectionTimeoutMS=20_000) as client:
        found = client.trial.get_collection("things", write_concern=DURABLE, read_concern=MAJORITY)
        yield found
        found.drop()


def test_a_write_that_meets_the_death_of_the_primary_is_answered_by_the_next(
    running: Cluster, things: Collection[dict[str, Any]]
) -> None:
    things.insert_one({"_id": "before"})
    dead = running.database.primary()
    running.database.kill(dead)
    things.insert_one({"_id": "after"})
    assert running.database.primary() != dead
    running.database.start(dead)
    assert {thing["_id"] for thing in things.find()} == {"before", "after"}


def test_a_primary_that_steps_down_is_followed_by_another(running: Cluster) -> None:
    before = running.database.primary()
    running.database.step_down()
    assert running.database.primary() != before


async def test_a_primary_without_its_majority_is_reached_and_confirms_nothing(running: Cluster) -> None:
    alone = running.database.primary()
    host = running.database.url.split("/")[2].split(",")[alone]
    with MongoClient[dict[str, Any]](f"mongodb://{host}/?directConnection=true") as client:
        client.trial.things.insert_one({"_id": "together"})
        running.database.cut_off(alone)
        in_vain = client.trial.get_collection("things", write_concern=WriteConcern("majority", wtimeout=10_000))
        with pytest.raises(PyMongoError):
            in_vain.insert_one({"_id": "alone"})
        assert client.admin.command("ping")["ok"]
    await eventually(lambda: running.database.primary() != alone, WITHIN)
    running.database.rejoin(alone)
    with MongoClient[dict[str, Any]](running.database.direct) as client:
        seen = client.trial.get_collection("things", read_concern=MAJORITY)
        assert [thing["_id"] for thing in seen.find()] == ["together"]
        seen.drop()


async def test_what_two_brokers_confirmed_outlives_the_third_and_all_three(running: Cluster) -> None:
    await _topic(running, "trial")
    running.brokers.kill(1)
    producer = AIOKafkaProducer(bootstrap_servers=running.brokers.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    await asyncio.wait_for(producer.send_and_wait("trial", b"kept"), WITHIN)
    await producer.stop()
    await asyncio.to_thread(running.brokers.start, 1)
    running.brokers.kill_all()
    await asyncio.to_thread(running.brokers.start_all)
    assert all(map(running.brokers.in_sync, range(3)))
    assert await _values(running.brokers.direct, "trial") == [b"kept"]


async def test_whoever_waits_for_a_connection_that_is_given_up_is_told_and_the_next_one_serves(
    running: Cluster,
) -> None:
    """Two of three brokers are away, so that nothing is acknowledged, and nothing refused."""
    await _topic(running, "given-up")

    def connect() -> AIOKafkaProducer:
        return AIOKafkaProducer(bootstrap_servers=running.brokers.bootstrap, acks="all", enable_idempotence=True)

    producer = KafkaProducer(connect, silent_s=0)
    await producer.start()
    for n in (1, 2):
        running.brokers.kill(n)
    (waiting,) = await producer.send([Publication("given-up", b"k", b"first", [])])
    with pytest.raises(Transient, match="not reached yet"):
        await producer.send([Publication("given-up", b"k", b"second", [])])
    with pytest.raises(KafkaTimeoutError):
        await asyncio.wait_for(waiting, WITHIN)
    await asyncio.to_thread(running.brokers.start_all)

    async def is_taken() -> bool:
        with suppress(Transient, KafkaError):
            await asyncio.gather(*await producer.send([Publication("given-up", b"k", b"third", [])]))
            return True
        return False

    await eventually(is_taken, WITHIN)
    await producer.stop()
    assert "third" in {value.decode() for value in await _values(running.brokers.direct, "given-up")}


async def _topic(running: Cluster, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=running.brokers.direct)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 3)])
    await admin.close()


async def _values(bootstrap: str, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.seek_to_beginning()
    found = await consumer.getmany(timeout_ms=20_000)
    await consumer.stop()
    return [record.value for records in found.values() for record in records]


def test_services_have_the_weather_and_the_suite_has_not(running: Cluster) -> None:
    assert max(_as_a_service(running)) < 1
    with running.weather(latency_s=0.5):
        assert min(_as_a_service(running)) >= 1
        with MongoClient[dict[str, Any]](running.database.direct) as client:
            client.admin.command("ping")
            before = time.monotonic()
            client.admin.command("ping")
            assert time.monotonic() - before < 1
    assert max(_as_a_service(running)) < 1


def _as_a_service(running: Cluster) -> list[float]:
    argv = [sys.executable, "-c", SERVICE, running.brokers.bootstrap, running.database.url]
    return [float(word) for word in subprocess.run(argv, capture_output=True, check=True).stdout.split()]


async def test_a_full_disk_ends_the_database_and_what_it_confirmed_is_there_when_it_is_freed(
    running: Cluster, things: Collection[dict[str, Any]]
) -> None:
    if os.geteuid():
        with pytest.raises(NoDisk):
            running.database.fill_disk()
        return
    things.insert_one({"_id": "before"})
    running.database.fill_disk()
    confirmed = await asyncio.to_thread(_write_until_it_fails, things)
    await eventually(lambda: not any(map(running.database.alive, range(3))), WITHIN)
    await asyncio.to_thread(running.database.free_disk)
    things.insert_one({"_id": "after"})
    assert {thing["_id"] for thing in things.find({}, {"_id": 1})} >= {"before", "after", *confirmed}


def _write_until_it_fails(things: Collection[dict[str, Any]]) -> list[int]:
    confirmed: list[int] = []
    with suppress(PyMongoError):
        while True:
            things.insert_one({"_id": len(confirmed), "text": os.urandom(1 << 20)})
            confirmed.append(len(confirmed))
    return confirmed
