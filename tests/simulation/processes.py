"""Processes that can be killed and frozen: everything a `Process` starts belongs to it and meets its fate.

    p = Process("intake-1", main)     main: an async function, run anew at every start
    p.start();  p.crash();  p.freeze();  p.thaw();  await p.stop()

crash     kill -9: its tasks end where they stand; every further operation of theirs on a double raises Dead, so a
          `finally` block has no effect outside. What was already on the wire arrives.
freeze    nothing of it runs, its timers included, until `thaw` (a long pause of the machine): the world goes on,
          its session times out, and it wakes as a zombie with its answers waiting.
stop      the orderly end: `main` is cancelled and may finish what it has in hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

from tests.simulation.scheduler import HOST, Loop, current


class Dead(BaseException):
    """The process that asks does not exist any more. Not an Exception: no code can catch it and go on."""


class Process:
    def __init__(self, name: str, main: Callable[[], Awaitable[Any]]) -> None:
        self.name, self._main = name, main
        self.life: Life | None = None
        self.lives = 0

    @property
    def running(self) -> bool:
        return self.life is not None and not self.life.dead and not self.life.ended

    def start(self) -> None:
        assert not self.running, f"{self.name} runs already"
        self.lives += 1
        self.life = Life(f"{self.name}#{self.lives}", self._main)

    def crash(self) -> None:
        if self.life is not None:
            self.life.kill()

    def freeze(self) -> None:
        if self.life is not None:
            self.life.frozen = True

    def thaw(self) -> None:
        if self.life is not None and self.life.frozen:
            self.life.frozen = False
            current().thaw()

    def __str__(self) -> str:
        return self.name

    async def stop(self) -> None:
        """Ask it to end and wait until it has; raises what its main raised."""
        if self.life is not None and self.running:
            self.life.main.cancel()
            await asyncio.gather(self.life.main, return_exceptions=True)
            self.life.kill()


class Life:
    """A process between one start and its end."""

    def __init__(self, name: str, main: Callable[[], Awaitable[Any]]) -> None:
        self.name = name
        self.dead = self.frozen = False
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._context = copy_context()
        self._context.run(HOST.set, self)
        self.main = self.do(main)

    def do(self, work: Callable[[], Awaitable[Any]]) -> asyncio.Task[Any]:
        """Something that reaches the process from outside and is done by it (a request): it shares its fate."""
        task: asyncio.Task[Any] = self._context.run(current().create_task, _call(work))
        return task

    @property
    def ended(self) -> bool:
        """True if its main returned or failed by itself."""
        return self.main.done()

    @property
    def error(self) -> BaseException | None:
        """What its main failed with, if it did; not its death."""
        if not self.main.done() or self.main.cancelled() or isinstance(self.main.exception(), Dead):
            return None
        return self.main.exception()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        if self.dead:
            task.cancel()
            return
        self._tasks[task] = None
        if len(self._tasks) > 1000:
            self._tasks = {task: None for task in self._tasks if not task.done()}

    def kill(self) -> None:
        self.dead, self.frozen = True, False
        loop: Loop = current()
        loop.thaw()
        for task in list(self._tasks):
            if not task.done():
                task.cancel()
        self._tasks.clear()

    def __str__(self) -> str:
        return self.name


async def _call(main: Callable[[], Awaitable[Any]]) -> Any:
    return await main()


def alive() -> None:
    """Called by every double before it does anything for the running code."""
    host = HOST.get()
    if host is not None and host.dead:
        raise Dead(host.name)
