"""What was written to a topic since some moment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

PARTITIONS = 12
Ends = dict[TopicPartition, int]


async def ends(kafka: str, topics: Iterable[str]) -> Ends:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka)
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for topic in topics for number in range(PARTITIONS)]
        return dict(await consumer.end_offsets(places))
    finally:
        await consumer.stop()


async def read_since(kafka: str, topic: str, before: Ends) -> list[Any]:
    """The records that were added to a topic, of each partition in their order."""
    now = await ends(kafka, [topic])
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign(list(now))
        for place in now:
            consumer.seek(place, before[place])
        left = sum(end - before[place] for place, end in now.items())
        records: list[Any] = []
        while len(records) < left:
            records += [record for some in (await consumer.getmany(timeout_ms=500)).values() for record in some]
        return records
    finally:
        await consumer.stop()
