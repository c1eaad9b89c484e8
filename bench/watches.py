"""Watches as sla keeps them: one is made by its own store and decisions, the others are the same, of other cases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import bson
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from bench.overdue import Record
from services.sla.domain.fire import due, fire
from services.sla.domain.follow import follow
from services.sla.domain.rules import Rules
from services.sla.domain.watch import Watch
from services.sla.store import WATCHES, Watches
from shared.document import Entry, from_body, to_body
from shared.events.base import Event
from shared.events.cases import CaseCustomer, CaseOpened, ContactRef, PriorityReason, Reach
from shared.fold import Change, Folding, fold
from shared.ids import case_number, named, partition_of
from shared.metrics import Metrics
from shared.mongo import connect
from shared.outbox import Publication, Relay, headers
from shared.rules import load

DATABASE, PARTITIONS, AT_ONCE = "switchboard_sla", 12, 2000
OPENED = datetime(2026, 11, 24, 2, tzinfo=UTC)
Body = dict[str, Any]
Timer = tuple[str, datetime]
"""A case id and when its next timer falls due."""


def pattern(mongo: str) -> Body:
    """The stored document of a case that was reminded three times; next, the clock calls a promise missed."""
    return asyncio.run(_made(mongo))


async def _made(mongo: str) -> Body:
    rules = load("sla", Rules.parse, None)
    clock = _Set(OPENED)
    client = connect(mongo)
    metrics = Metrics("bench")
    relay = Relay(_Answering(), "bench", metrics=metrics, clock=clock)
    store = Watches(client[DATABASE], WATCHES, relay, _nothing_waits, metrics=metrics, clock=clock)
    opened = _opened()
    key = opened.case_id
    await store.apply([Change(key, partial(follow, event=opened, at=OPENED, rules=rules), "bench")])
    while True:
        clock.now, promised = _next(await store.get(key))
        if clock.now == promised:
            break
        await store.apply([Change(key, partial(fire, rules=rules), f"bench {clock.now}", timer=True)])
    await relay.settle()
    body: Body = await store.documents.find_one_and_delete({"_id": key})
    await store.timeline._lines.drop()
    await client.close()
    return body


def _next(watch: Watch | None) -> tuple[datetime, datetime]:
    """When the clock looks at it next, and when its first response is due."""
    assert watch is not None
    coming, promised = due(watch), next(c.due_at for c in watch.clocks if c.target == "first_response")
    assert coming is not None
    assert promised is not None
    return coming, promised


class _Set:
    """A clock that shows what it is set to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class _Answering:
    """A broker that takes everything."""

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        return [answer]


def _nothing_waits(event: Event) -> Change[Watch]:
    raise AssertionError(f"{event.id} is not to be read again")


def _opened() -> CaseOpened:
    case = named("case", "bench")
    return CaseOpened(
        case_id=case, number=case_number(case), contact_id=named("contact", "bench"),
        contact=ContactRef(source="bench", id="1"), channel="phone", language="zh",
        customer=CaseCustomer(id=named("customer", "bench"), reach=Reach(name="王芳", phone="+8613800138000")),
        category=("支付问题", "退款异常", "重复扣款"), kind="fault", category_confidence=0.9, priority="P2",
        priority_reason=PriorityReason(rule="default", impact="one", urgency="normal"),
        text="您好，我昨天在贵店下单时被重复扣款两次，每次 299 元，银行短信都收到了，请尽快核实并退回多扣的款项。",
    )  # fmt: skip


def firing(body: Body) -> tuple[int, list[Record]]:
    """What it takes to fire one: bytes of the document that is written, and the records that are published."""
    rules = load("sla", Rules.parse, None)
    document = from_body(body, Watch.model_validate(body["state"]))
    change = Change(document.key, partial(fire, rules=rules), "bench", timer=True)
    fold(document, change, body["due"], Folding(WATCHES.reads, _nothing_waits))
    assert document.state is not None
    written = {**body, **to_body(document, body["nonce"]), "state": document.state.model_dump()}
    return len(bson.encode(written)), [_record_of(entry) for entry in document.outbox]


def _record_of(entry: Entry) -> Record:
    told = [(name, value.decode()) for name, value in headers(entry, "sla")]
    return Record(topic=entry.topic, value_bytes=len(entry.value), headers=told)


def timers(series: str, count: int, begin: datetime, over: timedelta) -> Iterator[Timer]:
    """Of so many cases, evenly over that time."""
    for number in range(count):
        yield named("bench", series, number), begin + timedelta(milliseconds=int(over * number / count / _MS))


_MS = timedelta(milliseconds=1)


def kept(body: Body, timer: Timer) -> Body:
    """The watch of that case in the index; its state is still that of the one case."""
    key, moment = timer
    return {**body, "_id": key, "shard": partition_of(key, PARTITIONS), "due": moment}


def ready(body: Body, timer: Timer) -> Body:
    """The same with its state: all that was to happen to it is moved by as much as its next timer."""
    key, moment = timer
    own = {"case_id": key, "number": case_number(key)}
    moved: Body = _moved(kept(body, timer) | {"due": body["due"]}, moment - body["due"])
    return {**moved, "state": {**moved["state"], **own}, "ix": {**moved["ix"], "number": own["number"]}}


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, dict):
        return {name: _moved(part, by) for name, part in value.items()}
    return [_moved(part, by) for part in value] if isinstance(value, list) else value


def fill(mongo: str, bodies: Iterable[Body]) -> None:
    """Write them as they are, without waiting for the journal."""
    with MongoClient[Body](mongo) as client:
        collection = client[DATABASE].get_collection(WATCHES.collection, write_concern=WriteConcern(w=1))
        rest = iter(bodies)
        while some := list(islice(rest, AT_ONCE)):
            collection.insert_many(some, ordered=False)
