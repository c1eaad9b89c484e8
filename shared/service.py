"""One call gives a service its doors, health, metrics, sweepers and a graceful stop.

    if __name__ == "__main__":
        run("routing", Settings, assemble)

`assemble(core) -> Parts` is the service's own wiring; everything else is the same for all. What it then does all the
time is in `shared.work`.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from shared import health, signin
from shared import settings as settings_module
from shared.access import Keys
from shared.admin import admin_router
from shared.admission import Admission
from shared.bus import Bus, Door, Signal, nothing_after
from shared.clock import Clock, utc_now
from shared.collector import calm_the_collector
from shared.events.base import Event
from shared.fold import Change, Outcome
from shared.guarded import ALL_GUARDS, Guards
from shared.http import Grouped, Idempotency, install_problems, unavailable
from shared.kafka import producer_of
from shared.metrics import Metrics
from shared.mongo import connect
from shared.outbox import Producer, Relay
from shared.ownership import Ownership
from shared.quarantine import Quarantine
from shared.rules import Parse, Rules, RulesError
from shared.settings import Settings, SettingsError
from shared.skew import CheckedClock
from shared.stops import Stops
from shared.store import Shape, Store
from shared.telemetry import HttpTelemetry, export_traces, log_to_stderr
from shared.timers import Timed
from shared.trail import Trail
from shared.work import LAST_S, REQUESTS_S, at_most, at_work

log = logging.getLogger(__name__)
T = TypeVar("T", bound=Settings)
S = TypeVar("S", bound=BaseModel)
R = TypeVar("R")
K = TypeVar("K")
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
    steady: Callable[[], float] = time.monotonic
    guards: Guards = ALL_GUARDS
    nonces: Callable[[], str] | None = None

    @cached_property
    def checked_clock(self) -> CheckedClock:
        """The clock that decisions go by."""
        return CheckedClock(self.clock, self.steady, self.database, self.metrics)

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
            clock=self.checked_clock,
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
    `readers`: by topic, the services for which this one watches that they apply it.
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
    readers: Mapping[str, Sequence[str]] = field(default_factory=dict)
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
    trail: Trail
    groups: dict[int, Grouped] = field(default_factory=dict)
    ready: dict[str, str] = field(default_factory=lambda: {"store": "not set up yet"})
    consumer: Callable[[], Any] = lambda: None
    stopping: bool = False

    def check_writable(self) -> None:
        """Problem 503 while the clock is wrong, and before the unique indexes are there: without them a contact
        could open two cases."""
        if reason := self.ready.get("store"):
            raise unavailable(f"the store is {reason}")
        if wrong := self.core.checked_clock.wrong():
            raise unavailable(wrong)

    async def submit(self, store: Store[Any], change: Change[Any]) -> Outcome[Any]:
        """One write of an HTTP door, grouped with its neighbours."""
        self.check_writable()
        if id(store) not in self.groups:
            self.groups[id(store)] = Grouped(store, self.parts.after)
        return await self.groups[id(store)].submit(change)


def build(core: Core[Any], parts: Parts, *, bus_of: type[Bus] = Bus) -> Running:
    """The mechanics around a service's parts, not started."""
    ownership = Ownership(parts.keyed)
    quarantine = Quarantine(core.database, core.producer, metrics=core.metrics, clock=core.clock)
    bus = bus_of(
        parts.doors,
        quarantine,
        Stops(core.database, clock=core.clock),
        metrics=core.metrics,
        ownership=ownership,
        after=parts.after,
        signals=parts.signals,
        clock=core.clock,
    )
    trail = Trail(core.database, clock=core.clock)
    return Running(core, parts, ownership, quarantine, bus, Idempotency(core.database), trail)


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
        calm_the_collector()
        async with at_work(running, producer):
            yield
        if (closed := client.close()) is not None:
            await at_most(LAST_S, closed, "the database")

    docs = (
        {"docs_url": "/docs", "openapi_url": "/openapi.json"}
        if settings.open_docs
        else {"docs_url": None, "openapi_url": None}
    )
    app = FastAPI(title=f"Switchboard {name}", version=VERSION, redoc_url=None, lifespan=lifespan, **docs)
    app.state.keys = Keys(settings.keys)
    app.add_middleware(Admission)
    app.add_middleware(HttpTelemetry, metrics=metrics)
    install_problems(app, lambda error: log.error("a request failed", exc_info=error))
    app.include_router(signin.router(app.state.keys))
    health.install(app)
    return app


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
            timeout_graceful_shutdown=REQUESTS_S,
        )
        server = uvicorn.Server(config)
        _assemble_dry(name, read, assemble)
    except SettingsError as error:
        sys.exit(f"{name}: setting {error}")
    except RulesError as error:
        sys.exit(f"{name}: rules: " + "\n".join(error.problems))
    signal.signal(signal.SIGTERM, _leave)
    server.run()


def _leave(*_: object) -> None:
    """The server raises the signal that stopped it once more, when all is done: an orderly stop is no failure.

    At once: the end of an event loop waits for every task, also for one that a silent database does not let go.
    """
    logging.shutdown()
    os._exit(0)


def _assemble_dry(name: str, settings: T, assemble: Callable[[Core[T]], Parts]) -> None:
    """Read all rules before the doors open; nothing is connected to."""
    database = connect(settings.mongo)[f"switchboard_{name}"]
    assemble(Core(name, settings, database, producer_of(settings), Metrics(name)))
