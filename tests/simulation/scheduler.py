"""An asyncio event loop without a world: virtual time, no sockets, no threads, one history per seed.

    result = run(main, seed=7)

Time stands still while anything is ready and jumps to the next timer when nothing is.

What the seed decides: only how long things take and what fails, drawn by the doubles from `loop.random`. The loop
itself shuffles nothing: asyncio promises that what is ready runs first in, first out, and the code under test may lean
on that. Real processes differ by when answers arrive, which is what the doubles draw, in continuous time; so every
interleaving that processes can show at their network operations has a seed, and no impossible one has.

Errors:
    Deadlock      nothing is ready, no timer is set, and the main task is not done
    TooLong       more steps than allowed: code that spins without letting time pass, or a test that never comes to rest
"""

import asyncio
import heapq
import os
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
MAX_STEPS = 5_000_000
WORLD = Context()
"""The context of what happens outside all processes: servers, networks, the test itself."""
HOST: ContextVar[Any] = ContextVar("host", default=None)
"""The process that the running code belongs to. Only its `frozen` and `dead` are looked at here."""


class Deadlock(Exception):
    """Nobody can ever go on; the message names who waits for what."""


class TooLong(Exception):
    """The history has more steps than allowed."""


class Task(asyncio.Task):  # type: ignore[type-arg]
    """Hashed by its number, so that sets of tasks (asyncio.wait, TaskGroup) have one order in every run."""

    def __init__(self, coro: Any, *, loop: "Loop", **named: Any) -> None:
        self.number = loop.count()
        self.host = HOST.get()
        super().__init__(coro, loop=loop, **named)
        if self.host is not None:
            self.host.adopt(self)

    def __hash__(self) -> int:
        return self.number


class Loop(asyncio.BaseEventLoop):
    def __init__(self, seed: int, max_steps: int = MAX_STEPS) -> None:
        super().__init__()
        self.seed = seed
        self.random = Random(seed)
        self.steps = 0
        self._max_steps = max_steps
        self._time = 0.0
        self._tasks_made = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_made = 0
        self._set_apart: list[asyncio.Handle] = []
        self._broken: BaseException | None = None
        self.set_task_factory(lambda loop, coro, **named: Task(coro, loop=self, **named))
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._time

    def count(self) -> int:
        self._tasks_made += 1
        return self._tasks_made

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio's, and of those due at one moment the first set is the first called; without comparing handles."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        timer._scheduled = True  # type: ignore[attr-defined]
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, timer))
        return timer

    def later(self, delay: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Call back outside all processes: it happens even if the process that asked for it dies or stands still."""
        return self.call_at(self._time + delay, callback, *args, context=WORLD)

    def thaw(self) -> None:
        """Let what was set apart for a frozen process run, in its order."""
        handles, self._set_apart = self._set_apart, []
        self._ready.extend(handles)  # type: ignore[attr-defined]

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """There are no threads: the function runs at once."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller who awaits the future
            future.set_exception(error)
        return future

    def _run_once(self) -> None:
        if self._broken is not None:
            raise self._broken
        ready, timers = self._ready, self._timers  # type: ignore[attr-defined]
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            self._jump(timers)
        while timers and timers[0][0] <= self._time:
            ready.append(heapq.heappop(timers)[2])
        self.steps += len(ready)
        if self.steps > self._max_steps:
            raise TooLong(f"seed {self.seed}: {self.steps} steps, at {self._time:.3f} s; {_waiting(self)}")
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            host = handle._context.get(HOST)
            if host is not None and host.frozen:
                self._set_apart.append(handle)
            else:
                handle._run()

    def _jump(self, timers: list[tuple[float, int, asyncio.TimerHandle]]) -> None:
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise Deadlock(f"seed {self.seed}: nothing will ever happen at {self._time:.3f} s; {_waiting(self)}")
        self._time = max(self._time, timers[0][0])

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is dropped when its time comes."""

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A callback that fails is an error of a double and ends the history; tasks keep their errors to themselves."""
        if "handle" in context:
            self._broken = context.get("exception")

    def _write_to_self(self) -> None: ...

    def _process_events(self, event_list: list[Any]) -> None: ...


def run(main: Callable[[], Coroutine[Any, Any, T]], seed: int, max_steps: int = MAX_STEPS) -> T:
    """Run to the end on a new loop; what is left over is cancelled. What uuid4 draws meanwhile follows the seed."""
    loop = Loop(seed, max_steps)
    drawn = Random(f"os.urandom of seed {seed}")
    urandom, os.urandom = os.urandom, drawn.randbytes
    try:
        return loop.run_until_complete(loop.create_task(main()))
    finally:
        _end(loop)
        os.urandom = urandom


def current() -> Loop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    return loop


class SimClock:
    """The loop's time as the house reads it: aware, UTC, whole milliseconds; `skew` seconds wrong."""

    def __init__(self, loop: Loop, start: datetime = datetime(2026, 11, 23, 9, tzinfo=UTC), skew: float = 0.0) -> None:
        self._loop, self.start, self.skew = loop, start, skew
        self._read = (0, start)

    def __call__(self) -> datetime:
        milliseconds = int((self._loop._time + self.skew) * 1000 + 1e-6)
        if milliseconds != self._read[0]:
            self._read = milliseconds, self.start + timedelta(milliseconds=milliseconds)
        return self._read[1]


def _end(loop: Loop) -> None:
    """Unwind what still waits, as dead: the history is over and nothing counts any more."""
    loop._max_steps, loop._broken = loop.steps + 100_000, None
    left = _unfinished(loop)
    for task in left:
        if task.host is not None:
            task.host.dead, task.host.frozen = True, False
    loop.thaw()
    for _ in range(3):
        for task in left:
            task.cancel()
        waiting = loop.create_task(_wait_for(left))
        try:
            loop.run_until_complete(waiting)
        except BaseException:  # noqa: BLE001 - what the dying still raise is no part of the history
            waiting.cancel()
        left = _unfinished(loop)
        if not left:
            break
    for task in left:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()


async def _wait_for(tasks: list[Task]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=60.0)


def _unfinished(loop: Loop) -> list[Task]:
    tasks = [task for task in asyncio.all_tasks(loop) if isinstance(task, Task) and not task.done()]
    return sorted(tasks, key=lambda task: task.number)


def _waiting(loop: Loop) -> str:
    tasks = _unfinished(loop)
    return (
        "; ".join(f"{task.host or 'world'}: {task.get_coro().__qualname__}" for task in tasks[:20]) or "no task waits"
    )  # type: ignore[union-attr]
