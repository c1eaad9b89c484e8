"""What lies on topics and how far others have read it, asked by one who is in none of their groups.

Errors:
    Transient, KafkaError    the broker, or the coordinator of a group, does not answer; nothing is known
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.bus import Place
from shared.errors import Transient
from shared.kafka import group_of

ANSWER_WITHIN_MS = 10_000
LOOK_WITHIN_S = 2.0
POLL_MS = 100
MOST_BYTES = 64 * 1024
"""Of each partition that is looked into; the broker gives at least one batch."""


@dataclass(frozen=True, slots=True)
class First:
    """The first record at or after an offset. `at`: as its sender stamped it."""

    place: Place
    offset: int
    key: str
    at: datetime


class Offsets(Protocol):
    """What an auditor must know of topics and their readers."""

    async def ends(self, topics: Iterable[str]) -> dict[Place, int]:
        """The offset that the next record of each partition will have."""
        ...

    async def begins(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset of the first record that each partition still holds."""
        ...

    async def unread_from(self, reader: str, places: Iterable[Place]) -> dict[Place, int]:
        """Where a service goes on: its committed offset, else the beginning of what the topic still holds."""
        ...

    async def firsts(self, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[Place, First | None]:
        """The first record of each partition from its start on; None if there is nothing but markers before its end.

        A partition of which that is not known in time, or where records after the start were deleted, is left out.
        """
        ...


class KafkaOffsets:
    """Connects when first asked, and anew after a failure."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = {**options, "request_timeout_ms": ANSWER_WITHIN_MS}
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> "KafkaOffsets":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ends(self, topics: Iterable[str]) -> dict[Place, int]:
        if not (names := list(topics)):
            return {}
        async with self._asking() as (admin, consumer):
            described = await admin.describe_topics(names)
            if missing := [topic["topic"] for topic in described if topic["error_code"]]:
                raise Transient(f"not known to the broker: {', '.join(missing)}")
            places = [TopicPartition(t["topic"], p["partition"]) for t in described for p in t["partitions"]]
            return _by_place(await consumer.end_offsets(places))

    async def begins(self, places: Iterable[Place]) -> dict[Place, int]:
        async with self._asking() as (_, consumer):
            return _by_place(await consumer.beginning_offsets([TopicPartition(*place) for place in places]))

    async def unread_from(self, reader: str, places: Iterable[Place]) -> dict[Place, int]:
        asked = [TopicPartition(*place) for place in places]
        async with self._asking() as (admin, consumer):
            said = await admin.list_consumer_group_offsets(group_of(reader), partitions=asked)
            if said.keys() < set(asked):  # an error of the whole group is no error to the library, but an empty answer
                raise Transient(f"the coordinator of {group_of(reader)} does not say how far it has read")
            fresh = [place for place in asked if said[place].offset < 0]
            begins = await consumer.beginning_offsets(fresh) if fresh else {}
            return _by_place({place: begins[place] if place in begins else said[place].offset for place in asked})

    async def firsts(self, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[Place, First | None]:
        async with self._asking() as (_, consumer):
            begins = _by_place(await consumer.beginning_offsets([TopicPartition(*place) for place in starts]))
            starts = {place: start for place, start in starts.items() if start >= begins[place]}
            consumer.assign([TopicPartition(*place) for place in starts])
            for place, start in starts.items():
                consumer.seek(TopicPartition(*place), start)
            found: dict[Place, First | None] = {}
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_WITHIN_S):
                    while left := starts.keys() - found.keys():
                        found |= await _look(consumer, [TopicPartition(*place) for place in left], ends)
            consumer.unsubscribe()
            return found

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
        try:
            yield await self._connected()
        except Exception:
            await self.close()
            raise

    async def _connected(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None or self._consumer is None:
            await self.close()
            self._admin = AIOKafkaAdminClient(**self._options)
            await self._admin.start()
            self._consumer = AIOKafkaConsumer(
                **self._options, enable_auto_commit=False, auto_offset_reset="earliest",
                max_partition_fetch_bytes=MOST_BYTES,
            )  # fmt: skip
            await self._consumer.start()
        return self._admin, self._consumer

    async def close(self) -> None:
        admin, consumer, self._admin, self._consumer = self._admin, self._consumer, None, None
        ends = [*([admin.close()] if admin else ()), *([consumer.stop()] if consumer else ())]
        await asyncio.gather(*ends, return_exceptions=True)


async def _look(
    consumer: AIOKafkaConsumer, left: Iterable[TopicPartition], ends: Mapping[Place, int]
) -> dict[Place, First | None]:
    """What one poll tells of partitions that are still open."""
    polled = await consumer.getmany(*left, timeout_ms=POLL_MS)
    found = {_place(tp): _first(records[0]) for tp, records in polled.items() if records}
    passed = [_place(tp) for tp in left if await consumer.position(tp) >= ends[_place(tp)]]
    return {**dict.fromkeys(passed), **found}


def _first(record: Any) -> First:
    key, at = record.key or b"", datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)
    return First((record.topic, record.partition), record.offset, key.decode(errors="replace"), at)


def _by_place(offsets: Mapping[TopicPartition, int]) -> dict[Place, int]:
    return {_place(tp): offset for tp, offset in offsets.items()}


def _place(tp: TopicPartition) -> Place:
    return tp.topic, tp.partition
