"""`make simulate`: histories of all five services, one per seed, on all processors.

SEEDS=n    how many (10,000)
SEED=n     this one alone, with its story told
"""

import gc
import multiprocessing.pool
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.history import why

MANY = 10_000
SHOWN = 10
"""The first failures are named; more of them say no more."""
Failure = tuple[int, str]


def judge(seed: int) -> Failure:
    """A seed, and what went wrong in its history."""
    gc.disable()  # what a history leaves is collected at its end, not in its midst
    failure = seed, why(seed)
    gc.collect()
    return failure


def workers() -> multiprocessing.pool.Pool:
    """One for each processor; what is loaded is shared with them."""
    judge(0)
    gc.freeze()
    return multiprocessing.get_context("fork").Pool(len(os.sched_getaffinity(0)))


def failures(pool: multiprocessing.pool.Pool, seeds: Sequence[int], done: Callable[[], None]) -> Iterator[Failure]:
    for seed, what in pool.imap_unordered(judge, seeds, chunksize=4):
        done()
        if what:
            yield seed, what


def many(count: int) -> int:
    """Play so many; returns how many failed."""
    failed, began = [], time.monotonic()
    columns = (TextColumn("histories"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with workers() as pool, Progress(*columns) as progress:
        bar = progress.add_task("", total=count)
        for seed, what in failures(pool, range(count), lambda: progress.advance(bar)):
            failed.append(seed)
            if len(failed) <= SHOWN:
                progress.console.print(f"seed {seed}: {what}", markup=False, highlight=False)
    print(f"{count} histories in {time.monotonic() - began:.0f} s, {len(failed)} failed")
    if failed:
        print(f"one of them again, with its story: make simulate SEED={min(failed)}")
    return len(failed)


def one(seed: int) -> bool:
    """Tell a history's story; returns whether it failed."""
    told: list[str] = []
    what = why(seed, told)
    print(*told, what or "every promise was kept", sep="\n")
    return bool(what)


def main() -> bool:
    if seed := os.environ.get("SEED"):
        return one(int(seed))
    return many(int(os.environ.get("SEEDS") or MANY)) > 0


if __name__ == "__main__":
    sys.exit(main())
