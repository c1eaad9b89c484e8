"""The benchmarks: one durable hop of intake, and sla's timers at scale, each beside a bare client in the same run.

    python -m bench [hop] [timers] [--contacts 5000] [--rounds 5] [--pending 1000000] [--profile FILE]

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

from bench import hop, timers, watches
from bench.machine import machine
from deploy.local.errors import LocalStackError
from deploy.local.stack import running_stack

HERE = Path(__file__).resolve().parent
ALL = ("hop", "timers")


def main() -> int:
    arguments = _arguments()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics are young: leaders are still being told
    results = orjson.loads(arguments.out.read_bytes()) if arguments.out.exists() else {}
    try:
        with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as directory, _stores(directory) as stores:
            for name in arguments.what or ALL:
                results[name] = _measured(name, arguments, Path(directory), *stores)
    except LocalStackError as error:
        sys.exit(f"bench: {error}")
    arguments.out.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    return 0


def _measured(name: str, arguments: argparse.Namespace, directory: Path, kafka: str, mongo: str) -> dict[str, Any]:
    at, where = datetime.now(UTC).isoformat(timespec="seconds"), machine(mongo)
    if name == "hop":
        plan = hop.Plan(kafka, mongo, arguments.warm_up, arguments.contacts)
        result = hop.measure(plan, arguments.rounds, arguments.profile)
        hop.show(result)
    else:
        given = {name: getattr(arguments, name) for name in ("pending", "per_second", "seconds", "overdue", "profile")}
        result = timers.measure(timers.Plan(kafka, mongo, directory, **given))
        timers.show(result)
    return {"at": at, "machine": where, **result}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", nargs="*", metavar="hop|timers", help="which of them; both if none is named")
    parser.add_argument("--contacts", type=int, default=5000, help="measured per round of the hop")
    parser.add_argument("--warm-up", type=int, default=2000, help="before the clock of a round starts")
    parser.add_argument("--rounds", type=int, default=5, help="of the hop")
    parser.add_argument("--pending", type=int, default=timers.Plan.pending, help="timers whose time is far")
    parser.add_argument("--per-second", type=int, default=timers.Plan.per_second, help="timers that fall due")
    parser.add_argument("--seconds", type=int, default=timers.Plan.seconds, help="for how long")
    parser.add_argument("--overdue", type=int, default=timers.Plan.overdue, help="timers at the restart")
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
