"""Sla's timers at scale: how late they fire among a million, how fast a restart makes good, and who changes what.

All rounds share one collection of pending watches. Sla runs as whole processes; what it did is read from its topic,
its store and its own stopwatch (`bench.sla`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from pymongo import MongoClient
from rich.console import Console
from rich.table import Table

from bench.overdue import Drained, OverdueTask
from bench.sla import Clocked, SlaTask
from bench.tape import Ends, ends, read_since
from bench.watches import DATABASE, Body, Timer, fill, firing, kept, pattern, ready, timers
from deploy.local.ports import free_port
from deploy.local.readiness import wait_until
from services.sla.store import WATCHES
from shared import topics
from shared.clock import utc_now
from shared.indexes import indexes_of

SLA = "sla.v1"
LATE_P99_MS, ALL_WITHIN_S = 250, 60
WARM_UP, WITHIN_S = 300, 180.0


@dataclass(frozen=True)
class Plan:
    """`seconds` of `per_second` for lateness, half as many while the owner changes; `bare` timers for the ratio."""

    kafka: str
    mongo: str
    directory: Path
    pending: int = 1_000_000
    per_second: int = 500
    seconds: int = 60
    overdue: int = 100_000
    bare: int = 20_000
    profile: Path | None = None


def measure(plan: Plan) -> dict[str, Any]:
    asyncio.run(topics.ensure(plan.kafka))
    body = pattern(plan.mongo)
    loaded = _timed(_load, plan, body)
    print(f"{plan.pending:,} timers are pending after {loaded:.0f} s")
    late = lateness(plan, body)
    print(f"{late['timers']:,} fell due in {plan.seconds} s: late p99 {late['p99_ms']} ms")
    drained = restart(plan, body)
    print(f"{drained['timers']:,} overdue at a restart: all fired after {drained['seconds']} s")
    handed_over = owner_change(plan, body)
    print(f"{handed_over['timers']:,} fell due while the owner changed")
    bare = without_anything(plan, body)
    ratio = drained["per_second"] / bare["per_second"]
    return {
        "what": "sla: due in the index -> decided -> MongoDB (majority, journalled) -> events on Kafka (acks=all)",
        "pending": plan.pending,
        "load_s": round(loaded, 1),
        "lateness": late,
        "restart": drained,
        "owner_change": handed_over,
        "bare": bare,
        "ratio": round(ratio, 3),
        "ratio_of_cpu": round(bare["cpu_ms_per_timer"] / drained["cpu_ms_per_timer"], 3),
        "targets": {
            "never early": late["early"] == 0,
            f"late p99 <= {LATE_P99_MS} ms": late["p99_ms"] <= LATE_P99_MS,
            f"overdue all fired within {ALL_WITHIN_S} s": drained["seconds"] <= ALL_WITHIN_S,
            "in due order": drained["inversions"] == 0,
            "owner change: none lost": handed_over["lost"] == 0,
            "owner change: nothing twice": handed_over["twice"] == 0,
        },
    }


def _timed(work: Any, *arguments: Any) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def _load(plan: Plan, body: Body) -> None:
    """Watches whose time is far, and then the indexes: so it takes half as long."""
    far = timers("pending", plan.pending, utc_now() + timedelta(days=1), timedelta(days=30))
    fill(plan.mongo, (kept(body, timer) for timer in far))
    with MongoClient[Body](plan.mongo) as client:
        client[DATABASE][WATCHES.collection].create_indexes(indexes_of(WATCHES.indexes, WATCHES.unique))


def lateness(plan: Plan, body: Body) -> dict[str, Any]:
    """So many fall due each second: from the due moment to the acknowledged write."""
    count = plan.per_second * plan.seconds
    with _sla(plan, "lateness", profile=plan.profile) as process:
        _warm_up(plan, body, "lateness")
        begin = _soon(count)
        fill(plan.mongo, _ready(body, timers("lateness", count, begin, timedelta(seconds=plan.seconds))))
        assert utc_now() < begin, "the watches were not written before they fell due; try fewer"
        _until_fired(plan, begin + timedelta(seconds=plan.seconds))
    late = sorted(acked - due for due, acked in process.clocked().fired if due >= begin.timestamp() * 1000)
    assert len(late) == count, f"{count} fell due and {len(late)} fired"
    return {
        "timers": count,
        "per_second": plan.per_second,
        "early": sum(ms < 0 for ms in late),
        "p50_ms": late[len(late) // 2],
        "p99_ms": late[len(late) * 99 // 100],
        "max_ms": late[-1],
    }


def restart(plan: Plan, body: Body) -> dict[str, Any]:
    """All fall due while sla is stopped. `seconds` from its start; the rate is that of the firing."""
    now = utc_now()
    fill(plan.mongo, _ready(body, timers("overdue", plan.overdue, now - timedelta(minutes=5), timedelta(minutes=5))))
    before = asyncio.run(ends(plan.kafka, [SLA]))
    began = utc_now()
    with _sla(plan, "restart") as process:
        _until_fired(plan, now)
    clocked = process.clocked()
    acked = [at for _, at in clocked.fired]
    assert len(acked) == plan.overdue, f"{plan.overdue} were overdue and {len(acked)} fired"
    missed = _missed(plan, before)
    firsts = _first_appearances(missed)
    return {
        "timers": plan.overdue,
        "seconds": round(acked[-1] / 1000 - began.timestamp(), 1),
        "per_second": round(len(acked) / max(0.001, (acked[-1] - acked[0]) / 1000)),
        "cpu_ms_per_timer": round(1000 * clocked.cpu_seconds / len(acked), 3),
        "published": len(firsts),
        "records_repeated": len(missed) - len(firsts),
        "inversions": _inversions(firsts),
    }


def owner_change(plan: Plan, body: Body) -> dict[str, Any]:
    """A second replica takes half the shards; then the first is frozen for longer than its session, and comes back."""
    seconds = max(30, plan.seconds // 2)
    count = plan.per_second * seconds
    before = asyncio.run(ends(plan.kafka, [SLA]))
    with _sla(plan, "first") as first:
        _warm_up(plan, body, "change")
        begin = _soon(count)
        fill(plan.mongo, _ready(body, timers("change", count, begin, timedelta(seconds=seconds))))
        with _sla(plan, "second") as second:
            _sleep_until(begin + timedelta(seconds=5))
            with first.frozen():
                _sleep_until(begin + timedelta(seconds=seconds - 5))
            _until_fired(plan, begin + timedelta(seconds=seconds))
    records = [record for record in _missed(plan, before) if _due(record) >= begin]
    told = Counter(key for key, _ in {(record.key, _sequence(record)) for record in records})
    return {
        "timers": count,
        "by_first_and_second": [len(first.clocked().fired) - WARM_UP, len(second.clocked().fired)],
        "lost": count - len(told),
        "twice": told.total() - len(told),
        "records_repeated": len(records) - told.total(),
    }


def without_anything(plan: Plan, body: Body) -> dict[str, Any]:
    """The bare client, on the same collection, with documents and records as large as sla's.

    It knows nothing of what else falls due meanwhile: the next promises of the cases before.
    """
    now = utc_now()
    with MongoClient[Body](plan.mongo) as client:
        client[DATABASE][WATCHES.collection].delete_many(_due_by(now + timedelta(seconds=WITHIN_S)))
    fill(plan.mongo, _ready(body, timers("bare", plan.bare, now - timedelta(minutes=5), timedelta(minutes=5))))
    size, records = firing(body)
    task = OverdueTask(
        kafka=plan.kafka, mongo=plan.mongo, database=DATABASE, collection=WATCHES.collection,
        version=body["v"], document_bytes=size, records=records,
    )  # fmt: skip
    call = [sys.executable, "-m", "bench.overdue", task.model_dump_json()]
    done = subprocess.run(call, stdout=subprocess.PIPE, check=True, timeout=WITHIN_S)
    drained = Drained.model_validate_json(done.stdout.splitlines()[-1])
    assert drained.timers == plan.bare, f"{plan.bare} were overdue and {drained.timers} fired"
    return {
        "timers": drained.timers,
        "per_second": round(drained.timers / drained.seconds),
        "cpu_ms_per_timer": round(1000 * drained.cpu_seconds / drained.timers, 3),
    }


@dataclass(frozen=True, slots=True)
class Process:
    task: SlaTask
    popen: subprocess.Popen[bytes]

    def clocked(self) -> Clocked:
        """Once it has ended."""
        return Clocked.model_validate_json(self.task.fired.read_bytes())

    @contextmanager
    def frozen(self) -> Iterator[None]:
        self.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.popen.send_signal(signal.SIGCONT)


@contextmanager
def _sla(plan: Plan, name: str, *, profile: Path | None = None) -> Iterator[Process]:
    """A process of sla, ended in order at the end."""
    task = SlaTask(
        kafka=plan.kafka, mongo=plan.mongo, port=free_port(), keys=Path(os.devnull),
        fired=plan.directory / f"{name}.json", profile=str(profile or ""),
    )  # fmt: skip
    popen = subprocess.Popen([sys.executable, "-m", "bench.sla", task.model_dump_json()])
    try:
        yield Process(task, popen)
    finally:
        popen.terminate()
        popen.wait(60)


def _warm_up(plan: Plan, body: Body, series: str) -> None:
    """Until it owns its shards and fires."""
    now = utc_now()
    fill(
        plan.mongo, _ready(body, timers(f"{series}-warm-up", WARM_UP, now - timedelta(seconds=1), timedelta(seconds=1)))
    )
    _until_fired(plan, now)


def _soon(count: int) -> datetime:
    """When so many watches are written, with some to spare."""
    return utc_now() + timedelta(seconds=5 + count / 2000)


def _until_fired(plan: Plan, moment: datetime) -> None:
    """Until nothing is in the index that was due by then."""
    _sleep_until(moment)
    query = _due_by(moment)
    with MongoClient[Body](plan.mongo) as client:
        watches = client[DATABASE][WATCHES.collection]
        if not wait_until(lambda: not watches.count_documents(query, limit=1), WITHIN_S):
            sys.exit(f"bench: {watches.count_documents(query)} timers have not fired within {WITHIN_S:.0f} s")


def _due_by(moment: datetime) -> Body:
    return {"shard": {"$gte": 0}, "due": {"$lt": moment}}


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, (moment - utc_now()).total_seconds()))


def _ready(body: Body, some: Iterator[Timer]) -> Iterator[Body]:
    return (ready(body, timer) for timer in some)


def _missed(plan: Plan, before: Ends) -> list[Any]:
    """The misses that were published, of each partition in their order."""
    records = asyncio.run(read_since(plan.kafka, SLA, before))
    return [record for record in records if dict(record.headers)["ce_type"] == b"target.missed"]


def _sequence(record: Any) -> bytes:
    number: bytes = dict(record.headers)["ce_sequence"]
    return number


def _due(record: Any) -> datetime:
    return datetime.fromisoformat(orjson.loads(record.value)["due_at"])


def _first_appearances(records: Sequence[Any]) -> list[Any]:
    """Without the repeats, which have the same number."""
    firsts: dict[tuple[bytes, bytes], Any] = {}
    for record in records:
        firsts.setdefault((record.key, _sequence(record)), record)
    return list(firsts.values())


def _inversions(records: Sequence[Any]) -> int:
    """How often a record lies on its partition behind one that was due later."""
    by_partition: dict[int, list[datetime]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(_due(record))
    return sum(later < earlier for dues in by_partition.values() for earlier, later in pairwise(dues))


def figures(result: dict[str, Any]) -> list[tuple[str, str]]:
    """What was done, and what came of it."""
    late, drained, change, bare = (result[name] for name in ("lateness", "restart", "owner_change", "bare"))
    return [
        (
            f"{late['per_second']} due each second, {late['timers']:,} in all",
            f"late p50 {late['p50_ms']} ms, p99 {late['p99_ms']} ms, at most {late['max_ms']}; {late['early']} early",
        ),
        (
            f"restart with {drained['timers']:,} overdue",
            f"all fired after {drained['seconds']} s, {drained['per_second']:,}/s; {drained['inversions']} inverted",
        ),
        (f"owner change, {change['timers']:,} due", f"lost {change['lost']}, twice {change['twice']}"),
        (f"bare client, {bare['timers']:,} overdue", f"{bare['per_second']:,}/s; ratio {result['ratio']:.2f}"),
    ]


def show(result: dict[str, Any]) -> None:
    table = Table(box=None, header_style="bold")
    for column in (f"sla, {result['pending']:,} timers pending", ""):
        table.add_column(column)
    for row in figures(result):
        table.add_row(*row)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(table)
    for target, met in result["targets"].items():
        console.print(f"{target}: {'met' if met else 'missed'}")
