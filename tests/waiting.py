"""Waiting for what is going to be true, with a limit and without guessing how long it takes."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

POLL_S = 0.02


async def eventually(predicate: Callable[[], Any | Awaitable[Any]], within: float = 10.0) -> Any:
    """The first true answer of the predicate; AssertionError with its last answer after `within` seconds."""
    end = time.monotonic() + within
    while True:
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < end, (
            f"not within {within} s: {inspect.getsource(predicate).strip()} (last: {answer!r})"
        )
        await asyncio.sleep(POLL_S)


async def never(predicate: Callable[[], Any | Awaitable[Any]], during: float) -> None:
    """AssertionError if the predicate comes true within `during` seconds, which it costs."""
    end = time.monotonic() + during
    while time.monotonic() < end:
        answer = predicate()
        if inspect.isawaitable(answer):
            answer = await answer
        assert not answer, f"came true: {inspect.getsource(predicate).strip()}"
        await asyncio.sleep(POLL_S)
