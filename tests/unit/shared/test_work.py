"""What runs for ever ends when it is told to, whatever a driver makes of that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shared import work as at_work
from shared.errors import Transient
from shared.kafka import LEAVE_WITHIN_S
from shared.timers import Timers

Endless = Callable[[Callable[[], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]]


def a_sweeper(work: Callable[[], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
    return at_work._every(3600, work)


def a_worker(work: Callable[[], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
    return at_work._forever(work)


def a_timer(work: Callable[[], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
    class Looks(Timers):
        async def _look(self, timed: Any, until: Any) -> int:
            await work()
            return 0

    nothing: Any = None
    return at_work._forever(Looks([nothing], nothing, nothing, nothing, metrics=nothing).workers()[0])


@pytest.mark.parametrize("endless", [a_sweeper, a_worker, a_timer])
@pytest.mark.parametrize("taken_for", [asyncio.CancelledError, Transient("the connection broke"), ValueError("a bug")])
async def test_what_runs_for_ever_ends_when_cancelled_whatever_the_work_takes_that_for(
    endless: Endless, taken_for: BaseException | type[BaseException]
) -> None:
    at_work = asyncio.Event()

    async def work() -> None:
        again = at_work.is_set()
        at_work.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise (asyncio.CancelledError if again else taken_for) from None

    task = asyncio.create_task(endless(work))
    await at_work.wait()
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=0.5)

    assert done == {task}
    assert task.cancelled()


class Slowly:
    """A batch, or a broker that lets go, each after some seconds."""

    def __init__(self, takes_s: float) -> None:
        self._takes_s, self.stopping, self.ended = takes_s, False, False

    async def drain(self) -> None:
        await asyncio.sleep(self._takes_s)
        self.ended = True

    stop = drain


async def test_who_has_nothing_in_hand_has_the_time_of_a_batch_to_take_leave_of_a_slow_broker() -> None:
    """A member that goes without a word keeps its partitions from the others until its session ends."""
    bus, broker = Slowly(0), Slowly(LEAVE_WITHIN_S + 0.2)
    await at_work.leave(bus, broker)  # type: ignore[arg-type]
    assert bus.stopping
    assert broker.ended
