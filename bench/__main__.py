"""The benchmarks: a durable hop and timers, each beside a bare client in the same run, search among many cases,
and how well and how fast contacts are understood, where SWITCHBOARD_REAL_DATA names real ones.

    python -m bench [hop] [timers] [search] [understanding] [--contacts 5000] [--rounds 5] [--profile FILE]

Prints tables with targets and leaves all figures in results.json; what is not measured keeps its last figures there.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pymongo import MongoClient

from bench import hop, search, timers, understanding, watches
from bench.machine import machine
from deploy.local.errors import LocalStackError
from deploy.local.stack import running_stack

HERE = Path(__file__).resolve().parent
STORED = ("hop", "timers", "search")
"""Those that need a broker or a database."""
ALL = (*STORED, "understanding")


def main() -> int:
    arguments = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: leaders are still being told
    results = orjson.loads(arguments.out.read_bytes()) if arguments.out.exists() else {}
    if "understanding" in arguments.what or (not arguments.what and understanding.data()):
        results["understanding"] = _understood()
    if stored := [name for name in arguments.what or STORED if name in STORED]:
        results |= _in_stores(stored, arguments)
    arguments.out.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    return 0


def _understood() -> dict[str, Any]:
    where = understanding.data()
    if where is None:
        sys.exit("bench: SWITCHBOARD_REAL_DATA names no directory with bank_examples.csv; see bench/understanding.py")
    at, there = datetime.now(UTC).isoformat(timespec="seconds"), machine()
    result = understanding.measure(where)
    understanding.show(result)
    return {"at": at, "machine": there, **result}


def _in_stores(names: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    try:
        with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as directory, _stores(directory) as stores:
            return {name: _measured(name, arguments, Path(directory), *stores) for name in names}
    except LocalStackError as error:
        sys.exit(f"bench: {error}")


def _measured(name: str, arguments: argparse.Namespace, directory: Path, kafka: str, mongo: str) -> dict[str, Any]:
    at, where = datetime.now(UTC).isoformat(timespec="seconds"), machine(mongo)
    if name == "hop":
        plan = hop.Plan(kafka, mongo, arguments.warm_up, arguments.contacts)
        result = hop.measure(plan, arguments.rounds, arguments.profile)
        hop.show(result)
    elif name == "search":
        result = search.measure(search.Plan(mongo, arguments.cases))
        search.show(result)
    else:
        given = {name: getattr(arguments, name) for name in ("pending", "per_second", "seconds", "overdue", "profile")}
        result = timers.measure(timers.Plan(kafka, mongo, directory, **given))
        timers.show(result)
    return {"at": at, "machine": where, **result}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", nargs="*", metavar="|".join(ALL), help="which of them; all if none is named")
    parser.add_argument("--contacts", type=int, default=5000, help="measured per round of the hop")
    parser.add_argument("--warm-up", type=int, default=2000, help="before the clock of a round starts")
    parser.add_argument("--rounds", type=int, default=5, help="of the hop")
    parser.add_argument("--pending", type=int, default=timers.Plan.pending, help="timers whose time is far")
    parser.add_argument("--per-second", type=int, default=timers.Plan.per_second, help="timers that fall due")
    parser.add_argument("--seconds", type=int, default=timers.Plan.seconds, help="for how long")
    parser.add_argument("--overdue", type=int, default=timers.Plan.overdue, help="timers at the restart")
    parser.add_argument("--cases", type=int, default=search.Plan.cases, help="among which is searched")
    parser.add_argument("--profile", type=Path, help="profile one more round of the hop, or the timers' lateness")
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    arguments = parser.parse_args()
    if unknown := set(arguments.what) - set(ALL):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {' and '.join(ALL)}")
    return arguments


@contextmanager
def _stores(directory: str) -> Iterator[tuple[str, str]]:
    """Addresses from the environment if they hold nothing of a service yet, else a broker and a database of its own."""
    with running_stack(directory=Path(directory), names=()) as stack:
        kafka, mongo = stack.env["SWITCHBOARD_KAFKA"], stack.env["SWITCHBOARD_MONGO"]
        with MongoClient[dict[str, Any]](mongo) as client:
            if there := {hop.DATABASE, watches.DATABASE} & set(client.list_database_names()):
                sys.exit(f"bench: {mongo} holds {', '.join(there)} already; the benchmark needs stores of its own")
        yield kafka, mongo


if __name__ == "__main__":
    sys.exit(main())
