"""What timers cost with nothing around them: find the due ids by the index, write as large a document in the same
way, publish as many records as large. It decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from datetime import UTC, datetime
from typing import Any

import bson
import uvloop
from aiokafka import AIOKafkaProducer
from pydantic import BaseModel
from pymongo import AsyncMongoClient, UpdateOne
from pymongo.write_concern import WriteConcern

PAGE = 1000
FAR = datetime(2100, 1, 1, tzinfo=UTC)
Body = dict[str, Any]


class Record(BaseModel):
    """A record that each timer publishes."""

    topic: str
    value_bytes: int
    headers: list[tuple[str, str]]


class OverdueTask(BaseModel):
    """`version` of the documents that are found, size of those that are written, and what is published of each."""

    kafka: str
    mongo: str
    database: str
    collection: str
    version: int
    document_bytes: int
    records: list[Record]


class Drained(BaseModel):
    timers: int
    seconds: float
    cpu_seconds: float


async def drain(task: OverdueTask) -> Drained:
    """Until nothing is overdue."""
    client: AsyncMongoClient[Body] = AsyncMongoClient(task.mongo, tz_aware=True)
    collection = client[task.database].get_collection(task.collection, write_concern=WriteConcern(w="majority", j=True))
    producer = AIOKafkaProducer(
        bootstrap_servers=task.kafka, acks="all", enable_idempotence=True, linger_ms=2, max_batch_size=256 * 1024
    )
    await producer.start()
    began, cpu, timers = time.perf_counter(), time.process_time(), 0
    while found := await _overdue(collection):
        await collection.bulk_write([_fired(body, task) for body in found], ordered=False)
        await _publish(producer, [body["_id"] for body in found], task)
        timers += len(found)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    await producer.stop()
    await client.close()
    return Drained(timers=timers, seconds=seconds, cpu_seconds=cpu_seconds)


async def _overdue(collection: Any) -> list[Body]:
    each = [{"shard": shard, "due": {"$lte": datetime.now(UTC)}} for shard in range(12)]
    found = collection.find({"$or": each}, projection={"shard": 1}, sort=[("due", 1)], limit=PAGE)
    bodies: list[Body] = await found.to_list(None)
    return bodies


def _fired(found: Body, task: OverdueTask) -> UpdateOne:
    body = {"_id": found["_id"], "v": task.version + 1, "shard": found["shard"], "due": FAR, "state": ""}
    body["state"] = "x" * (task.document_bytes - len(bson.encode(body)))
    is_as_read = {"$eq": ["$v", task.version]}
    return UpdateOne({"_id": body["_id"]}, [{"$replaceWith": {"$cond": [is_as_read, {"$literal": body}, "$$ROOT"]}}])


async def _publish(producer: AIOKafkaProducer, keys: list[str], task: OverdueTask) -> None:
    encoded = {load.topic: [(name, value.encode()) for name, value in load.headers] for load in task.records}
    sent = [
        await producer.send(load.topic, value=b"x" * load.value_bytes, key=key.encode(), headers=encoded[load.topic])
        for key in keys
        for load in task.records
    ]
    await asyncio.gather(*sent)


def main() -> None:
    task = OverdueTask.model_validate_json(sys.argv[1])
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: leaders are still being told
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(runner.run(drain(task)).model_dump_json())


if __name__ == "__main__":
    main()
