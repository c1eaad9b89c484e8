"""Facts that hold on a double and on the real thing: each is told once and checked on both."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.simulation.scheduler import run

Fact = Callable[[Any], Awaitable[None]]
WHERE = ["double", pytest.param("real", marks=pytest.mark.stack)]


def told_of(
    on_double: Callable[[Fact], Awaitable[None]], on_real: Callable[[Fact, str], Awaitable[None]], fixture: str
) -> Callable[[Fact], Any]:
    """A decorator that makes a test of a fact, run once on the double and once on the real thing behind `fixture`."""

    def conforms(fact: Fact) -> Any:
        @pytest.mark.parametrize("where", WHERE)
        def test(where: str, request: pytest.FixtureRequest) -> None:
            if where == "double":
                for seed in range(5):
                    run(lambda: _call(on_double, fact), seed)
            else:
                _run_for_real(_call(on_real, fact, request.getfixturevalue(fixture)))

        test.__name__, test.__doc__, test.__module__ = fact.__name__, fact.__doc__, fact.__module__
        return test

    return conforms


async def _call(function: Callable[..., Awaitable[None]], *args: Any) -> None:
    await function(*args)


def _run_for_real(main: Any) -> None:
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
