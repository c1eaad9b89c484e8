"""A running stack as the world sees it: HTTP doors, topics, the local provider's file; its stores only to compare."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import AsyncMongoClient

from deploy.local import local_keys, state
from deploy.local.stack import Stack
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.topics import specs
from tests.e2e.fresh import applied
from tests.waiting import eventually

AWAY = (502, 503, 504)
PATIENCE_S = 90.0
Header = tuple[str, bytes | None]


@dataclass(frozen=True)
class Said:
    """One record on a topic, with its bytes as they are."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    raw_headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int = 0

    @cached_property
    def headers(self) -> dict[str, str]:
        return {name: (value or b"").decode(errors="replace") for name, value in self.raw_headers}

    @property
    def type(self) -> str:
        return self.headers["ce_type"]

    @property
    def subject(self) -> str:
        return self.headers["ce_subject"]

    @property
    def id(self) -> str:
        return self.headers["ce_id"]

    @property
    def sequence(self) -> int:
        return int(self.headers["ce_sequence"])

    @cached_property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.value or b"{}")
        return found

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class House:
    """`services`: those that run here; whoever else there is in production is played by the test."""

    def __init__(self, stack: Stack, services: Sequence[str], clients: Clients) -> None:
        self.stack, self.services = stack, tuple(services)
        self._http, self._producer, self._reader, self._asker, self._admin, self._mongo = clients
        self._reading = asyncio.Lock()

    @property
    def env(self) -> dict[str, str]:
        return self.stack.env

    def url(self, service: str) -> str:
        return self.env[f"{service.upper()}_URL"]

    async def ask(
        self, method: str, service: str, path: str, body: Any = None, *,
        key: str | None = None, raw: bytes | None = None,
        **params: str,
    ) -> httpx.Response:  # fmt: skip
        headers = {"Authorization": f"Bearer {key or self.env['SWITCHBOARD_KEY']}", "Content-Type": "application/json"}
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        return await self._http.request(
            method, self.url(service) + path, content=content, headers=headers, params=params or None
        )

    async def get(self, service: str, path: str, **params: str) -> Any:
        """The answer's body; AssertionError if it is not 200."""
        query: Any = params
        answer = await self.ask("GET", service, path, **query)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def insist(self, method: str, service: str, path: str, body: Any) -> httpx.Response:
        """As a patient channel system: asked again until somebody answers."""

        async def answered() -> httpx.Response | None:
            try:
                answer = await self.ask(method, service, path, body)
            except httpx.TransportError:
                return None
            return None if answer.status_code in AWAY else answer

        answer: httpx.Response = await eventually(answered, within=PATIENCE_S)
        return answer

    def new_key(self, role: str) -> str:
        return local_keys.add(self.stack.paths.keys, f"test-{role}", role, None)

    async def say(
        self, topic: str, value: Any, *, key: str | None = None, headers: Iterable[Header] = (),
        partition: int | None = None,
    ) -> str:  # fmt: skip
        """Writes one record and returns its place. `value`: bytes as they are, anything else as JSON."""
        raw = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        known = key.encode() if key is not None else None
        if raw is None and known is None:
            return await self._say_nothing(topic, partition or 0)
        there = await self._producer.send_and_wait(topic, raw, known, partition=partition, headers=list(headers))
        return f"{there.topic}/{there.partition}/{there.offset}"

    async def _say_nothing(self, topic: str, partition: int) -> str:
        """Neither key nor value: other clients send that, this one refuses to, except in a batch of one's own."""
        batch = self._producer.create_batch()
        batch.append(key=None, value=None, timestamp=None)
        there = await (await self._producer.send_batch(batch, topic, partition=partition))
        return f"{there.topic}/{there.partition}/{there.offset}"

    async def said(self, *topics: str, after: Mapping[TopicPartition, int] | None = None) -> list[Said]:
        """All that is on the topics, in order within each partition; `after`: beyond these ends only."""
        places = places_of(topics)
        ends = await self._asker.end_offsets(places)
        starts = {place: (after or {}).get(place, 0) for place in places}
        waiting = {place for place in places if ends[place] > starts[place]}
        found: list[Said] = []
        async with self._reading:
            self._reader.assign(places)
            for place in places:
                self._reader.seek(place, starts[place])
            while waiting:
                for place, records in (await self._reader.getmany(timeout_ms=200)).items():
                    found += [said_of(record) for record in records if record.offset < ends[place]]
                    if records[-1].offset + 1 >= ends[place]:
                        waiting.discard(place)
        return sorted(found, key=lambda said: (said.topic, said.partition, said.offset))

    async def ends(self, *topics: str) -> dict[TopicPartition, int]:
        found: dict[TopicPartition, int] = await self._asker.end_offsets(places_of(topics))
        return found

    def told(self) -> list[dict[str, Any]]:
        file = self.stack.paths.outbox
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    async def quiet(self, within: float = PATIENCE_S) -> None:
        """Until all that was written has been read and had its effects. Timers and offers may still be to come."""
        unrest: list[str] = []

        async def at_rest() -> bool:
            unrest[:] = await self._unrest()
            return not unrest

        try:
            await eventually(at_rest, within)
        except AssertionError:
            raise AssertionError(f"never at rest: {unrest}") from None

    async def _unrest(self) -> list[str]:
        topics = tuple(spec.name for spec in specs())
        before = await self.ends(*topics)
        unrest: list[str] = []
        for service in self.services:
            offsets = await applied(self._admin, service) or {}
            own = {place: end for place, end in before.items() if place.topic in READS[service]}
            unrest += [
                f"{service} lags on {p.topic}/{p.partition}" for p, end in own.items() if offsets.get(p, 0) < end
            ]
            unrest += await self._unfinished(service)
        return unrest or ([] if before == await self.ends(*topics) else ["something was written meanwhile"])

    async def _unfinished(self, service: str) -> list[str]:
        """Documents with events to publish, records that wait for their cause, messages to hand over."""
        unrest = []
        for collection in STORES[service]:
            fields = ("pending", "held", "parked", *(["due"] if collection == "casefiles" else []))
            query = {"$or": [{field: {"$exists": True}} for field in fields]}  # one look, lest one turn into another
            found = self._mongo[f"switchboard_{service}"][collection].find(query, projection=dict.fromkeys(fields, 1))
            told = ((sorted(body.keys() - {"_id"}), body.get("parked")) for body in await found.limit(5).to_list())
            unrest += [f"{service}: {collection} {fields_} {parked or ''}" for fields_, parked in told]
        return unrest

    async def documents(self, service: str) -> dict[str, list[dict[str, Any]]]:
        """Everything that a service keeps of its subjects, to be compared with later."""
        database = self._mongo[f"switchboard_{service}"]
        names = (*STORES[service], "timeline")
        return {name: await database[name].find({}, sort=[("_id", 1)]).to_list(None) for name in names}

    def pid(self, service: str) -> int:
        process = state.load(self.stack.paths).services[service].process
        assert process is not None
        return process.pid

    def log(self, service: str) -> str:
        return self.stack.paths.log(service).read_text()


READS = {
    "intake": {
        "contacts.v1", "work.v1", "assignments.v1", "agents.v1", "sla.v1", "feedback.v1", "incidents.v1", *ESCALATIONS,
    },
    "routing": {"cases.v1", "work.v1", "agents.v1"},
    "sla": {"cases.v1", "assignments.v1", "escalation-replies.v1"},
    "feedback": {"cases.v1", "assignments.v1", "sla.v1", "notifications.v1"},
    "notify": {"cases.v1", "assignments.v1", "sla.v1", "feedback.v1", *ESCALATIONS},
}  # fmt: skip
STORES = {
    "intake": ("cases", "customers", "agents", "bursts", "incidents"),
    "routing": ("tickets", "agents"),
    "sla": ("watches",),
    "feedback": ("outcomes",),
    "notify": ("casefiles",),
}
Clients = tuple[
    httpx.AsyncClient, AIOKafkaProducer, AIOKafkaConsumer, AIOKafkaConsumer, AIOKafkaAdminClient,
    AsyncMongoClient[dict[str, Any]],
]  # fmt: skip


@asynccontextmanager
async def at_home(stack: Stack, services: Sequence[str]) -> AsyncIterator[House]:
    """Clients of a stack that runs."""
    kafka = stack.env["SWITCHBOARD_KAFKA"]
    async with AsyncExitStack() as closing:
        http = await closing.enter_async_context(httpx.AsyncClient(timeout=30, trust_env=False))
        mongo = await closing.enter_async_context(AsyncMongoClient[dict[str, Any]](stack.env["SWITCHBOARD_MONGO"]))
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=2, max_request_size=2 * 1024 * 1024
        )
        reader, asker = AIOKafkaConsumer(bootstrap_servers=kafka), AIOKafkaConsumer(bootstrap_servers=kafka)
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        for client in (producer, reader, asker, admin):
            await client.start()
            closing.push_async_callback(client.close if client is admin else client.stop)
        asker.assign(known := places_of(spec.name for spec in specs()))  # else it learns of one topic after the other
        asker.pause(*known)
        yield House(stack, services, (http, producer, reader, asker, admin, mongo))


def places_of(topics: Iterable[str]) -> list[TopicPartition]:
    partitions = {spec.name: spec.partitions for spec in specs()}
    return [TopicPartition(topic, number) for topic in topics for number in range(partitions[topic])]


def said_of(record: Any) -> Said:
    headers = tuple(record.headers)
    return Said(record.topic, record.partition, record.offset, record.key, record.value, headers, record.timestamp)
