"""One call gives a service its doors, health, metrics, sweepers and a graceful stop.

    if __name__ == "__main__":
        run("routing", Settings, assemble)

`assemble(core) -> Parts` is the service's own wiring; everything else is the same for all.
"""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from shared import health, signin, topics
from shared import settings as settings_module
from shared.access import Keys
from shared.admin import admin_router
from shared.bus import Bus, Door, Signal, nothing_after
from shared.clock import Clock, utc_now
from shared.errors import TRANSIENT, plainly
from shared.events.base import Event
from shared.fold import Change, Outcome
from shared.guarded import ALL_GUARDS, Guards
from shared.http import Grouped, Idempotency, install_problems, unavailable
from shared.kafka import client_options, consumer_of, producer_of, subscribe
from shared.metrics import Metrics
from shared.mongo import connect
from shared.outbox import Producer, Relay
from shared.ownership import Ownership
from shared.producer import KafkaProducer
from shared.quarantine import Quarantine
from shared.rules import Parse, Rules, RulesError
from shared.settings import Settings, SettingsError
from shared.store import Shape, Store
from shared.telemetry import BatchSpan, HttpTelemetry, export_traces, log_to_stderr
from shared.timers import Timed, Timers

log = logging.getLogger(__name__)
T = TypeVar("T", bound=Settings)
S = TypeVar("S", bound=BaseModel)
R = TypeVar("R")
K = TypeVar("K")
RETRY_S = 1.0
SWEEP_S = 1.0
OBSERVE_S = 5.0
VERSION = "0.1.0"


@dataclass(frozen=True)
class Core(Generic[T]):
    """What a service's wiring is given. Tests and the simulation pass their own parts."""

    name: str
    settings: T
    database: Any
    producer: Producer
    metrics: Metrics
    clock: Clock = utc_now
    guards: Guards = ALL_GUARDS
    nonces: Callable[[], str] | None = None

    def relay(self) -> Relay:
        return Relay(self.producer, self.name, metrics=self.metrics, clock=self.clock)

    def store(self, shape: Shape[S], relay: Relay, interpret: Callable[[Event], Change[S]]) -> Store[S]:
        return self.store_of(Store[S], shape, relay, interpret)

    def store_of(
        self, kind: Callable[..., K], shape: Shape[S], relay: Relay, interpret: Callable[[Event], Change[S]]
    ) -> K:
        """A store of a kind of its own."""
        more: dict[str, Any] = {"nonces": self.nonces} if self.nonces else {}
        return kind(
            self.database,
            shape,
            relay,
            interpret,
            metrics=self.metrics,
            clock=self.clock,
            partitions=self.settings.partitions,
            guards=self.guards,
            **more,
        )

    def rules(self, parse: Parse[R]) -> Rules[R]:
        return Rules(self.name, parse, self.settings.rules)


After = Callable[[Sequence[Outcome[Any]]], Awaitable[None]]
Worker = Callable[[], Coroutine[Any, Any, None]]
Grouping = Callable[[Store[Any]], Grouped]


@dataclass(frozen=True)
class Parts:
    """A service's own parts.

    `doors`: by topic. `signals`: topics of mere hints. `keyed`: topics keyed like the documents that own timers.
    `router`: made with a way to submit single writes. `after`: runs between writing and committing, and after HTTP
    writes and timers. `workers`: run for ever.
    `setup`: creates indexes of its own. `observe`: sets the gauges that only this service knows.
    """

    relay: Relay
    stores: tuple[Store[Any], ...]
    doors: Mapping[str, Sequence[Door]]
    keyed: tuple[str, ...] = ()
    signals: Mapping[str, Signal] = field(default_factory=dict)
    router: Callable[["Running"], APIRouter] | None = None
    after: After = nothing_after
    timed: tuple[Timed, ...] = ()
    workers: Callable[["Running"], Sequence[Worker]] = lambda _: ()
    rules: tuple[Rules[Any], ...] = ()
    setup: Callable[[], Awaitable[None]] | None = None
    observe: Callable[[], Awaitable[None]] | None = None


@dataclass
class Running:
    """A service at work: its core, its parts and what the mechanics made of them."""

    core: Core[Any]
    parts: Parts
    ownership: Ownership
    quarantine: Quarantine
    bus: Bus
    idempotency: Idempotency
    groups: dict[int, Grouped] = field(default_factory=dict)
    ready: dict[str, str] = field(default_factory=lambda: {"store": "not set up yet"})
    consumer: Callable[[], Any] = lambda: None
    stopping: bool = False

    def check_writable(self) -> None:
        """Problem 503 before the unique indexes are there: without them a contact could open two cases."""
        if reason := self.ready.get("store"):
            raise unavailable(f"the store is {reason}")

    async def submit(self, store: Store[Any], change: Change[Any]) -> Outcome[Any]:
        """One write of an HTTP door, grouped with its neighbours."""
        self.check_writable()
        if id(store) not in self.groups:
            self.groups[id(store)] = Grouped(store, self.parts.after)
        return await self.groups[id(store)].submit(change)


def build(core: Core[Any], parts: Parts, *, commit_after_write: bool = True) -> Running:
    """The mechanics around a service's parts, not started."""
    ownership = Ownership(parts.keyed)
    quarantine = Quarantine(core.database, core.producer, metrics=core.metrics, clock=core.clock)
    bus = Bus(
        parts.doors,
        quarantine,
        metrics=core.metrics,
        ownership=ownership,
        after=parts.after,
        signals=parts.signals,
        clock=core.clock,
        commit_after_write=commit_after_write,
    )
    return Running(core, parts, ownership, quarantine, bus, Idempotency(core.database))


def application(name: str, settings: T, assemble: Callable[[Core[T]], Parts]) -> FastAPI:
    """The ASGI application of a service; its lifespan connects, starts, drains and stops."""
    metrics = Metrics(name)
    metrics.build_info.labels(VERSION, os.environ.get("SWITCHBOARD_REVISION", "unknown")).set(1)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        client = connect(settings.mongo, settings.mongo_driver)
        producer = producer_of(settings)
        core = Core(name, settings, client[f"switchboard_{name}"], producer, metrics)
        running = build(core, assemble(core))
        app.state.running = running
        if running.parts.router:
            app.include_router(running.parts.router(running))
        app.include_router(admin_router(running))
        _calm_the_collector()
        async with _at_work(running, producer):
            yield
        closed = client.close()
        if closed is not None:
            await closed

    docs = (
        {"docs_url": "/docs", "openapi_url": "/openapi.json"}
        if settings.open_docs
        else {"docs_url": None, "openapi_url": None}
    )
    app = FastAPI(title=f"Switchboard {name}", version=VERSION, redoc_url=None, lifespan=lifespan, **docs)
    app.state.keys = Keys(settings.keys)
    app.add_middleware(HttpTelemetry, metrics=metrics)
    install_problems(app, lambda error: log.error("a request failed", exc_info=error))
    app.include_router(signin.router(app.state.keys))
    health.install(app)
    return app


def _calm_the_collector() -> None:
    """A batch's tens of thousands of objects live until its end; collecting in its midst costs an eighth."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)


@asynccontextmanager
async def _at_work(running: Running, producer: KafkaProducer) -> AsyncIterator[None]:
    """Everything beside the HTTP doors runs as tasks; leaving finishes the batch, commits and leaves the group."""
    tasks = [asyncio.create_task(_forever(step, running)) for step in (partial(_consume, running, producer),)]
    try:
        yield
    finally:
        running.stopping = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await running.parts.relay.settle()
        await producer.stop()


async def _forever(work: Callable[[], Awaitable[None]], running: Running) -> None:
    """Do it again after what a later attempt can mend; say why in one line."""
    said = ""
    while True:
        try:
            await work()
        except TRANSIENT as error:
            line = plainly(error)
            if line != said:
                log.warning("waiting, and trying again every second: %s", line)
            said = line
        except Exception:
            log.exception("a worker failed and goes on")
        _end_if_told()
        await asyncio.sleep(RETRY_S)


def _end_if_told() -> None:
    """A driver may take a cancellation for a broken connection and raise that; it still ends the task."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _consume(running: Running, producer: KafkaProducer) -> None:
    """From nothing to consuming: store, producer, topics, consumer; then the workers, until cancelled."""
    await set_up(running)
    sweepers = asyncio.create_task(_beside(running))
    try:
        await producer.start()
        await _until_topics_are_there(running.core.settings)
        await _listen(running)
    finally:
        sweepers.cancel()
        await asyncio.gather(sweepers, return_exceptions=True)


async def set_up(running: Running) -> None:
    """Create all indexes; from then on the doors take writes."""
    for store in running.parts.stores:
        await store.setup()
    await running.quarantine.setup()
    await running.idempotency.setup()
    if running.parts.setup:
        await running.parts.setup()
    running.ready.pop("store", None)
    log.info("store ready")


async def _until_topics_are_there(settings: Settings) -> None:
    said: list[str] = []
    options = client_options(settings)
    bootstrap = options.pop("bootstrap_servers")
    while problems := await topics.missing(bootstrap, **options):
        if problems != said:
            log.warning("waiting for topics: %s", "; ".join(problems))
        said = problems
        await asyncio.sleep(RETRY_S)


async def _listen(running: Running) -> None:
    core = running.core
    middlewares = (BatchSpan,) if core.settings.otlp else ()
    names = sorted({*running.parts.doors, *running.parts.signals})
    running.bus.stopping = False
    broker = subscribe(
        core.settings,
        f"switchboard.{core.name}",
        names,
        running.bus,
        running.ownership,
        middlewares,
    )
    await broker.start()
    log.info("consuming %s", ", ".join(names))
    running.consumer = lambda: consumer_of(broker)
    running.ownership.horizon = lambda place: _horizon(running, place)
    try:
        await _work_until_cancelled(running)
    finally:
        running.bus.stopping = True
        await running.bus.drain()
        await broker.stop()


def _horizon(running: Running, place: tuple[str, int]) -> Any:
    consumer = running.consumer()
    return consumer.horizon(place, running.ownership.next_offset(place)) if consumer else None


async def _work_until_cancelled(running: Running) -> None:
    timers = Timers(
        running.parts.timed,
        running.ownership,
        running.parts.after,
        metrics=running.core.metrics,
        clock=running.core.clock,
    )
    works: list[Worker] = [timers.run, partial(_learn_beginnings, running), *running.parts.workers(running)]
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(_forever(work, running))


async def _learn_beginnings(running: Running) -> None:
    if places := running.ownership.unknown:
        generation = running.ownership.generation
        running.ownership.begins(await running.consumer().applied_before(places), generation)


async def _beside(running: Running) -> None:
    """What runs with or without a broker: the outbox sweeper, rule reloading, gauges."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_every(SWEEP_S, partial(_sweep, running)))
        group.create_task(_every(SWEEP_S, partial(_refresh_rules, running)))
        group.create_task(_every(OBSERVE_S, partial(health.observe, running)))


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await work()
        except TRANSIENT as error:
            log.debug("left to the next turn: %s", error)
        except Exception:
            log.exception("a sweeper failed and goes on")
        _end_if_told()
        await asyncio.sleep(seconds)


async def _sweep(running: Running) -> None:
    shards = running.ownership.shards or None
    await running.parts.relay.sweep(running.parts.stores, shards)


async def _refresh_rules(running: Running) -> None:
    for rules in running.parts.rules:
        rules.refresh()


def run(name: str, settings: type[T], assemble: Callable[[Core[T]], Parts]) -> None:
    """Run a service until it is told to stop. A wrong setting or rule ends the start with one clear line."""
    try:
        read = settings_module.load(settings)
        log_to_stderr(name, read.log_level)
        export_traces(name, read.otlp)
        app = application(name, read, assemble)
        config = uvicorn.Config(
            app,
            host=read.http_host,
            port=read.http_port,
            loop="uvloop",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(config)
        _assemble_dry(name, read, assemble)
    except SettingsError as error:
        sys.exit(f"{name}: setting {error}")
    except RulesError as error:
        sys.exit(f"{name}: rules: " + "\n".join(error.problems))
    server.run()


def _assemble_dry(name: str, settings: T, assemble: Callable[[Core[T]], Parts]) -> None:
    """Read all rules before the doors open; nothing is connected to."""
    database = connect(settings.mongo)[f"switchboard_{name}"]
    assemble(Core(name, settings, database, producer_of(settings), Metrics(name)))
