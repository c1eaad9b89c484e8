"""Kafka as the house uses it: FastStream brings batches of raw records, aiokafka's producer takes ours away."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import BaseSecurity, SASLPlaintext

from shared.bus import Bus, Place
from shared.fetching import take_any_header_name
from shared.ownership import Ownership
from shared.producer import KafkaProducer
from shared.settings import Settings

MAX_RECORDS = 1000
POLL_MS = 20
FETCH_WAIT_MS = 100
PARTITION_FETCH_BYTES = 256 * 1024
FETCH_BYTES = 16 * 1024 * 1024
"""What is fetched ahead is bounded by these, however much lies on the topics: for each partition its own, or one batch
of a producer where that is larger (1 MiB at most); of each answer the whole. Bytes are counted
as they lie at the broker, compressed; one batch of each partition at a time is unpacked, however large it becomes."""
LEAVE_WITHIN_S = 1.5
DRAINED_S = 0.1
"""For FastStream to wait for a batch at the stop: the bus has waited already, or has given it up."""


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


def group_of(service: str) -> str:
    """The consumer group of a service."""
    return f"switchboard.{service}"


def producer_of(settings: Settings) -> KafkaProducer:
    """Connects at `start`, and again whenever a connection has fallen silent."""

    def connect() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **client_options(settings), acks="all", enable_idempotence=True, linger_ms=2,
            max_batch_size=256 * 1024, max_request_size=2 * 1024 * 1024, request_timeout_ms=15_000,
        )  # fmt: skip

    return KafkaProducer(connect)


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
        """The moment of the last fetch that found nothing beyond what is applied; none that a wrong clock stamped."""
        high = self._highwater(place)
        polled = self._consumer.last_poll_timestamp(TopicPartition(*place)) if high is not None else None
        if polled is None or next_offset is None or next_offset < (high or 0) or polled > time.time() * 1000:
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
        places = list(places)
        committed = await asyncio.gather(*(self._consumer.committed(TopicPartition(*place)) for place in places))
        offsets = dict(zip(places, committed, strict=True))
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
        settings.kafka.split(","), security=_security(settings), allow_auto_create_topics=False, logger=None,
        middlewares=middlewares, graceful_timeout=DRAINED_S, metadata_max_age_ms=30_000,
    )  # fmt: skip
    subscriber = broker.subscriber(
        *topics, group_id=group, batch=True, max_records=MAX_RECORDS, batch_timeout_ms=POLL_MS,
        ack_policy=AckPolicy.MANUAL, auto_offset_reset="earliest", fetch_max_wait_ms=FETCH_WAIT_MS,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES, fetch_max_bytes=FETCH_BYTES,
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
