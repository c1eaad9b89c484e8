"""The fault suite: real processes, real faults, and an exact ledger.

    python -m tests.faults [--row NAME,... | --again] [--short] [--seed N] [--directory DIR]

`--again` plays what did not pass in the last whole run, and puts it in its place there, saying so.
Exit code 0 only if no row has lost, duplicated or inverted anything.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from bench.machine import machine
from deploy.local.errors import LocalStackError
from deploy.local.paths import run_dir
from tests.faults import table
from tests.faults.cluster import Cluster, cluster
from tests.faults.rows import all_rows
from tests.faults.stage import Played, Row, play, stage

INTERRUPTED = 130


def main() -> int:
    rows, given = all_rows(), _arguments()
    named = given.row.split(",") if given.row else []
    if unknown := set(named) - set(rows):
        print(f"there is no row {', '.join(unknown)}; there are: {', '.join(rows)}", file=sys.stderr)
        return 2
    if given.again and not (named := table.not_passed()):
        print(f"no row of a whole run in {table.RESULTS.name} is left to be played again", file=sys.stderr)
        return 0
    wanted = [rows[name] for name in named] or [row for row in rows.values() if row.short or not given.short]
    shutil.rmtree(given.directory, ignore_errors=True)
    given.directory.mkdir(parents=True)
    logging.basicConfig(filename=given.directory / "suite.log", format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("tests.faults").setLevel(logging.INFO)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # 80 lines a second while a broker is away
    say(f"seed {given.seed}: the same moments and victims with SEED={given.seed}; logs in {given.directory}")
    try:
        played, about = run(wanted, given.directory, given.short, given.seed)
    except KeyboardInterrupt:
        return INTERRUPTED
    if given.again:
        say(table.put_right(played))
    elif not given.row and not given.short:
        table.keep(played, about, given.seed)
    return 0 if len(played) == len(wanted) and all(one.passed for one in played) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--row")
    which.add_argument("--again", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    parser.add_argument("--directory", type=Path, default=run_dir() / "faults")
    given = parser.parse_args()
    if given.again and given.short:
        parser.error("a row of a whole run is played again at its full length: --again goes without --short")
    return given


def run(rows: Sequence[Row], directory: Path, short: bool, seed: int) -> tuple[list[Played], dict[str, Any]]:
    """Plays the rows one after the other; on a fresh cluster after one that failed. Says on what machine, too."""
    began, done, clusters, about = time.monotonic(), list[Played](), 0, dict[str, Any]()
    say(table.HEAD)
    while len(done) < len(rows):
        clusters, starting = clusters + 1, time.monotonic()
        logs = directory / str(clusters)
        try:
            with cluster(logs) as running:
                say(f"three brokers and a replica set of three are up after {time.monotonic() - starting:.0f} s")
                about = about or machine(running.database.direct)
                asyncio.run(_session(running, logs, rows, done, short, seed))
        except LocalStackError as error:
            done.append(Played(rows[len(done)].name, broken=[f"could not be played: {error}"]))
            _tell(done[-1], logs)
    say(table.total(done))
    say(f"{len(done)} rows in {time.monotonic() - began:.0f} s")
    return done, about


async def _session(
    running: Cluster, logs: Path, rows: Sequence[Row], done: list[Played], short: bool, seed: int
) -> None:
    """The rows that this cluster is good for."""
    async with stage(running, logs, short) as on:
        fresh = True
        while len(done) < len(rows) and (fresh or not rows[len(done)].own_cluster):
            row = rows[len(done)]
            on.chance = Random(f"{seed}:{row.name}")
            done.append(await play(on, row, len(done) + 1))
            _tell(done[-1], logs)
            if row.own_cluster or not done[-1].passed:
                return
            fresh = False


def _tell(played: Played, logs: Path) -> None:
    say(table.line(played))
    if not played.passed:
        say(table.wrong(played, logs))


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
