"""One durable hop of intake beside a bare client: interleaved rounds on the same broker and database, medians, a ratio.

Both sides are whole processes that find their contacts on the topic; the clock runs from the end of the warm-up to the
last commit. A first round of intake, not counted, shows what it writes and publishes; the bare client does as much.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from bench.contacts import contacts
from bench.laps import Lap, Load, Task
from bench.tape import PARTITIONS, Ends, ends, read_since
from deploy.local.ports import free_port
from shared import topics

HERE = Path(__file__).resolve().parent
TARGET = 0.5
BARE: dict[str, dict[str, Any]] = {
    "bare": {"writes": "inserts"},
    "reading": {"writes": "inserts", "reads": True},
    "looking": {"writes": "missing"},
    "upserting": {"writes": "upserts"},
}
"""The bare sides, and what each of them does."""
TOPIC, OUT = "contacts.v1", ("cases.v1", "customers.v1")
DATABASE = "switchboard_intake"
COLLECTIONS = ("cases", "customers", "timeline")


@dataclass(frozen=True, slots=True)
class Plan:
    kafka: str
    mongo: str
    warm_up: int
    contacts: int

    def task(self, **more: Any) -> Task:
        return Task(kafka=self.kafka, mongo=self.mongo, warm_up=self.warm_up, contacts=self.contacts, **more)


def measure(plan: Plan, rounds: int, profile: Path | None = None) -> dict[str, Any]:
    asyncio.run(topics.ensure(plan.kafka))
    before = asyncio.run(ends(plan.kafka, OUT))
    intake(plan, "probe")
    documents, records = _documents(plan), asyncio.run(_records(plan, before))
    laps: dict[str, list[Lap]] = {side: [] for side in (*BARE, "intake")}
    for number in range(rounds):
        for side, way in BARE.items():
            laps[side].append(bare(plan, f"{side}-{number}", documents, records, way))
        laps["intake"].append(intake(plan, f"round-{number}"))
        print(f"round {number + 1} of {rounds}: " + ", ".join(f"{s} {laps[s][-1].per_second:,.0f}/s" for s in laps))
    if profile is not None:
        intake(plan, "profiled", profile)
        print(f"profile: {profile}")
    _drop(plan, DATABASE)
    return _result(plan, documents, records, laps)


def intake(plan: Plan, series: str, profile: Path | None = None) -> Lap:
    """One round of intake, from empty collections; every contact must be in a case afterwards."""
    _drop(plan, DATABASE)
    asyncio.run(_fill(plan, TOPIC, series))
    lap = _run("bench.intake", plan.task(topic=TOPIC, database=DATABASE, profile=str(profile or "")))
    with MongoClient[dict[str, Any]](plan.mongo) as client:
        found = len(client[DATABASE]["cases"].distinct("ix.contacts", {"ix.contacts": {"$exists": True}}))
    if found != (wanted := plan.warm_up + plan.contacts):
        sys.exit(f"bench: {wanted} contacts were sent and {found} are in cases")
    return lap


def bare(plan: Plan, series: str, documents: dict[str, Load], records: dict[str, Load], way: dict[str, Any]) -> Lap:
    name = f"bench.{series}"
    asyncio.run(_create(plan, [f"{name}.in", *(f"{name}.{topic}" for topic in records)]))
    asyncio.run(_fill(plan, f"{name}.in", series))
    own = {f"{name}.{topic}": load for topic, load in records.items()}
    task = plan.task(topic=f"{name}.in", database="bench", documents=documents, records=own, **way)
    lap = _run("bench.bare", task)
    _drop(plan, "bench")
    return lap


def _run(module: str, task: Task) -> Lap:
    environ = {**os.environ, "BENCH_PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-m", module, task.model_dump_json()],
        env=environ,
        stdout=subprocess.PIPE,
        timeout=600,
        check=True,
    )
    return Lap.model_validate_json(done.stdout.splitlines()[-1])


def _drop(plan: Plan, database: str) -> None:
    with MongoClient[dict[str, Any]](plan.mongo) as client:
        client.drop_database(database)


async def _create(plan: Plan, names: list[str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=plan.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names])
    finally:
        await admin.close()


async def _fill(plan: Plan, topic: str, series: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=plan.kafka, linger_ms=20, max_batch_size=256 * 1024, acks="all")
    await producer.start()
    try:
        lines = contacts(plan.warm_up + plan.contacts, series)
        await asyncio.gather(*[await producer.send(topic, value, key) for key, value in lines])
    finally:
        await producer.stop()


def _documents(plan: Plan) -> dict[str, Load]:
    """By collection, how many documents a contact makes and how large they are."""
    total = plan.warm_up + plan.contacts
    size = [{"$group": {"_id": None, "count": {"$sum": 1}, "bytes": {"$avg": {"$bsonSize": "$$ROOT"}}}}]
    loads = {}
    with MongoClient[dict[str, Any]](plan.mongo) as client:
        for name in COLLECTIONS:
            for found in client[DATABASE][name].aggregate(size):
                loads[name] = Load(per_contact=found["count"] / total, value_bytes=round(found["bytes"]))
    return loads


async def _records(plan: Plan, before: Ends) -> dict[str, Load]:
    """By topic, how many records a contact makes, how large they are, and headers as one of them has them."""
    total = plan.warm_up + plan.contacts
    loads = {}
    for topic in OUT:
        if records := await read_since(plan.kafka, topic, before):
            size = statistics.mean(len(record.value or b"") for record in records)
            headers = [(name, value.decode()) for name, value in records[0].headers]
            loads[topic] = Load(per_contact=len(records) / total, value_bytes=round(size), headers=headers)
    return loads


def _result(
    plan: Plan,
    documents: dict[str, Load],
    records: dict[str, Load],
    laps: dict[str, list[Lap]],
) -> dict[str, Any]:
    sides = {side: _side(some) for side, some in laps.items()}
    rates = {side: figures["contacts_per_second"] for side, figures in sides.items()}
    ratio = rates["intake"] / rates["bare"]
    return {
        "what": "contacts.v1 -> intake -> MongoDB (majority, journalled) -> events on Kafka (acks=all) -> commit",
        "contacts_per_round": plan.contacts,
        "warm_up": plan.warm_up,
        "per_contact": {
            "documents": {name: load.model_dump(exclude={"headers"}) for name, load in documents.items()},
            "records": {name: load.model_dump(exclude={"headers"}) for name, load in records.items()},
        },
        "sides": sides,
        "ratio": round(ratio, 3),
        "ratios": {side: round(rates["intake"] / rates[side], 3) for side in BARE},
        "target": TARGET,
        "met": ratio >= TARGET,
    }


def _side(laps: list[Lap]) -> dict[str, Any]:
    return {
        "contacts_per_second": round(statistics.median(lap.per_second for lap in laps)),
        "cpu_ms_per_contact": round(statistics.median(1000 * lap.cpu_seconds / lap.contacts for lap in laps), 3),
        "rounds": [{**lap.model_dump(), "per_second": round(lap.per_second)} for lap in laps],
    }


def show(result: dict[str, Any]) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("", "contacts/s (median)", "CPU ms per contact", "ratio of intake", "rounds"):
        table.add_column(column, justify="left" if column in ("", "rounds") else "right")
    for row in figures(result):
        rounds = " ".join(f"{lap['per_second']:,}" for lap in result["sides"][row[0]]["rounds"])
        table.add_row(*row, rounds)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(table)
    verdict = "met" if result["met"] else "missed"
    console.print(
        f"ratio {result['ratio']:.2f} of bare, target {result['target']}: {verdict}; the others have no target"
    )


def figures(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """What the page on benchmarks says of it, row by row."""
    ratios = {side: f"{ratio:.2f}" for side, ratio in result["ratios"].items()}
    return [
        (side, f"{one['contacts_per_second']:,}", f"{one['cpu_ms_per_contact']:.2f}", ratios.get(side, ""))
        for side, one in result["sides"].items()
    ]
