"""Kafka's producer as the house uses it: always the same promise, whoever of the connections underneath keeps it.

Errors:
    Transient (shared.errors)    there is no connection now; a new one is tried for every second, beside the caller
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from shared.errors import Transient
from shared.ids import partition_of
from shared.outbox import Publication

log = logging.getLogger(__name__)
SILENT_S = 40.0
STOP_WITHIN_S = 5.0
RETRY_S = 1.0
PACK_FROM = 100
Future = asyncio.Future[Any]


class KafkaProducer:
    """Acknowledged by all in-sync replicas, idempotent, in order per partition. `connect` makes one connection."""

    def __init__(
        self, connect: Callable[[], AIOKafkaProducer], *, retry_s: float = RETRY_S, silent_s: float = SILENT_S
    ) -> None:
        self._connect, self._retry_s, self._silent_s = connect, retry_s, silent_s
        self._producer: AIOKafkaProducer | None = None
        self._asked: Future | None = None
        self._asked_at = 0.0
        self._replacing: asyncio.Task[None] | None = None
        self._queueing = asyncio.Lock()

    async def start(self) -> None:
        """Connect, if not connected yet; raises KafkaError while the broker is away."""
        if self._producer is not None:
            return
        producer = self._connect()
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        if self._replacing is not None:
            self._replacing.cancel()
            await asyncio.gather(self._replacing, return_exceptions=True)
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, records: Sequence[Publication]) -> Sequence[Future]:
        if self._is_silent():
            self._replace(f"has been silent for {self._silent_s:.0f} s")
        async with self._queueing:  # packed batches wait until none is open: others must not open one meanwhile
            if (producer := self._producer) is None:
                raise Transient("the broker is not reached yet")
            futures = await send_all(producer, records)
        for future in futures:
            future.add_done_callback(partial(self._heard, producer))
        if futures and (self._asked is None or self._asked.done()):
            self._asked, self._asked_at = futures[0], time.monotonic()
        return futures

    def _heard(self, producer: AIOKafkaProducer, answer: Future) -> None:
        """What a connection gives up has had its number: of its partition the broker takes nothing from it any more."""
        if not answer.cancelled() and (error := answer.exception()) is not None and producer is self._producer:
            self._replace(f"has given up records ({type(error).__name__})")

    def _is_silent(self) -> bool:
        """Whoever waits for an answer cancels it when he has waited too long."""
        if self._asked is None or (self._asked.done() and not self._asked.cancelled()):
            return False
        return self._asked.cancelled() or time.monotonic() - self._asked_at >= self._silent_s

    def _replace(self, why: str) -> None:
        """A producer that leaves a record unanswered for SILENT_S will not speak again; a new one takes over."""
        old, self._producer, self._asked = self._producer, None, None
        if old is not None:
            log.error("the producer %s; a new one takes over", why)
            self._replacing = asyncio.create_task(self._take_over(old))

    async def _take_over(self, old: AIOKafkaProducer) -> None:
        await _end(old)
        while self._producer is None:
            try:
                await self.start()
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("no new producer yet: %s", error)
                await asyncio.sleep(self._retry_s)
        log.warning("a new producer has taken over")


async def _end(old: AIOKafkaProducer) -> None:
    """What it can't write within STOP_WITHIN_S it must not write later, behind what its successor has written.

    Whoever still waits for an answer is told that there is none: aiokafka's own end leaves him waiting.
    """
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await old.stop()
    except (TimeoutError, KafkaError):
        if (sending := old._sender.sender_task) is not None:  # stop() knows no other way than to wait for it
            sending.cancel()
        old._message_accumulator.fail_all(KafkaTimeoutError("its connection was given up"))
        await old.client.close()


async def send_all(
    producer: AIOKafkaProducer, records: Sequence[Publication], pack_from: int = PACK_FROM
) -> list[Future]:
    """Queue records; many are packed here into batches with one future each, at a quarter of the cost.

    Few are sent one by one: they join the batch that is open, where a packed one would wait until that has left.
    """
    futures: list[Future] = []
    try:
        if len(records) < pack_from:
            for topic, key, value, headers in records:
                futures.append(await producer.send(topic, value=value, key=key, headers=list(headers)))
            return futures
        for (topic, partition), some in (await _by_place(producer, records)).items():
            for batch in _packed(producer, some):
                futures.append(await producer.send_batch(batch, topic, partition=partition))
        return futures
    except BaseException:
        for future in futures:  # nobody will ask for them any more
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise


async def _by_place(
    producer: AIOKafkaProducer, records: Sequence[Publication]
) -> dict[tuple[str, int], list[Publication]]:
    partitions = {topic: len(await producer.partitions_for(topic)) for topic in {record.topic for record in records}}
    places: dict[tuple[str, int], list[Publication]] = {}
    for record in records:
        place = record.topic, partition_of(record.key or b"", partitions[record.topic])
        places.setdefault(place, []).append(record)
    return places


def _packed(producer: AIOKafkaProducer, records: Sequence[Publication]) -> list[Any]:
    """The last batch stays open, so that whoever comes next may join it."""
    batches = [producer.create_batch()]
    for _, key, value, headers in records:
        while batches[-1].append(timestamp=None, key=key, value=value, headers=headers) is None:
            batches.append(producer.create_batch())
    return batches
