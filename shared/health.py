"""Whether a service lives and may be sent work, and the gauges that tell an operator how it is."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.clock import utc_now
from shared.errors import TRANSIENT
from shared.http import Json
from shared.mongo import durable

READY_WITHIN_S = 2.0
OVERDUE_S = 10
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def install(app: FastAPI) -> None:
    """`/livez`: the loop turns. `/readyz`: the store can be written and the clock is right. `/metrics`.

    `notes` of `/readyz`: what keeps no work away but wants mending.
    """

    @app.get("/livez", tags=["health"])
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", tags=["health"])
    async def readyz(request: Request) -> Response:
        reasons = await not_ready(request.app.state.running)
        told = {"status": "waiting" if reasons else "ready", "reasons": reasons}
        return Json({**told, "notes": refused_rules(request.app.state.running)}, 503 if reasons else 200)

    @app.get("/metrics", tags=["health"])
    async def metrics(request: Request) -> Response:
        running = request.app.state.running
        return Response(generate_latest(running.core.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def not_ready(running: Any) -> list[str]:
    """Why no work should be sent here; empty if it may. A broker that is away is no reason: the outbox waits."""
    reasons = list(running.ready.values())
    if running.stopping:
        reasons.append("stopping")
    try:
        await asyncio.wait_for(_write_and_compare(running), READY_WITHIN_S)
    except TRANSIENT as error:
        return [*reasons, f"the store can't be written: {type(error).__name__}"]
    if wrong := running.core.checked_clock.wrong():
        reasons.append(wrong)
    return reasons


def refused_rules(running: Any) -> list[str]:
    """Why changed rules were refused, `file:line: message`; empty while those in force are the newest."""
    return [problem for rules in running.parts.rules for problem in rules.refused]


async def _write_and_compare(running: Any) -> None:
    """Write one small document, and compare the clocks."""
    documents = durable(running.core.database, "health")
    await documents.update_one({"_id": running.core.name}, {"$set": {"at": utc_now()}}, upsert=True)
    await running.core.checked_clock.compare()


async def observe(running: Any) -> None:
    """Set the gauges that are looked up rather than counted, and log what was set aside meanwhile."""
    metrics, stores = running.core.metrics, running.parts.stores
    running.quarantine.tell()
    metrics.rules_refused.set(bool(refused_rules(running)))
    metrics.events_held.set(await _count(stores, {"held.since": {"$exists": True}}))
    metrics.parked_keys.set(await _count(stores, {"parked.since": {"$exists": True}}))
    metrics.outbox_pending.set(await _count(stores, {"pending": {"$exists": True}}))
    metrics.timers_pending.set(await _count(stores, {"shard": {"$gte": 0}, "due": {"$gt": LONG_AGO}}))
    late = utc_now() - timedelta(seconds=OVERDUE_S)
    metrics.timers_overdue.set(await _count(stores, {"shard": {"$gte": 0}, "due": {"$lte": late}}))
    metrics.quarantine_depth.set(await running.quarantine.documents.count_documents({"status": "waiting"}))
    metrics.outbox_oldest_seconds.set(await _oldest(stores, "pending"))
    metrics.gaps_open.set(await _gaps(stores))
    _observe_lag(running)
    if running.parts.observe:
        await running.parts.observe()


async def _count(stores: Any, query: dict[str, Any]) -> int:
    return sum([await store.documents.count_documents(query) for store in stores])


async def _oldest(stores: Any, field: str) -> float:
    ages = [0.0]
    for store in stores:
        found = await store.documents.find(
            {field: {"$exists": True}}, projection={field: 1}, sort=[(field, 1)], limit=1
        ).to_list(None)
        ages += [(utc_now() - body[field]).total_seconds() for body in found]
    return max(ages)


async def _gaps(stores: Any) -> int:
    """Keys not parked, in which a record has waited for more than a minute: what it waits for may never come."""
    old = {"held.since": {"$lte": utc_now() - timedelta(minutes=1)}, "parked": {"$exists": False}}
    return await _count(stores, old)


def _observe_lag(running: Any) -> None:
    """Only of partitions that are read here: of one that was given away the next reader tells."""
    consumer, figures = running.consumer(), running.core.metrics.consumer_lag_records
    figures.clear()
    if consumer is None:
        return
    for place in running.ownership.places:
        lag = consumer.lag(place, running.ownership.next_offset(place))
        if lag is not None:
            figures.labels(*place).set(lag)
