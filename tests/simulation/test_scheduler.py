"""The scheduler keeps asyncio's promises, and one seed is one history."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.processes import Dead, Process, alive
from tests.simulation.scheduler import Deadlock, SimClock, TooLong, current, run

ROOT = Path(__file__).parents[2]


def test_an_hour_passes_in_no_time() -> None:
    async def main() -> float:
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(60))
        return current().time()

    assert run(main, 1) == 3600


def test_what_is_ready_runs_first_in_first_out() -> None:
    async def main() -> list[int]:
        told: list[int] = []

        async def tell(number: int) -> None:
            await asyncio.sleep(0)
            told.append(number)

        await asyncio.gather(*(tell(number) for number in range(5)))
        return told

    assert [run(main, seed) for seed in (1, 2)] == [[0, 1, 2, 3, 4]] * 2


def test_a_timeout_ends_what_waits_too_long() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        return current().time()

    assert run(main, 1) == 5


def test_waiting_for_what_nobody_will_do_is_a_deadlock_and_names_the_task() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="main"):
        run(main, 1)


def test_a_task_that_spins_is_stopped() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110 - that is the point
            await asyncio.sleep(0)

    with pytest.raises(TooLong):
        run(main, 1, max_steps=1000)


def test_a_failing_callback_ends_the_history() -> None:
    async def main() -> None:
        current().later(1, lambda: 1 // 0)
        await asyncio.sleep(2)

    with pytest.raises(ZeroDivisionError):
        run(main, 1)


def test_a_thread_is_an_ordinary_call() -> None:
    async def main() -> int:
        return await asyncio.to_thread(sum, [1, 2])

    assert run(main, 1) == 3


def test_the_clock_is_aware_and_shows_whole_milliseconds() -> None:
    async def main() -> None:
        clock = SimClock(current())
        await asyncio.sleep(0.2903)
        assert clock().isoformat() == "2026-11-23T09:00:00.290000+00:00"

    run(main, 1)


def _processes(body: Callable[[Process, list[str]], Coroutine[Any, Any, None]]) -> list[str]:
    async def main() -> list[str]:
        told: list[str] = []

        async def work() -> None:
            try:
                while True:
                    await asyncio.sleep(1)
                    alive()
                    told.append(f"{current().time():g}")
            finally:
                alive()
                told.append("tidied up")

        process = Process("p", work)
        process.start()
        await body(process, told)
        return told

    return run(main, 1)


def test_after_a_crash_not_even_finally_has_an_effect() -> None:
    async def body(process: Process, told: list[str]) -> None:
        await asyncio.sleep(2.5)
        process.crash()
        await asyncio.sleep(5)
        assert process.life is not None
        assert isinstance(process.life.main.exception(), Dead)

    assert _processes(body) == ["1", "2"]


def test_a_frozen_process_does_not_even_see_its_timers_until_it_thaws() -> None:
    async def body(process: Process, told: list[str]) -> None:
        await asyncio.sleep(1.5)
        process.freeze()
        await asyncio.sleep(5)
        process.thaw()
        await asyncio.sleep(1.1)

    assert _processes(body) == ["1", "6.5", "7.5"]


def test_a_process_that_is_stopped_tidies_up() -> None:
    async def body(process: Process, told: list[str]) -> None:
        await asyncio.sleep(1.5)
        await process.stop()

    assert _processes(body) == ["1", "tidied up"]


HISTORY = """
from tests.simulation.{suite} import digest_of
print(digest_of({seed}))
"""


def _digest(seed: int, hash_seed: str, suite: str = "test_mechanics") -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    code = HISTORY.format(seed=seed, suite=suite)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_the_same_seed_is_the_same_history_in_any_process() -> None:
    assert len({_digest(7, hash_seed) for hash_seed in ("0", "1", "2", "random")}) == 1


def test_the_same_seed_is_the_same_history_of_all_services() -> None:
    assert len({_digest(7, hash_seed, "test_house") for hash_seed in ("0", "1", "random")}) == 1


def test_another_seed_is_another_history() -> None:
    assert _digest(7, "0") != _digest(8, "0")
