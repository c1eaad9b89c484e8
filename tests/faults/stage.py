"""Where a row is played: a cluster, a fleet and the books, and what a row may do and measure there."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from demo.pace import FAST_RULES
from demo.told import Told
from services.feedback.store import OUTCOMES
from services.intake.store import CASES
from services.notify.store import CASEFILES
from services.routing.store import TICKETS
from services.sla.store import WATCHES
from shared.errors import plainly
from shared.topics import ensure
from tests.e2e.fresh import applied
from tests.e2e.happened import OURS
from tests.e2e.house import READS, House, Said, at_home
from tests.faults.cluster import Cluster
from tests.faults.crowd import at_work
from tests.faults.fleet import NAMES, Fleet, fleet
from tests.faults.ledger import Books, Verdict, judge, not_applied, open_books
from tests.faults.load import Load, flowing
from tests.faults.pen import Pen, pen

log = logging.getLogger(__name__)
RULES = Path(__file__).with_name("rules")
SHAPES = {"intake": CASES, "routing": TICKETS, "sla": WATCHES, "feedback": OUTCOMES, "notify": CASEFILES}
WARM_UP_CONTACTS = 50
RECOVERS_WITHIN_S = 180.0
QUIET_WITHIN_S = 240.0
APPLIED_WITHIN_S = 60.0
LOOK_S = 0.2
SHORT_RATE = 30.0
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A fault and how it is played.

    `contacts`: at least so many are accepted. `most_behind`: so many may wait to be in a case. `short`: part of the
    short version.
    """

    name: str
    act: Callable[[Stage], Awaitable[None]]
    rate: float = 75.0
    contacts: int = 4000
    contacts_short: int = 200
    over_http: float = 0.3
    most_behind: int = 5000
    short: bool = False
    own_cluster: bool = False
    says: str = ""


@dataclass
class Stage:
    """`chance`: draws moments, victims and volumes. `notes`: measured beside. `broken`: promises of the row's own.

    `injected`: bad records that must be set aside. `lines`: what people were told. `overloaded`: agents above capacity.
    """

    cluster: Cluster
    fleet: Fleet
    house: House
    books: Books
    told: Told
    pen: Pen
    admin: AIOKafkaAdminClient
    mongo: AsyncMongoClient[dict[str, Any]]
    short: bool = False
    chance: Random = field(default_factory=Random)
    load: Load = field(init=False)
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    injected: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    overloaded: set[str] = field(default_factory=set)

    async def begin(self, played: Played, row: Row, number: int) -> int:
        """A clean page for the row; returns how many records are set aside already."""
        self.notes, self.broken, self.injected = played.notes, played.broken, 0
        self.lines, self.overloaded = [], set()
        source = f"faults-{row.name}"
        self.load = Load(
            source, number, self.fleet, self.pen, self.chance, self.scaled(row.rate, min(row.rate, SHORT_RATE)),
            lambda: self.books.contacts[source], row.over_http, int(self.scaled(row.most_behind, row.most_behind / 20)),
        )  # fmt: skip
        self.books.turn_page()
        return await self.contacts_set_aside()

    def scaled(self, full: float, short: float) -> float:
        return short if self.short else full

    def note(self, text: str) -> None:
        self.notes.append(text)

    def must(self, true: bool, otherwise: str) -> None:
        """What the row promises beside its ledger."""
        if not true:
            self.broken.append(otherwise)

    async def lasting(self, seconds: float) -> None:
        """The fault lasts so long: a length, not a waiting for something."""
        await asyncio.sleep(seconds)

    async def at_random(self, most_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(0, most_s))

    async def blocking(self, act: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(act, *args)

    async def until(self, true: Callable[[], Awaitable[bool]], within: float, what: str) -> float:
        """Seconds until it was true. TimeoutError that says what was not."""
        began = time.monotonic()
        while not await true():
            if time.monotonic() - began > within:
                raise TimeoutError(f"{what}: not within {within:g} s")
            await asyncio.sleep(LOOK_S)
        return time.monotonic() - began

    async def recovered(self, within: float = RECOVERS_WITHIN_S) -> float:
        """Seconds from now until all that was accepted until now has had its effects at all five services."""
        began, left = time.monotonic(), list(self.load.accepted)

        async def known_everywhere() -> bool:
            left[:] = self.books.without_effect(left)
            return not left

        try:
            await self.until(known_everywhere, within, "effects of accepted contacts")
        except TimeoutError:
            raise TimeoutError(f"{len(left)} accepted contacts without all effects after {within:g} s") from None
        log.info("all is known everywhere %.1f s after the fault", time.monotonic() - began)
        ends = await self.ends()

        async def all_have_read_it() -> bool:
            return not await self.behind(ends)

        log.info("where all topics end is known after %.1f s", time.monotonic() - began)
        await self.until(all_have_read_it, within, "all services have read what was given out")
        log.info("all services have read that after %.1f s", time.monotonic() - began)
        return time.monotonic() - began

    async def ends(self) -> Mapping[Any, int]:
        """Where each topic that somebody reads ends now."""
        return await self.house.ends(*sorted({topic for reads in READS.values() for topic in reads}))

    async def behind(self, ends: Mapping[Any, int], services: Iterable[str] = NAMES) -> int:
        """Records before these ends that a service has not committed yet, of all services."""
        names = list(services)
        committed = await asyncio.gather(*(applied(self.admin, service) for service in names))
        return sum(
            max(0, end - (offsets or {}).get(place, 0))
            for service, offsets in zip(names, committed, strict=True)
            for place, end in ends.items()
            if place.topic in READS[service]
        )

    async def seen(self, service: str) -> list[Document]:
        """Of every document, what it has applied."""
        collection = self.mongo[f"switchboard_{service}"][SHAPES[service].collection]
        return await collection.find({}, {"seen": 1}).to_list(None)

    async def contacts_set_aside(self) -> int:
        """So far. Work may rightly be refused: an offer that expired while a service was away cannot be accepted."""
        found: int = await self.mongo["switchboard_intake"]["quarantine"].count_documents({"topic": "contacts.v1"})
        return found

    async def above_capacity(self) -> list[str]:
        """Agents who hold more than they can, now."""
        over = {"$expr": {"$gt": [{"$size": "$state.reservations"}, "$state.capacity.total"]}}
        found = self.mongo["switchboard_routing"]["agents"].find(over, {"_id": 1})
        return [f"{agent['_id']} holds more than his places" for agent in await found.to_list(None)]


@asynccontextmanager
async def stage(running: Cluster, directory: Path, short: bool) -> AsyncIterator[Stage]:
    """On a cluster without topics: topics, services, books. All ends with the block, but for the cluster."""
    rules = composed_rules(directory / "rules")
    direct = running.brokers.direct, running.database.direct
    await ensure(running.brokers.direct)
    async with AsyncExitStack() as closing:
        made = closing.enter_context(
            fleet(
                directory, running.brokers.bootstrap, running.database.url,
                direct=direct, rules=rules, note=running.roster.note,
            )
        )  # fmt: skip
        books = await closing.enter_async_context(open_books(direct[0]))
        writer = await closing.enter_async_context(pen(direct[0]))
        mongo = await closing.enter_async_context(AsyncMongoClient[dict[str, Any]](direct[1]))
        admin = AIOKafkaAdminClient(bootstrap_servers=direct[0])
        await admin.start()
        closing.push_async_callback(admin.close)
        await made.ready()
        house = await closing.enter_async_context(at_home(made, NAMES))
        yield Stage(running, made, house, books, Told(made.paths.outbox), writer, admin, mongo, short)


def composed_rules(directory: Path) -> Path:
    """Those of the demo, in which an hour lasts a second, with promises that mostly have hours."""
    for shipped in (FAST_RULES, RULES):
        for file in shipped.rglob("*.yaml"):
            target = directory / file.relative_to(shipped)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.read_text())
    return directory


@dataclass
class Played:
    """What one row came to. `recover_s`: None if that was not seen."""

    name: str
    accepted: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    recover_s: float | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return self.verdict.sound and not self.broken


async def play(on: Stage, row: Row, number: int) -> Played:
    """One row: contacts flow, the fault comes and goes, all is caught up, the books are judged."""
    began, played = time.monotonic(), Played(row.name)
    before = await on.begin(played, row, number)
    try:
        played.recover_s = await _act(on, row, number)
    except Exception as error:  # whatever ends a row must not end the suite
        log.exception("row %s", row.name)
        on.must(False, plainly(error))
    played.accepted = len(on.load.accepted)
    try:
        await on.house.quiet(QUIET_WITHIN_S)
        log.info("row %s: all is at rest", row.name)
        played.verdict = await _judged(on, before)
    except Exception as error:  # the same
        log.exception("books of row %s", row.name)
        on.must(False, f"the books could not be closed: {plainly(error)}")
    played.seconds = time.monotonic() - began
    return played


async def _act(on: Stage, row: Row, number: int) -> float:
    contacts = on.scaled(row.contacts, row.contacts_short)
    async with at_work(on.fleet, on.books, on.pen, on.told, number, int(contacts)) as customers:
        on.told.reader = lambda line: (on.lines.append(dict(line)), customers.take(line))
        async with flowing(on.load), _watched(on):
            await on.load.has_accepted(WARM_UP_CONTACTS)
            log.info("row %s: %d accepted, now the fault", row.name, len(on.load.accepted))
            await row.act(on)
            log.info("row %s: %d accepted, the fault is over", row.name, len(on.load.accepted))
            on.note(f"{len(on.load.accepted) - on.load.arrived()} behind at the end of the fault")
            recover_s = await on.recovered()
            await on.load.has_accepted(int(contacts), within=60 + 3 * contacts / on.load.rate)
        log.info("row %s: %d accepted, no more come", row.name, len(on.load.accepted))
        await on.recovered()
    log.info("row %s: the agents rest", row.name)
    return recover_s


async def _judged(on: Stage, aside_before: int) -> Verdict:
    on.told.read()
    unapplied = await _unapplied(on)
    page = await _whole_page(on)
    verdict = judge(on.books, page, on.lines, on.load.accepted.keys(), unapplied)
    verdict.duplicated += [*on.overloaded, *(f"message {id_} was sent twice" for id_ in on.told.twice())]
    verdict.lost += [f"refused: {refusal}" for refusal in on.load.refused]
    if (aside := await on.contacts_set_aside() - aside_before) != on.injected:
        verdict.lost.append(f"{aside} contacts were set aside, {on.injected} bad ones were injected")
    return verdict


async def _whole_page(on: Stage) -> list[Said]:
    """With all that it rests on: timers give out at any time, and the books may come to a cause after its effect."""
    page, ends = on.books.turn_page(), await on.house.ends(*OURS)

    async def read() -> bool:
        return on.books.has_read(ends)

    await on.until(read, APPLIED_WITHIN_S, "the books have read what was written")
    return page


async def _unapplied(on: Stage) -> list[str]:
    """What was given out by now and is not applied after a while: timers give out at any time."""
    given, reads, left = on.books.given(on.load.accepted), {n: SHAPES[n].reads for n in NAMES}, list[str]()

    async def applied_all() -> bool:
        left[:] = not_applied(given, {name: await on.seen(name) for name in NAMES}, reads)
        return not left

    with suppress(TimeoutError):
        await on.until(applied_all, APPLIED_WITHIN_S, "all is applied")
    return left


@asynccontextmanager
async def _watched(on: Stage) -> AsyncIterator[None]:
    """While the block runs, no agent may be seen above his capacity."""

    async def watch() -> None:
        while True:
            with suppress(PyMongoError):
                on.overloaded |= set(await on.above_capacity())
            await asyncio.sleep(1)

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
