"""One durable hop of intake beside a bare client: interleaved rounds on the same broker and database, medians, a ratio.

    python -m bench [--contacts 5000] [--rounds 5] [--profile FILE]

Both sides are whole processes that find their contacts on the topic; the clock runs from the end of the warm-up to the
last commit. A first round of intake, not counted, shows what it writes and publishes; the bare client does as much.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from bench.contacts import contacts
from bench.laps import Lap, Load, Task
from bench.machine import machine
from deploy.local.errors import LocalStackError
from deploy.local.ports import free_port
from deploy.local.stack import running_stack
from shared import topics

HERE = Path(__file__).resolve().parent
TARGET = 0.5
BARE = {"bare": "inserts", "looking": "missing", "upserting": "upserts"}
"""The bare sides, and how each of them writes."""
TOPIC, OUT = "contacts.v1", ("cases.v1", "customers.v1")
DATABASE = "switchboard_intake"
COLLECTIONS = ("cases", "customers", "timeline")
PARTITIONS = 12
Ends = dict[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class Plan:
    kafka: str
    mongo: str
    warm_up: int
    contacts: int

    def task(self, **more: Any) -> Task:
        return Task(kafka=self.kafka, mongo=self.mongo, warm_up=self.warm_up, contacts=self.contacts, **more)


def main() -> int:
    arguments = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: leaders are still being told
    try:
        with _stores() as (kafka, mongo):
            plan = Plan(kafka, mongo, arguments.warm_up, arguments.contacts)
            result = measure(plan, arguments.rounds, arguments.profile)
    except LocalStackError as error:
        sys.exit(f"bench: {error}")
    arguments.out.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    show(result)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--contacts", type=int, default=5000, help="measured per round")
    parser.add_argument("--warm-up", type=int, default=2000, help="before the clock starts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", type=Path, help="profile one more round of intake into this file")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    return parser.parse_args()


@contextmanager
def _stores() -> Iterator[tuple[str, str]]:
    """Addresses from the environment if they hold nothing of a service yet, else a broker and a database of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="switchboard-bench-") as directory,
        running_stack(directory=Path(directory), names=()) as stack,
    ):
        kafka, mongo = stack.env["SWITCHBOARD_KAFKA"], stack.env["SWITCHBOARD_MONGO"]
        with MongoClient[dict[str, Any]](mongo) as client:
            if DATABASE in client.list_database_names():
                sys.exit(f"bench: {mongo} holds {DATABASE} already; the benchmark needs stores of its own")
        yield kafka, mongo


def measure(plan: Plan, rounds: int, profile: Path | None = None) -> dict[str, Any]:
    where = machine(plan.mongo)
    asyncio.run(topics.ensure(plan.kafka))
    before = asyncio.run(_ends(plan))
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
    return _result(plan, where, documents, records, laps)


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


def bare(plan: Plan, series: str, documents: dict[str, Load], records: dict[str, Load], way: str) -> Lap:
    name = f"bench.{series}"
    asyncio.run(_create(plan, [f"{name}.in", *(f"{name}.{topic}" for topic in records)]))
    asyncio.run(_fill(plan, f"{name}.in", series))
    own = {f"{name}.{topic}": load for topic, load in records.items()}
    task = plan.task(topic=f"{name}.in", database="bench", documents=documents, records=own, writes=way)
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
        if records := await _read_all(plan, topic, before):
            size = statistics.mean(len(record.value or b"") for record in records)
            headers = [(name, value.decode()) for name, value in records[0].headers]
            loads[topic] = Load(per_contact=len(records) / total, value_bytes=round(size), headers=headers)
    return loads


async def _ends(plan: Plan) -> Ends:
    consumer = AIOKafkaConsumer(bootstrap_servers=plan.kafka)
    await consumer.start()
    try:
        return dict(await consumer.end_offsets([TopicPartition(topic, n) for topic in OUT for n in range(PARTITIONS)]))
    finally:
        await consumer.stop()


async def _read_all(plan: Plan, topic: str, before: Ends) -> list[Any]:
    """What was written to a topic since then."""
    ends = await _ends(plan)
    consumer = AIOKafkaConsumer(bootstrap_servers=plan.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [place for place in ends if place.topic == topic]
        consumer.assign(places)
        for place in places:
            consumer.seek(place, before[place])
        left = sum(ends[place] - before[place] for place in places)
        records: list[Any] = []
        while len(records) < left:
            records += [record for some in (await consumer.getmany(timeout_ms=500)).values() for record in some]
        return records
    finally:
        await consumer.stop()


def _result(
    plan: Plan,
    where: dict[str, Any],
    documents: dict[str, Load],
    records: dict[str, Load],
    laps: dict[str, list[Lap]],
) -> dict[str, Any]:
    sides = {side: _side(some) for side, some in laps.items()}
    rates = {side: figures["contacts_per_second"] for side, figures in sides.items()}
    ratio = rates["intake"] / rates["bare"]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "what": "contacts.v1 -> intake -> MongoDB (majority, journalled) -> events on Kafka (acks=all) -> commit",
        "machine": where,
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
    for column in ("", "contacts/s (median)", "CPU ms per contact", "rounds"):
        table.add_column(column, justify="left" if column in ("", "rounds") else "right")
    for side, found in result["sides"].items():
        rounds = " ".join(f"{lap['per_second']:,}" for lap in found["rounds"])
        table.add_row(side, f"{found['contacts_per_second']:,}", f"{found['cpu_ms_per_contact']:.3f}", rounds)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(table)
    verdict = "met" if result["met"] else "missed"
    ratios, target = result["ratios"], f"target {result['target']}: {verdict}"
    console.print(f"ratio {ratios['bare']:.2f} of the bare client (inserts), {target}")
    console.print(f"ratio {ratios['looking']:.2f} of one that looks and inserts what is missing, no target")
    console.print(f"ratio {ratios['upserting']:.2f} of one that looks and upserts, no target")


if __name__ == "__main__":
    sys.exit(main())
