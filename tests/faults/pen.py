"""Writing to the topics like a channel system that lives through everything: a connection that died is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from shared.errors import AWAY
from shared.outbox import Publication
from shared.producer import KafkaProducer

ANSWERS_WITHIN_S = 20.0


class Pen:
    """What the house's own producer promises, with the two calls of aiokafka's that the simulated people use."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer

    async def send(
        self, topic: str, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> asyncio.Task[None]:
        """Hands one record over; the task raises KafkaError unless it is acknowledged in time."""
        return asyncio.create_task(self.write([Publication(topic, key, value, list(headers))]))

    async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
        await self.write([Publication(topic, key, value, [])])

    async def write(self, records: Sequence[Publication]) -> None:
        """Returns when all are acknowledged by all in-sync replicas. Raises KafkaError: some may be written."""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await asyncio.gather(*await self._producer.send(records))
        except KafkaError:
            raise
        except AWAY as error:
            raise KafkaTimeoutError(str(error)) from error


@asynccontextmanager
async def pen(kafka: str) -> AsyncIterator[Pen]:
    def connect() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=5, request_timeout_ms=10_000,
            max_batch_size=256 * 1024, max_request_size=2 * 1024 * 1024, metadata_max_age_ms=30_000,
        )  # fmt: skip

    producer = KafkaProducer(connect)
    await producer.start()
    try:
        yield Pen(producer)
    finally:
        await producer.stop()


def options(kafka: str) -> dict[str, Any]:
    return {"bootstrap_servers": kafka}
