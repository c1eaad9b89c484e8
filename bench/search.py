"""Search among many cases, similar ones, and how soon a new case is found: intake's own parts on a real database.

The cases are made by intake's own decision and store; their texts are drawn from the keywords of the shipped tree, the
usual ones often and the others rarely (Zipf), each with an order of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from statistics import quantiles
from types import SimpleNamespace
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.watches import _Answering, _nothing_waits
from services.intake.change import contact_change
from services.intake.customers import CUSTOMERS, Customers
from services.intake.domain import query
from services.intake.domain.approve import Approved
from services.intake.domain.case import Case
from services.intake.domain.query import Cursor
from services.intake.domain.rules import Rules
from services.intake.domain.tokens import asked
from services.intake.help import KNOWLEDGE, Helper, Knowledge
from services.intake.indexer import POSITION, Indexer
from services.intake.listing import Filters, Listing
from services.intake.search import Search
from services.intake.store import CASES, Cases
from shared.clock import utc_now
from shared.document import Document
from shared.events.contacts import Contact
from shared.ids import case_number, named, partition_of
from shared.metrics import Metrics
from shared.mongo import connect
from shared.outbox import Relay
from shared.rules import load
from shared.store import Store

DATABASE = "switchboard_bench"
FIND_MS, HELP_MS, FOUND_S = 100, 20, 1
TRIES = 200
AT_ONCE = 1_000
APART = timedelta(minutes=3)
Timed = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Plan:
    mongo: str
    cases: int = 100_000
    tries: int = TRIES


def measure(plan: Plan) -> dict[str, Any]:
    return asyncio.run(_measured(plan))


async def _measured(plan: Plan) -> dict[str, Any]:
    intake = Intake(plan.mongo)
    await intake.setup()
    chance, texts = Random(20261126), Texts(intake.rules)
    loaded = await _timed(lambda: intake.fill(plan.cases, texts, chance))
    print(f"{plan.cases:,} cases after {loaded:.0f} s", flush=True)
    indexed = await _timed(intake.index_anew)
    print(f"all in the index after {indexed:.0f} s", flush=True)
    finding = {name: await _figures(some) for name, some in intake.searches(plan.tries, texts, chance).items()}
    helping = await _figures(await intake.look_ups(plan.tries, chance))
    fresh = await intake.found_after(20)
    await intake.close()
    return {
        "what": "intake: found by words, filters and likeness among many cases; p50 and p99 of single requests, in ms",
        "cases": plan.cases,
        "index_anew_s": round(indexed, 1),
        "find": finding,
        "similar": helping,
        "found_after_s": fresh,
        "met": _met(finding, helping, fresh),
    }


def _met(finding: dict[str, Any], helping: dict[str, Any], fresh: float) -> bool:
    return all(one["p99"] <= FIND_MS for one in finding.values()) and helping["p99"] <= HELP_MS and fresh <= FOUND_S


async def _timed(work: Timed) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _figures(works: Sequence[Timed]) -> dict[str, Any]:
    taken = [1_000 * await _timed(work) for work in works]
    p = quantiles(taken, n=100, method="inclusive")
    return {"tries": len(taken), "p50": round(p[49], 1), "p99": round(p[98], 1)}


class Texts:
    """What customers say here: some of the tree's keywords, of those that can be searched for, and an order."""

    def __init__(self, rules: Rules) -> None:
        keywords = (word.rstrip("*") for leaf in rules.categories.leaves for word in leaf.keywords if "+" not in word)
        self._keywords = [word for word in keywords if asked(word)]
        Random(1).shuffle(self._keywords)
        self._zipf = [1 / rank for rank in range(1, len(self._keywords) + 1)]

    def text(self, chance: Random, number: int) -> str:
        phrases = chance.choices(self._keywords, self._zipf, k=chance.randint(3, 8))
        return f"{'，'.join(phrases)}，订单 A2026-{number:07d}"

    def words(self, chance: Random, count: int) -> str:
        """As often asked for as said."""
        return " ".join(chance.choices(self._keywords, self._zipf, k=count))

    @property
    def usual(self) -> list[str]:
        return self._keywords[:12]


class Intake:
    """Intake's stores and finders without a broker."""

    def __init__(self, mongo: str) -> None:
        self.rules = load("intake", Rules.parse, None)
        self._client: Any = connect(mongo)
        database, metrics = self._client[DATABASE], Metrics("bench")
        nothing_waits: Any = _nothing_waits
        relay = Relay(_Answering(), "bench", metrics=metrics)
        self.cases = Cases(database, CASES, relay, nothing_waits, metrics=metrics)
        self.cases.customers = Customers(database, CUSTOMERS, relay, nothing_waits, metrics=metrics)
        self.cases.rules = self.cases.customers.rules = lambda: self.rules  # type: ignore[assignment]
        approved: Store[Approved] = Store(database, KNOWLEDGE, relay, nothing_waits, metrics=metrics)
        self.search = Search(database)
        knowledge = Knowledge(approved, self.cases.rules)
        self.helper = Helper(self.cases, self.search, knowledge, self.cases.rules)
        self.listing = Listing(self.cases, self.search)
        owner: Any = SimpleNamespace(shards=frozenset({0}))
        self.indexer = Indexer(database, self.cases, self.search, owner)
        self._positions = database["positions"]
        self.known: list[Case] = []

    async def setup(self) -> None:
        await self._client.drop_database(DATABASE)
        for part in (self.cases, self.cases.customers, self.search):
            await part.setup()

    async def close(self) -> None:
        await self._client.drop_database(DATABASE)
        await self._client.close()

    async def fill(self, count: int, texts: Texts, chance: Random) -> None:
        pattern = (await self.cases.preview(_change("pattern", "退款没到账", self.rules))).state
        assert pattern is not None
        now = utc_now()
        for start in range(0, count, AT_ONCE):
            some = [self._case(pattern, n, texts, chance) for n in range(start, min(count, start + AT_ONCE))]
            some = [case.changed(opened_at=now - n * APART) for n, case in enumerate(some, start)]
            await self.cases.documents.insert_many([self._body(case) for case in some], ordered=False)
            self.known += chance.sample(some, 20)

    def _case(self, pattern: Case, number: int, texts: Texts, chance: Random) -> Case:
        id_ = named("case", "bench", number)
        closed = chance.random() < 0.9
        return pattern.changed(
            case_id=id_,
            number=case_number(id_),
            contacts=(pattern.contacts[0].model_copy(update={"id": id_}),),
            customer_id=named("customer", "bench", number // 3),
            category=chance.choice(self.rules.categories.leaves).path,
            priority=chance.choices(("P0", "P1", "P2", "P3"), (1, 9, 60, 30))[0],
            status="closed" if closed else chance.choice(("queued", "assigned", "in_progress", "waiting_customer")),
            resolution="已处理完毕" if closed else None,
            text=texts.text(chance, number),
            summary="",
            open_conversations=(),
            claims=(),
        )

    def _body(self, case: Case) -> dict[str, Any]:
        shard = partition_of(case.case_id, self.cases.partitions)
        return self.cases._body(Document(case.case_id, shard, state=case), "bench")

    async def index_anew(self) -> None:
        """Until a position is kept, which is when all cases are in the index."""
        await self._while_it_indexes(self._until_placed)

    async def _until_placed(self) -> None:
        await _until(lambda: self._positions.find_one({"_id": POSITION}), 0.05)

    async def _while_it_indexes(self, work: Timed) -> Any:
        running = asyncio.create_task(self.indexer.run())
        try:
            return await work()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def searches(self, tries: int, texts: Texts, chance: Random) -> dict[str, list[Timed]]:
        def many(make: Callable[[], tuple[Filters, str]]) -> list[Timed]:
            return [_bound(self._find, *make()) for _ in range(tries)]

        def one() -> Case:
            return chance.choice(self.known)

        def page() -> Filters:
            return Filters(after=Cursor(one().opened_at, one().number))

        return {
            "nothing, the newest": many(lambda: (Filters(), "")),
            "one word": many(lambda: (Filters(), texts.words(chance, 1))),
            "two words": many(lambda: (Filters(), texts.words(chance, 2))),
            "two usual words": many(lambda: (Filters(), " ".join(chance.sample(texts.usual, 2)))),
            "a word, P0 and open": many(lambda: (Filters(priority="P0", status="queued"), texts.words(chance, 1))),
            "a word, a later page": many(lambda: (page(), texts.words(chance, 1))),
            "an order": many(lambda: (Filters(), f"A2026-{chance.randrange(10**7):07d}")),
            "a number": many(lambda: (Filters(), one().number)),
            "a category": many(lambda: (Filters(category=" / ".join(one().category)), "")),
            "a status": many(lambda: (Filters(status=one().status, priority=one().priority), "")),
            "a customer": many(lambda: (Filters(customers=(one().customer_id,)), "")),
        }

    async def _find(self, filters: Filters, q: str) -> list[Case]:
        return await self.listing.find(filters, query.read(q, self.rules) if q else None, 51)

    async def look_ups(self, tries: int, chance: Random) -> list[Timed]:
        await self.search.frequencies()
        return [_bound(self.helper.found, case) for case in chance.choices(self.known, k=tries)]

    async def found_after(self, count: int) -> float:
        """The longest of some, in seconds: from the answer to a new contact to the search that shows its case."""
        waits: list[float] = await self._while_it_indexes(_bound(self._waits, count))
        return round(max(waits), 2)

    async def _waits(self, count: int) -> list[float]:
        return [await _timed(_bound(self._until_found, f"ZX{n:06d}-{n}")) for n in range(count)]

    async def _until_found(self, order: str) -> None:
        await self.cases.apply([_change(order, f"订单 {order} 退款没到账", self.rules)])
        await _until(lambda: self._find(Filters(), order), 0.01)


async def _until(look: Timed, every_s: float) -> None:
    while True:
        if await look():
            return
        await asyncio.sleep(every_s)


def _bound(work: Callable[..., Awaitable[Any]], *arguments: Any) -> Timed:
    return lambda: work(*arguments)


def _change(id_: str, text: str, rules: Rules) -> Any:
    return contact_change(Contact(source="bench", id=id_, channel="web", text=text), rules)


def rows(result: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What was measured, what came of it, and the target."""
    for name, one in result["find"].items():
        yield f"found by {name}", f"p50 {one['p50']} ms, p99 {one['p99']} ms", f"p99 {FIND_MS} ms"
    one = result["similar"]
    yield "similar cases and knowledge", f"p50 {one['p50']} ms, p99 {one['p99']} ms", f"p99 {HELP_MS} ms"
    yield "a new case is found after", f"{result['found_after_s']} s", f"about {FOUND_S} s"
    yield "all cases drawn anew", f"{result['index_anew_s']} s", ""


def show(result: dict[str, Any]) -> None:
    table = Table("", "measured", "target", title=f"Search among {result['cases']:,} cases")
    for row in rows(result):
        table.add_row(*row)
    Console().print(table)
