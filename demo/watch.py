"""Reads the topics from where they ended when the demo began, as any subscriber outside could."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from demo.tally import Seen

log = logging.getLogger(__name__)
POLL_MS = 100
RETRY_S = 0.5


@asynccontextmanager
async def listening(
    options: dict[str, Any], topics: tuple[str, ...], take: Callable[[Seen], None]
) -> AsyncIterator[None]:
    """While the block runs, everything written to the topics after it was entered is handed to `take`."""
    consumer = AIOKafkaConsumer(
        *topics, **options, group_id=None, auto_offset_reset="latest", fetch_max_wait_ms=POLL_MS
    )
    await consumer.start()
    try:
        await _from_now_on(consumer)
        reading = asyncio.create_task(_read(consumer, take))
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    finally:
        await consumer.stop()


async def _from_now_on(consumer: AIOKafkaConsumer) -> None:
    """Fixes where reading begins: without this, what is written before the first fetch would be missed."""
    await consumer.seek_to_end()
    for place in consumer.assignment():
        await consumer.position(place)


async def _read(consumer: AIOKafkaConsumer, take: Callable[[Seen], None]) -> None:
    while True:
        try:
            batches = await consumer.getmany(timeout_ms=POLL_MS)
        except KafkaError as error:
            log.debug("the broker is away: %r", error)
            await asyncio.sleep(RETRY_S)
            continue
        now = time.monotonic()
        for records in batches.values():
            for record in records:
                if (seen := _seen(record, now)) is not None:
                    take(seen)


def _seen(record: Any, now: float) -> Seen | None:
    """The record as an event; None if Switchboard did not write it."""
    headers = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
    if record.topic.endswith(".dlq"):
        return Seen(record.topic, headers, {}, now)
    if "ce_sequence" not in headers or not record.value:
        return None
    return Seen(record.topic, headers, orjson.loads(record.value), now)
