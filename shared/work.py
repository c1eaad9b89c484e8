"""A service at work: from nothing to consuming, what runs beside that, and the way out.

Everything but the HTTP doors is a task that goes on for ever: it does again what a later attempt can mend. Leaving
finishes the batch in hand, commits, leaves the group, and takes less than ten seconds whoever is away.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from faststream.kafka import KafkaBroker

from shared import health, topics
from shared.auditor import Auditor, Published, Waiting
from shared.bus import Bus, TimersGate
from shared.errors import TRANSIENT, plainly
from shared.kafka import LEAVE_WITHIN_S, client_options, consumer_of, group_of, subscribe
from shared.markers import Markers
from shared.offsets import KafkaOffsets
from shared.producer import KafkaProducer
from shared.settings import Settings
from shared.skew import COMPARE_S
from shared.tasks import end_if_told
from shared.telemetry import BatchSpan
from shared.timers import Timers

if TYPE_CHECKING:
    from shared.service import Running, Worker

log = logging.getLogger(__name__)
RETRY_S = 1.0
SWEEP_S = 1.0
OBSERVE_S = 5.0
AUDIT_S = 10.0
REQUESTS_S, BATCH_S, LAST_S = 2, 3.0, 0.7
"""What a stop grants to open requests, to the batch in hand and to each farewell: together less than ten seconds."""


@dataclass(frozen=True, slots=True)
class Outside:
    """How a service at work reaches the broker, and who watches it. The simulation passes its own."""

    subscribe: Callable[..., Any]
    topics_are_there: Callable[[Settings], Awaitable[None]]
    offsets: Callable[[Settings], Any]
    watchers: Callable[[Running], Sequence[Worker]]


@asynccontextmanager
async def at_work(running: Running, producer: Any, outside: Outside | None = None) -> AsyncIterator[None]:
    """Everything beside the HTTP doors runs as tasks; leaving finishes the batch, commits and leaves the group."""
    task = asyncio.create_task(_forever(partial(_consume, running, producer, outside or KAFKA)))
    try:
        yield
    finally:
        running.stopping = running.bus.stopping = True
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await at_most(LAST_S, running.parts.relay.settle(), "what is being published")
        await at_most(LAST_S, producer.stop(), "the producer")


async def at_most(seconds: float, ending: Awaitable[object], what: str) -> None:
    """A broker or a database that is away must not keep a process from leaving."""
    try:
        async with asyncio.timeout(seconds):
            await ending
    except TRANSIENT as error:
        log.warning("leaving without %s: not done within %.1f s (%s)", what, seconds, type(error).__name__)


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
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
        end_if_told()
        await asyncio.sleep(RETRY_S)


async def _consume(running: Running, producer: KafkaProducer, outside: Outside) -> None:
    """From nothing to consuming: store, producer, topics, consumer; then the workers, until cancelled."""
    await running.core.checked_clock.compare()
    await set_up(running)
    sweepers = asyncio.create_task(_beside(running, outside))
    try:
        await producer.start()
        await outside.topics_are_there(running.core.settings)
        await _listen(running, outside)
    finally:
        sweepers.cancel()
        await asyncio.gather(sweepers, return_exceptions=True)


async def set_up(running: Running) -> None:
    """Create all indexes; from then on the doors take writes."""
    for store in running.parts.stores:
        await store.setup()
    await running.quarantine.setup()
    await running.idempotency.setup()
    await running.trail.setup()
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


async def _listen(running: Running, outside: Outside) -> None:
    core = running.core
    middlewares = (BatchSpan,) if core.settings.otlp else ()
    names = sorted({*running.parts.doors, *running.parts.signals})
    running.bus.stopping = False
    broker = outside.subscribe(
        core.settings,
        group_of(core.name),
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
        await _work_until_cancelled(running, outside)
    finally:
        await leave(running.bus, broker)


async def leave(bus: Bus, broker: KafkaBroker) -> None:
    """Finish the batch in hand, then leave the group; for that there is also the time that the batch did not need."""
    bus.stopping, end = True, time.monotonic() + BATCH_S + LEAVE_WITHIN_S
    await at_most(BATCH_S, bus.drain(), "the batch in hand")
    await at_most(end - time.monotonic(), broker.stop(), "the consumer")


def _horizon(running: Running, place: tuple[str, int]) -> Any:
    consumer = running.consumer()
    return consumer.horizon(place, running.ownership.next_offset(place)) if consumer else None


async def _work_until_cancelled(running: Running, outside: Outside) -> None:
    timers = Timers(
        running.parts.timed,
        running.ownership,
        running.parts.after,
        TimersGate(running.bus, running.consumer),
        metrics=running.core.metrics,
        clock=running.core.checked_clock,
    )
    works: list[Worker] = [*timers.workers(), partial(_learn_beginnings, running), *running.parts.workers(running)]
    async with outside.offsets(running.core.settings) as offsets, asyncio.TaskGroup() as group:
        markers = Markers(running.bus, offsets)
        for work in (*works, lambda: markers.look(running.consumer())):
            group.create_task(_forever(work))


async def _learn_beginnings(running: Running) -> None:
    if places := running.ownership.unknown:
        generation = running.ownership.generation
        running.ownership.begins(await running.consumer().applied_before(places), generation)


async def _beside(running: Running, outside: Outside) -> None:
    """What runs with or without a broker: the outbox sweeper, rule reloading, gauges, auditors."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_every(COMPARE_S, running.core.checked_clock.compare))
        group.create_task(_every(SWEEP_S, partial(_sweep, running)))
        group.create_task(_every(SWEEP_S, partial(_heed_stops, running)))
        group.create_task(_every(SWEEP_S, partial(_refresh_rules, running)))
        for watch in outside.watchers(running):
            group.create_task(watch())


def _watchers(running: Running) -> Sequence[Worker]:
    return partial(_every, OBSERVE_S, partial(health.observe, running)), partial(_audit, running)


async def _audit(running: Running) -> None:
    core, parts = running.core, running.parts
    async with _offsets(core.settings) as offsets, asyncio.TaskGroup() as group:
        waiting = Waiting(core.name, parts.doors, parts.stores, clock=core.clock)
        for view in (waiting, Published(parts.readers, offsets)):
            group.create_task(_every(AUDIT_S, Auditor(view, core.metrics).look))


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await work()
        except TRANSIENT as error:
            log.debug("left to the next turn: %s", error)
        except Exception:
            log.exception("a sweeper failed and goes on")
        end_if_told()
        await asyncio.sleep(seconds)


async def _sweep(running: Running) -> None:
    shards = running.ownership.shards or None
    await running.parts.relay.sweep(running.parts.stores, shards)


async def _heed_stops(running: Running) -> None:
    await running.bus.heed_stops(running.consumer())


async def _refresh_rules(running: Running) -> None:
    for rules in running.parts.rules:
        rules.refresh()


def _offsets(settings: Settings) -> KafkaOffsets:
    return KafkaOffsets(client_options(settings))


KAFKA = Outside(subscribe, _until_topics_are_there, _offsets, _watchers)
