"""A whole small service for the tests of the mechanics, on a real broker and a real database.

It reads `words-*` (outsiders) and `numbers-*` (a sequenced topic of ours), counts per key, and publishes `tallies-*`.
`POST /v1/words` says a word over HTTP. What is wrong and what is a bug can be changed while it runs.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import httpx
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared.access import Principal, new_key
from shared.bus import Door
from shared.codec import Inbound
from shared.document import Entry
from shared.doors import Handlers, cause_of, inbound_record
from shared.events.base import Event, EventData
from shared.fold import Change
from shared.http import body_of, read_body, who
from shared.ids import partition_of
from shared.mongo import connect
from shared.outbox import headers
from shared.service import Core, Parts, Running, application
from shared.settings import Settings
from shared.store import Shape
from tests.unit.shared.tally import T0, Added, Counted, Tally, add, fail, refuse

PARTITIONS = 3
KEYS = {role: new_key(f"test {role}", role, None) for role in ("channel", "supervisor", "auditor")}
Note = Callable[[Sequence[Any]], Awaitable[None]]


class Word(EventData):
    TOPIC = "words"
    TYPE = "word"
    key: str
    id: str
    text: str = "x"


@dataclass
class World:
    """The names and addresses of one test, and its own way to the broker and the database."""

    kafka: str
    mongo: str
    name: str
    keys: Path
    producer: AIOKafkaProducer
    wrong: set[str] = field(default_factory=lambda: {"wrong"})
    bugs: set[str] = field(default_factory=lambda: {"bug"})
    outcomes: Counter[str] = field(default_factory=Counter)
    driver: str = "pymongo"

    @property
    def words(self) -> str:
        return f"words-{self.name}"

    @property
    def numbers(self) -> str:
        return f"numbers-{self.name}"

    @property
    def tallies(self) -> str:
        return f"tallies-{self.name}"

    # What outsiders and neighbours send

    async def say(self, *words: Any, key: str = "k", headers: Sequence[tuple[str, Any]] = ()) -> None:
        """Words on the outsiders' topic; bytes go as they are."""
        sent = []
        for word in words:
            value = (
                word
                if isinstance(word, bytes) or word is None
                else json.dumps({"type": "word", "key": key, **word}).encode()
            )
            sent.append(await self.producer.send(self.words, value, key=key.encode(), headers=list(headers)))
        await asyncio.gather(*sent)

    async def say_with_header_name(self, name: bytes, word: dict[str, Any], key: str = "k") -> None:
        """A record as only other clients can write it, beside good ones in one batch."""

        class Name(str):
            __slots__ = ()

            def encode(self, *_: Any) -> bytes:
                return name

        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        try:
            batch = producer.create_batch()
            batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 1 << 16)
            value = json.dumps({"type": "word", "key": key, **word}).encode()
            for odd in ([], [(Name("x"), b"y")]):
                batch.append(key=key.encode(), value=value, timestamp=None, headers=odd)
            await (await producer.send_batch(batch, self.words, partition=partition_of(key, PARTITIONS)))
        finally:
            await producer.stop()

    async def say_compressed(self, compression: str, *words: dict[str, Any], key: str = "k") -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka, compression_type=compression, linger_ms=50)
        await producer.start()
        try:
            values = [json.dumps({"type": "word", "key": key, **word}).encode() for word in words]
            await asyncio.gather(*[await producer.send(self.words, value, key=key.encode()) for value in values])
        finally:
            await producer.stop()

    async def number(self, *sequences: int, key: str = "k", broken: bool = False) -> None:
        """Events of the neighbour, as his relay would write them."""
        sent = []
        for sequence in sequences:
            data = Added(n=1, broken=broken)
            entry = Entry(
                self.numbers, Added.TYPE, key, key, str(uuid4()), T0, data.model_dump_json().encode(), sequence
            )
            sent.append(
                await self.producer.send(
                    self.numbers, entry.value, key=key.encode(), headers=headers(entry, "neighbour")
                )
            )
        await asyncio.gather(*sent)

    async def on(self, topic: str) -> list[Any]:
        """All that lies on a topic now."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka, auto_offset_reset="earliest", enable_auto_commit=False
        )
        await consumer.start()
        try:
            places = [TopicPartition(topic, partition) for partition in await self._partitions(consumer, topic)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            found: list[Any] = []
            while not all([await consumer.position(place) >= end for place, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
            return found
        finally:
            await consumer.stop()

    async def _partitions(self, consumer: AIOKafkaConsumer, topic: str) -> Iterable[int]:
        await consumer._client.force_metadata_update()
        return sorted(consumer.partitions_for_topic(topic) or {0})

    async def published(self, key: str = "k") -> list[int]:
        """Sequences of a key's tallies in the order in which they lie on the topic."""
        return [int(dict(r.headers)["ce_sequence"]) for r in await self.on(self.tallies) if r.key == key.encode()]

    async def uncommitted(self) -> int:
        """Records on the read topics that the group has not committed."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            committed = await admin.list_consumer_group_offsets(f"switchboard.{self.name}")
        finally:
            await admin.close()
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka)
        await consumer.start()
        try:
            ends = await consumer.end_offsets(
                [TopicPartition(t, p) for t in (self.words, self.numbers) for p in range(PARTITIONS)]
            )
        finally:
            await consumer.stop()
        return sum(end - (committed[place].offset if place in committed else 0) for place, end in ends.items())

    async def members(self) -> set[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            (response,) = await admin.describe_consumer_groups([f"switchboard.{self.name}"])
            return {member[0] for group in response.groups for member in group[5]}
        finally:
            await admin.close()


@asynccontextmanager
async def world(kafka: str, mongo: str, directory: Path) -> AsyncIterator[World]:
    name = f"tally{uuid4().hex[:10]}"
    keys = directory / "keys.yaml"
    keys.write_text(yaml.safe_dump([entry for _, entry in KEYS.values()]))
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    names = [f"{topic}-{name}" for topic in ("words", "numbers", "tallies")]
    await admin.create_topics(
        [NewTopic(n, PARTITIONS, 1) for n in names] + [NewTopic(f"{n}.dlq", 1, 1) for n in names[:2]]
    )
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True, max_request_size=4 << 20)
    await producer.start()
    try:
        yield World(kafka, mongo, name, keys, producer)
    finally:
        await producer.stop()
        client = connect(mongo)
        await client.drop_database(f"switchboard_{name}")
        await client.close()


class Member:
    """One running replica, its doors open through an HTTP client."""

    def __init__(self, app: Any, client: httpx.AsyncClient) -> None:
        self.app, self.client = app, client

    @property
    def running(self) -> Running:
        running: Running = self.app.state.running
        return running

    @property
    def store(self) -> Any:
        return self.running.parts.stores[0]

    async def tally(self, key: str = "k") -> Tally:
        return await self.store.get(key) or Tally()

    async def total(self, key: str = "k") -> int:
        return (await self.tally(key)).total

    async def consumes(self) -> bool:
        consumer = self.running.consumer()
        return bool(consumer and consumer.assignment())

    async def say(
        self, text: str = "x", id_: str = "1", key: str = "k", role: str = "channel", **headers: str
    ) -> httpx.Response:
        return await self.ask("POST", "/v1/words", role, json={"key": key, "id": id_, "text": text}, headers=headers)

    async def ask(
        self, method: str, path: str, role: str = "supervisor", headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        return await self.client.request(
            method, path, headers={"Authorization": f"Bearer {KEYS[role][0]}", **(headers or {})}, **more
        )


async def nothing(outcomes: Sequence[Any]) -> None:
    """Nothing to do between write and commit."""


@asynccontextmanager
async def member(world: World, *, after: Note = nothing, **addresses: str) -> AsyncIterator[Member]:
    """A replica from its start to its graceful stop."""
    settings = Settings(
        kafka=addresses.get("kafka", world.kafka), mongo=addresses.get("mongo", world.mongo), mongo_driver=world.driver,  # type: ignore[arg-type]
        http_port=8199, keys=world.keys, partitions=PARTITIONS, rules=None,
    )  # fmt: skip
    app = application(world.name, settings, partial(assemble, world=world, after=after))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        yield Member(
            app, await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
        )


def assemble(core: Core[Settings], *, world: World, after: Note) -> Parts:
    counted = type("CountedHere", (Counted,), {"TOPIC": world.tallies, "__module__": __name__})
    changes = _changes(core, world, counted)
    relay = core.relay()
    store = core.store(Shape("tallies", Tally, reads=frozenset({world.numbers})), relay, changes)

    async def note(outcomes: Sequence[Any]) -> None:
        await after(outcomes)
        world.outcomes.update(outcome.status for outcome in outcomes)

    doors = {world.words: [Door(store, changes, Inbound(frozenset({"word"})))], world.numbers: [Door(store, changes)]}
    return Parts(
        relay=relay,
        stores=(store,),
        doors=doors,
        keyed=(world.words, world.numbers),
        readers={world.tallies: ("elsewhere",)},
        after=note,
        router=lambda running: _router(running, store, world, counted),
    )


def _changes(core: Core[Settings], world: World, counted: Any) -> Handlers[Tally]:
    on: Handlers[Tally] = Handlers(core.metrics)
    on.outsiders(
        "word",
        Word,
        lambda word, _: _decide(word, world, counted),
        key=lambda word: word.key,
        once=lambda word: word.id,
    )
    on.ours(Added, lambda added, event: _follow(added, event, world, counted))
    return on


def _decide(word: Word, world: World, counted: Any) -> Any:
    if word.text in world.wrong:
        return refuse
    return fail if word.text in world.bugs else partial(_count, step=word.text, counted=counted)


def _follow(added: Added, event: Event, world: World, counted: Any) -> Any:
    return fail if added.broken and world.bugs else partial(_count, step=f"#{event.sequence}", counted=counted)


def _count(state: Tally | None, now: Any, *, step: str, counted: Any) -> Any:
    decision = add(state, now, n=1, step=step)
    return type(decision)(decision.state, (counted(total=decision.state.total),), decision.note)


def _router(running: Running, store: Any, world: World, counted: Any) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/words")
    async def say(request: Request, by: Annotated[Principal, who("channel")]) -> Response:
        value = await read_body(request)
        word = body_of(Word, value)
        cause = cause_of(world.words, word.key, word.id)
        record = inbound_record(world.words, "word", word.key, word, running.core.clock(), cause)

        async def make() -> tuple[int, Any]:
            outcome = await running.submit(
                store, Change(word.key, _decide(word, world, counted), cause, once=word.id, records=(record,))
            )
            return 201, {"total": outcome.state.total}

        return await running.idempotency.answer(request, by, value, make)

    return router
