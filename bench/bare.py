"""The same durable hop with nothing around it: read, find, write, publish, commit, batch by batch.

As many documents and records per contact as intake makes, and as large; majority and journalled, acknowledged by all.
It decides nothing. How it writes is told: `inserts` looks at nothing, and what is there stays; `missing` looks and
inserts what is not there; `upserts` looks and puts its own in the place of what is there. One that `reads` understands
each contact as intake does, and makes nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import bson
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from pymongo import AsyncMongoClient, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError
from pymongo.write_concern import WriteConcern

from bench.laps import Load, Stopwatch, Task
from services.intake.domain.rules import Rules
from services.intake.domain.understand import understand
from shared import rules as live
from shared.events.contacts import Contact

BATCH, POLL_MS = 1000, 20
DUPLICATE_KEY = 11000
Document = dict[str, Any]


async def hop(task: Task) -> Stopwatch:
    watch = Stopwatch(task.warm_up, task.contacts)
    read = reader() if task.reads else orjson.loads
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(task.mongo, tz_aware=True)
    durable = WriteConcern(w="majority", j=True)
    collections = {name: client[task.database].get_collection(name, write_concern=durable) for name in task.documents}
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka, acks="all", enable_idempotence=True, linger_ms=2, max_batch_size=256 * 1024
    )
    consumer = AIOKafkaConsumer(
        task.topic, bootstrap_servers=task.kafka, group_id=task.topic, enable_auto_commit=False,
        auto_offset_reset="earliest", fetch_max_wait_ms=100,
    )  # fmt: skip
    await producer.start()
    await consumer.start()
    while watch.lap is None:
        fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH)
        records = [record for some in fetched.values() for record in some]
        if not records:
            continue
        contacts = [read(record.value) for record in records]
        for name, load in task.documents.items():
            documents = _documents(contacts, load)
            await WAYS[task.writes](collections[name], documents)
        sent = [
            await producer.send(topic, value=_sized(contact, load), key=contact["id"].encode(), headers=_headers(load))
            for contact, load, topic in _published(contacts, task.records)
        ]
        await asyncio.gather(*sent)
        ends = {place: OffsetAndMetadata(some[-1].offset + 1, "") for place, some in fetched.items() if some}
        await consumer.commit({TopicPartition(place.topic, place.partition): end for place, end in ends.items()})
        watch.committed(len(records))
    await consumer.stop()
    await producer.stop()
    await client.close()
    return watch


def reader(understand: Callable[[Contact, Rules], Any] = understand) -> Callable[[bytes], Document]:
    """Loads a contact, and reads what it says."""
    rules = live.load("intake", Rules.parse, None)

    def read(value: bytes) -> Document:
        understand(Contact.model_validate_json(value), rules)
        contact: Document = orjson.loads(value)
        return contact

    return read


async def _upserts(collection: Any, documents: list[Document]) -> None:
    await _there(collection, documents)
    await collection.bulk_write([ReplaceOne({"_id": d["_id"]}, d, upsert=True) for d in documents], ordered=False)


async def _missing(collection: Any, documents: list[Document]) -> None:
    there = await _there(collection, documents)
    if missing := [document for document in documents if document["_id"] not in there]:
        await _inserts(collection, missing)


async def _there(collection: Any, documents: list[Document]) -> set[str]:
    found = collection.find({"_id": {"$in": [document["_id"] for document in documents]}}, projection={"_id": 1})
    return {document["_id"] for document in await found.to_list(None)}


async def _inserts(collection: Any, documents: list[Document]) -> None:
    try:
        await collection.bulk_write([InsertOne(document) for document in documents], ordered=False)
    except BulkWriteError as error:
        if any(fault["code"] != DUPLICATE_KEY for fault in error.details["writeErrors"]):
            raise


WAYS = {"inserts": _inserts, "missing": _missing, "upserts": _upserts}


def _documents(contacts: Sequence[dict[str, Any]], load: Load) -> list[Document]:
    return [_document(contact, part, load) for contact in contacts for part in range(round(load.per_contact))]


def _document(contact: dict[str, Any], part: int, load: Load) -> Document:
    id_ = f"{contact['id']}-{part}"
    document = {"_id": id_, "contact": contact}
    missing = load.value_bytes - len(bson.encode(document))
    return document | {"more": "x" * max(0, missing)}


def _published(contacts: Sequence[dict[str, Any]], records: dict[str, Load]) -> list[tuple[dict[str, Any], Load, str]]:
    return [
        (contact, load, topic)
        for contact in contacts
        for topic, load in records.items()
        for _ in range(round(load.per_contact))
    ]


def _sized(contact: dict[str, Any], load: Load) -> bytes:
    return orjson.dumps(contact).ljust(load.value_bytes)


def _headers(load: Load) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in load.headers]


def main() -> None:
    task = Task.model_validate_json(sys.argv[1])
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: leaders are still being told
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        watch = runner.run(hop(task))
    assert watch.lap is not None
    print(watch.lap.model_dump_json())


if __name__ == "__main__":
    main()
