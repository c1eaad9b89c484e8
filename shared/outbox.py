"""From document to topic: publish what a document gave out, whole and in order, after a majority holds it.

An entry leaves its document only when its publication was acknowledged to whoever drops it: by the next write of the
process that published it, or at once (`_empty`) where no record would bring the document back after a crash.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

from pymongo import UpdateMany

from shared.clock import Clock, utc_now, wire
from shared.document import Document, Entry
from shared.errors import TRANSIENT, plainly
from shared.metrics import Metrics
from shared.mongo import quick

log = logging.getLogger(__name__)
REMEMBER = 50_000
SWEEP_AFTER = timedelta(seconds=2)
SWEEP_LIMIT = 500
MOST_PAGES = 200
"""Of one store at a turn: documents that are written all the while must not keep the other stores waiting for ever."""
MANY_BESIDE = 200
AWAY = timedelta(seconds=1)
ANSWER_WITHIN_S = 40.0

Header = tuple[str, bytes]


class Publication(NamedTuple):
    """A record on its way to a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


class Producer(Protocol):
    """What the house needs of a Kafka producer: acknowledged by all replicas, idempotent, in order per key."""

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        """Queue them; once all the futures have ended well, every record is acknowledged."""
        ...


class Keeper(Protocol):
    """What the relay needs of a store."""

    @property
    def documents(self) -> Any: ...

    @property
    def shape(self) -> Any: ...

    async def load_where(
        self, query: dict[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> dict[str, Document[Any]]: ...


class Relay:
    def __init__(self, producer: Producer, service: str, *, metrics: Metrics, clock: Clock = utc_now) -> None:
        self._producer, self._service, self._metrics, self._clock = producer, service, metrics, clock
        self._published: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._beside: set[asyncio.Task[None]] = set()
        self._queueing = asyncio.Lock()
        self._away, self._away_until = False, clock()

    def has_published(self, store: Keeper, key: str, nonce: str) -> bool:
        """True if this process saw everything acknowledged that the write with this nonce left in the outbox."""
        return self._published.get((store.shape.collection, key)) == nonce

    async def hand_over(self, store: Keeper, documents: Iterable[Document[Any]], recorded: bool) -> None:
        """Publish now (`recorded`), or beside the caller with the sweeper behind it."""
        waiting = [d for d in documents if d.outbox and not self.has_published(store, d.key, d.nonce)]
        if not waiting:
            return
        if recorded:
            await self.publish(store, waiting)
        elif len(self._beside) < MANY_BESIDE and self._clock() >= self._away_until:
            task = asyncio.create_task(self._try(store, waiting))
            self._beside.add(task)
            task.add_done_callback(self._beside.discard)

    async def publish(self, store: Keeper, documents: Sequence[Document[Any]]) -> None:
        """Publish each document's whole outbox in order; returns when all of it is acknowledged."""
        await self._send([entry for document in documents for entry in document.outbox])
        for document in documents:
            self._published[store.shape.collection, document.key] = document.nonce
        while len(self._published) > REMEMBER:
            self._published.popitem(last=False)
        await self._empty(store, [document for document in documents if document.pending])

    async def _send(self, entries: Sequence[Entry]) -> None:
        records = [Publication(e.topic, e.key.encode(), e.value, headers(e, self._service)) for e in entries]
        async with asyncio.timeout(ANSWER_WITHIN_S):
            async with self._queueing:  # what was handed over first is told first, also beside
                sent = await self._producer.send(records)
            answers = await asyncio.gather(*sent, return_exceptions=True)
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures:
            raise failures[0]
        for entry in entries:
            self._metrics.published(entry.topic)

    async def _empty(self, store: Keeper, documents: Sequence[Document[Any]]) -> None:
        """Take out what is published, where the document is still as it was published. Losing this only repeats."""
        by_nonce: dict[str, list[str]] = {}
        for document in documents:
            by_nonce.setdefault(document.nonce, []).append(document.key)
        emptied = {"$set": {"outbox": []}, "$unset": {"pending": ""}}
        if updates := [UpdateMany({"_id": {"$in": keys}, "nonce": n}, emptied) for n, keys in by_nonce.items()]:
            collection = quick(store.documents.database, store.shape.collection)
            await collection.bulk_write(updates, ordered=False)

    async def _try(self, store: Keeper, documents: Sequence[Document[Any]]) -> None:
        try:
            await self.publish(store, documents)
        except TRANSIENT as error:
            if not self._away:
                log.warning("the broker takes nothing, outboxes wait: %s", plainly(error))
            self._away, self._away_until = True, self._clock() + AWAY
        else:
            if self._away:
                log.warning("the broker takes records again")
            self._away = False

    async def sweep(self, stores: Iterable[Keeper], shards: Iterable[int] | None) -> int:
        """Publish what crashes and outages left behind, oldest first; returns how many documents."""
        query: dict[str, Any] = {"pending": {"$lte": self._clock() - SWEEP_AFTER}}
        if shards is not None:
            query["shard"] = {"$in": list(shards)}
        return sum([await self._sweep(store, query) for store in stores])

    async def _sweep(self, store: Keeper, query: dict[str, Any]) -> int:
        """Page after page while they are full: after an outage the rest does not wait for the next turn."""
        count = 0
        for _ in range(MOST_PAGES):
            left = list((await store.load_where(query, sort=[("pending", 1)], limit=SWEEP_LIMIT)).values())
            if left:
                await self.publish(store, left)
            count += len(left)
            if len(left) < SWEEP_LIMIT:
                break
        return count

    async def settle(self) -> None:
        """Wait for what is being published beside; what fails is left to the sweeper."""
        while self._beside:
            await self.caught_up()

    async def caught_up(self) -> None:
        """Wait for what is being published beside now, not for what others add meanwhile."""
        if self._beside:
            await asyncio.wait(self._beside)


def headers(entry: Entry, service: str) -> list[Header]:
    """The CloudEvents headers of a record, binary mode."""
    values = (
        ("ce_specversion", "1.0"),
        ("ce_id", entry.id),
        ("ce_source", f"/switchboard/{service}"),
        ("ce_type", entry.type),
        ("ce_subject", entry.subject),
        ("ce_time", wire(entry.time)),
        ("ce_dataschema", f"/schemas/{entry.type}.json"),
        ("ce_sequence", "" if entry.sequence is None else str(entry.sequence)),
        ("ce_after", entry.after),
        ("content-type", "application/json"),
        ("traceparent", entry.trace),
    )
    return [(name, value.encode()) for name, value in values if value]
