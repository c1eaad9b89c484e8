"""A small service with the real store and the real operator doors, and a way to let it read records."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from cli.main import app
from deploy.local.local_keys import add
from deploy.local.ports import free_port
from shared.access import Keys
from shared.admin import admin_router
from shared.bus import Door
from shared.clock import utc_now
from shared.codec import Inbound
from shared.decisions import Decision
from shared.doors import Handlers
from shared.events.base import Event
from shared.fold import Change
from shared.http import install_problems
from shared.metrics import Metrics
from shared.mongo import connect
from shared.outbox import Publication
from shared.service import Core, Parts, Running, build
from shared.settings import Settings
from shared.store import Shape
from tests.unit.shared.tally import Added, Raw, Tally, fail, refuse
from tests.unit.shared.tally import add as add_to

T = TypeVar("T")
OUTSIDE, OURS = "numbers.v1", "names.v1"


class Acknowledging:
    """A producer whose broker takes everything."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None]] = []

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        self.sent += [(record.topic, record.value) for record in records]
        return ()


@dataclass
class Trouble:
    """What is wrong with the service's rules and code, until somebody mends it."""

    refuses: bool = False
    breaks: bool = False


@dataclass
class AllOf:
    """A consumer that owns whatever it is asked about; remembers what was paused."""

    places: set[tuple[str, int]]
    paused: set[tuple[str, int]] = field(default_factory=set)

    async def commit(self, offsets: Any) -> None: ...

    def assignment(self) -> set[tuple[str, int]]:
        return self.places

    def seek(self, place: tuple[str, int], offset: int) -> None: ...

    def pause(self, places: Any) -> None:
        self.paused |= set(places)

    def resume(self, places: Any) -> None:
        self.paused -= set(places)


def decided(trouble: Trouble, data: Added) -> Callable[[Tally | None, Any], Decision[Tally]]:
    def decide(state: Tally | None, now: Any) -> Decision[Tally]:
        if trouble.breaks and data.broken:
            return fail(state, now)
        if trouble.refuses and data.wrong:
            return refuse(state, now)
        return add_to(state, now, n=data.n)

    return decide


class Service:
    """Runs in a thread of its own, as a service runs in a process of its own."""

    def __init__(self, mongo: str, database: str, keys: Path, port: int) -> None:
        self.trouble, self.consumer = Trouble(), AllOf({(OUTSIDE, 0), (OURS, 0)})
        self.later = timedelta()
        self.address = f"http://127.0.0.1:{port}"
        self._mongo, self._database, self._keys = mongo, database, keys
        self._server = uvicorn.Server(uvicorn.Config(self._app(), host="127.0.0.1", port=port, log_config=None))
        self._thread = threading.Thread(target=self._server.run)
        self._ready = threading.Event()
        self.running: Running
        self._loop: asyncio.AbstractEventLoop

    def _app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            self._loop = asyncio.get_running_loop()
            client = connect(self._mongo)
            settings: Any = Settings.model_construct(partitions=12, rules=None)
            core: Core[Any] = Core(
                "intake",
                settings,
                client[self._database],
                Acknowledging(),
                Metrics("intake"),
                clock=lambda: utc_now() + self.later,
            )
            self.running = build(core, self._parts(core))
            self.running.consumer = lambda: self.consumer
            self.running.ownership.assign(self.consumer.places)
            await self.running.quarantine.setup()
            app.include_router(admin_router(self.running))
            self._ready.set()
            yield
            await client.close()

        app = FastAPI(lifespan=lifespan)
        app.state.keys = Keys(self._keys)
        install_problems(app, lambda _: None)
        return app

    def _parts(self, core: Core[Any]) -> Parts:
        relay = core.relay()
        on: Handlers[Tally] = Handlers(core.metrics)
        on.ours(Added, lambda data, _: decided(self.trouble, data))
        outside: Handlers[Tally] = Handlers(core.metrics)
        outside.outsiders(
            Added.TYPE, Added, lambda data, _: decided(self.trouble, data), key=lambda _: "k", once=lambda _: ""
        )
        shape = Shape("tallies", Tally, reads=frozenset({OURS}))
        store = core.store(shape, relay, on)

        def from_outside(event: Event) -> Change[Tally]:
            change = outside(event)
            change.key = event.subject
            return change

        inbound = Inbound(frozenset({Added.TYPE}), default=Added.TYPE)
        return Parts(relay, (store,), {OUTSIDE: [Door(store, from_outside, inbound)], OURS: [Door(store, on)]})

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(20)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def reads(self, *records: Raw) -> None:
        self.do(self.running.bus.process(records, self.consumer))

    def total(self, key: str) -> int:
        state = self.do(self.running.parts.stores[0].get(key))
        return state.total if state else 0

    def audit(self) -> list[tuple[str, str, str]]:
        async def lines() -> list[tuple[str, str, str]]:
            found = await self.running.trail.lines.find({}, sort=[("_id", 1)]).to_list(None)
            return [(line["by"], line["did"], line["what"]) for line in found]

        return self.do(lines())


@pytest.fixture
def service(mongo: str, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    keys = tmp_path / "keys.yaml"
    key = add(keys, "olga", "supervisor", None)
    service = Service(mongo, database, keys, free_port(0))
    monkeypatch.setenv("INTAKE_URL", service.address)
    monkeypatch.setenv("SWITCHBOARD_KEY", key)
    service.start()
    yield service
    service.stop()


Run = Callable[..., Result]


@pytest.fixture
def run(service: Service) -> Run:
    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--service", "intake"])

    return invoke
