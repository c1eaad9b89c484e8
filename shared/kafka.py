"""Kafka as the house uses it: FastStream brings batches of raw records, aiokafka's producer takes ours away."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import BaseSecurity, SASLPlaintext

from shared.bus import Bus, Place
from shared.errors import Transient
from shared.fetching import take_any_header_name
from shared.ids import partition_of
from shared.outbox import Publication
from shared.ownership import Ownership
from shared.settings import Settings

log = logging.getLogger(__name__)
MAX_RECORDS = 1000
POLL_MS = 20
FETCH_WAIT_MS = 100
SILENT_S = 40.0
STOP_WITHIN_S = 5.0


def client_options(settings: Settings) -> dict[str, Any]:
    """Address and security for aiokafka's own clients."""
    options: dict[str, Any] = {"bootstrap_servers": settings.kafka, "security_protocol": settings.kafka_security}
    if settings.kafka_security != "PLAINTEXT":
        options["ssl_context"] = _ssl(settings)
    if settings.kafka_security == "SASL_SSL" and settings.kafka_password:
        options |= {
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return options


def _ssl(settings: Settings) -> ssl.SSLContext:
    context: ssl.SSLContext = create_ssl_context(cafile=str(settings.kafka_ca) if settings.kafka_ca else None)
    return context


def _security(settings: Settings) -> BaseSecurity | None:
    if settings.kafka_security == "PLAINTEXT":
        return None
    if settings.kafka_security == "SASL_SSL" and settings.kafka_password:
        return SASLPlaintext(
            settings.kafka_user or "",
            settings.kafka_password.get_secret_value(),
            ssl_context=_ssl(settings),
            use_ssl=True,
        )
    return BaseSecurity(ssl_context=_ssl(settings), use_ssl=True)


class KafkaProducer:
    """Acknowledged by all in-sync replicas, idempotent, in order per partition. Transient while it is not connected."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._asked: asyncio.Future[Any] | None = None
        self._asked_at = 0.0

    async def start(self) -> None:
        """Connect, if not connected yet; raises KafkaError while the broker is away."""
        if self._producer is not None:
            return
        producer = AIOKafkaProducer(
            **client_options(self._settings), acks="all", enable_idempotence=True, linger_ms=2,
            max_batch_size=256 * 1024, max_request_size=2 * 1024 * 1024, request_timeout_ms=15_000,
        )  # fmt: skip
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        await self._replace_if_silent()
        if self._producer is None:
            raise Transient("the broker is not reached yet")
        futures = await send_packed(self._producer, records)
        if futures and (self._asked is None or self._asked.done()):
            self._asked, self._asked_at = futures[0], time.monotonic()
        return futures

    async def _replace_if_silent(self) -> None:
        """A producer that leaves a record unanswered for SILENT_S will not speak again; a new one takes over."""
        if not self._is_silent():
            return
        old, self._producer, self._asked = self._producer, None, None
        log.error("the producer has been silent for %d s; a new one takes over", SILENT_S)
        if old is not None:
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await old.stop()
        await self.start()

    def _is_silent(self) -> bool:
        """Whoever waits for an answer cancels it when he has waited too long."""
        if self._asked is None or (self._asked.done() and not self._asked.cancelled()):
            return False
        return self._asked.cancelled() or time.monotonic() - self._asked_at >= SILENT_S


async def send_packed(producer: AIOKafkaProducer, records: Sequence[Publication]) -> list[asyncio.Future[Any]]:
    """Queue records in batches packed here, one future each; a future per record would cost four times as much.

    A batch whose future is cancelled could not be sent again, and its sender would fail; so the futures are shielded.
    """
    partitions = {topic: len(await producer.partitions_for(topic)) for topic in {record.topic for record in records}}
    by_place: dict[Place, list[Publication]] = {}
    for record in records:
        place = record.topic, partition_of(record.key or b"", partitions[record.topic])
        by_place.setdefault(place, []).append(record)
    return [
        asyncio.shield(await producer.send_batch(batch, topic, partition=partition))
        for (topic, partition), some in by_place.items()
        for batch in _packed(producer, some)
    ]


def _packed(producer: AIOKafkaProducer, records: Sequence[Publication]) -> list[Any]:
    batches = [producer.create_batch()]
    for _, key, value, headers in records:
        while batches[-1].append(timestamp=None, key=key, value=value, headers=headers) is None:
            batches.append(producer.create_batch())
    batches[-1].close()
    return batches


class KafkaConsumer:
    """aiokafka's consumer in the words of the bus."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        if offsets:
            await self._consumer.commit(
                {TopicPartition(*place): OffsetAndMetadata(end, "") for place, end in offsets.items()}
            )

    def assignment(self) -> set[Place]:
        return {(tp.topic, tp.partition) for tp in self._consumer.assignment()}

    def seek(self, place: Place, offset: int) -> None:
        self._consumer.seek(TopicPartition(*place), offset)

    def pause(self, places: Iterable[Place]) -> None:
        self._consumer.pause(*(TopicPartition(*place) for place in places))

    def resume(self, places: Iterable[Place]) -> None:
        self._consumer.resume(*(TopicPartition(*place) for place in places))

    def lag(self, place: Place, next_offset: int | None) -> int | None:
        """Records on the partition that are not applied; None if not known."""
        high = self._highwater(place)
        return None if high is None or next_offset is None else max(0, high - next_offset)

    def horizon(self, place: Place, next_offset: int | None) -> datetime | None:
        """The moment of the last fetch that found nothing beyond what is applied."""
        high = self._highwater(place)
        polled = self._consumer.last_poll_timestamp(TopicPartition(*place)) if high is not None else None
        if polled is None or next_offset is None or next_offset < (high or 0):
            return None
        return datetime.fromtimestamp(polled / 1000, UTC)

    def _highwater(self, place: Place) -> int | None:
        try:
            high: int | None = self._consumer.highwater(TopicPartition(*place))
        except (AssertionError, IllegalStateError):
            return None  # given away meanwhile
        return high

    async def has_applied(self, places: Iterable[Place]) -> bool:
        """Whether the group has committed all that is on these partitions now, whichever replica owns them."""
        places = list(places)
        ends = await self._consumer.end_offsets([TopicPartition(*place) for place in places])
        applied = await self.applied_before(places)
        return all(applied[place] >= ends[TopicPartition(*place)] for place in places)

    async def applied_before(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where reading goes on after an assignment: the committed offset, else the partition's beginning."""
        offsets = {place: await self._consumer.committed(TopicPartition(*place)) for place in places}
        fresh = [TopicPartition(*place) for place, offset in offsets.items() if offset is None]
        beginnings = await self._consumer.beginning_offsets(fresh) if fresh else {}
        return {
            place: beginnings.get(TopicPartition(*place), 0) if offset is None else offset
            for place, offset in offsets.items()
        }


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Drains before partitions go, learns where reading begins when they come."""

    def __init__(self, bus: Bus, ownership: Ownership) -> None:
        self._bus, self._ownership = bus, ownership

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._bus.drain()
        self._ownership.revoke()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._ownership.assign((tp.topic, tp.partition) for tp in assigned)


def subscribe(
    settings: Settings,
    group: str,
    topics: Sequence[str],
    bus: Bus,
    ownership: Ownership,
    middlewares: Sequence[Any] = (),
) -> KafkaBroker:
    """A broker with one subscriber that hands whole batches of raw records to the bus and leaves offsets to it."""
    take_any_header_name()
    broker = KafkaBroker(
        settings.kafka, security=_security(settings), allow_auto_create_topics=False, logger=None,
        middlewares=middlewares, graceful_timeout=10.0, metadata_max_age_ms=30_000,
    )  # fmt: skip
    subscriber = broker.subscriber(
        *topics, group_id=group, batch=True, max_records=MAX_RECORDS, batch_timeout_ms=POLL_MS,
        ack_policy=AckPolicy.MANUAL, auto_offset_reset="earliest", fetch_max_wait_ms=FETCH_WAIT_MS,
        partition_assignment_strategy=(RangePartitionAssignor,), listener=_Listener(bus, ownership),
        parser=_parse_nothing, decoder=_decode_nothing, max_poll_interval_ms=300_000,
        session_timeout_ms=10_000, heartbeat_interval_ms=3_000, rebalance_timeout_ms=60_000,
    )  # fmt: skip

    async def handle(message: KafkaMessage) -> None:
        records: Any = message.raw_message
        consumer: Any = message.consumer
        await bus.process(records, KafkaConsumer(consumer))

    subscriber(handle)
    return broker


async def _parse_nothing(records: Any, original: Callable[[Any], Awaitable[Any]]) -> Any:
    """FastStream's parser would drop a batch for one bad header; give it none and put the records back as they came."""
    message = await original(tuple(replace(record, headers=()) for record in records))
    message.raw_message = records
    return message


async def _decode_nothing(message: Any) -> Any:
    return message.raw_message


def consumer_of(broker: KafkaBroker) -> KafkaConsumer | None:
    """The consumer behind the broker's one subscriber, once it runs."""
    for subscriber in broker.subscribers:
        consumer = getattr(subscriber, "consumer", None)
        if consumer is not None:
            return KafkaConsumer(consumer)
    return None
