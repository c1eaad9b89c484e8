"""A process whose clock is wrong decides nothing, stays in its group, and goes on by itself when the clock is right."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from shared.errors import Transient
from tests.simulation import tiny
from tests.simulation.faults import Faults
from tests.simulation.scheduler import current, run
from tests.simulation.world import World, silent

HOUR = 3600.0
ONLY = "count-0"


def played(history: Callable[[World], Awaitable[None]], replicas: int = 1) -> None:
    async def main() -> None:
        loop = current()
        world = World(loop, Faults(loop.random))
        world.add("count", tiny.count_service, tiny.SETTINGS, replicas)
        await history(world)

    with silent():
        run(main, seed=7)


def over_kafka(world: World, id_: str) -> None:
    world.broker.write("orders.v1", tiny.body(tiny.Order(key="k", id=id_)), b"k")


async def over_http(world: World, id_: str) -> None:
    await world.request("count", lambda running: tiny.place(running, tiny.Order(key="k", id=id_)))


def ids(world: World) -> list[str]:
    states = world.states("count", "counts")
    return list(states["k"]["ids"]) if states else []


def closed(world: World) -> bool:
    return world.states("count", "counts")["k"]["closes_at"] is None


async def at_rest(world: World) -> None:
    world.start()
    over_kafka(world, "first")
    await asyncio.sleep(10)
    assert ids(world) == ["first"]
    assert closed(world)


@pytest.mark.parametrize("skew", [HOUR, -HOUR, 1.5, -1.5])
def test_a_clock_that_jumps_stops_every_decision_at_once_until_it_is_right(skew: float) -> None:
    async def history(world: World) -> None:
        await at_rest(world)
        world.clock_of(ONLY).skew = skew
        over_kafka(world, "second")
        with pytest.raises(Transient, match="off the database's"):
            await over_http(world, "third")
        await asyncio.sleep(60)
        assert ids(world) == ["first"]
        assert list(world.broker.group("switchboard.count").members), "it stays in its group"
        world.clock_of(ONLY).skew = 0
        await asyncio.sleep(20)
        await over_http(world, "third")
        assert ids(world) == ["first", "second", "third"]

    played(history)


def test_a_timer_does_not_fire_by_a_clock_an_hour_ahead() -> None:
    async def history(world: World) -> None:
        await at_rest(world)
        over_kafka(world, "second")
        await asyncio.sleep(1)
        assert not closed(world)
        world.clock_of(ONLY).skew = HOUR
        await asyncio.sleep(1)
        assert not closed(world), "two seconds too early"
        await asyncio.sleep(60)
        assert not closed(world)
        world.clock_of(ONLY).skew = 0
        await asyncio.sleep(5)
        assert closed(world)

    played(history)


def test_a_clock_that_is_wrong_at_the_start_decides_not_even_the_first_record() -> None:
    async def history(world: World) -> None:
        over_kafka(world, "first")
        world.start()
        await asyncio.sleep(0)
        world.clock_of(ONLY).skew = HOUR
        await asyncio.sleep(30)
        assert ids(world) == []
        world.clock_of(ONLY).skew = 0
        await asyncio.sleep(20)
        assert ids(world) == ["first"]

    played(history)


def test_a_clock_of_the_database_that_jumps_is_noticed_within_two_seconds() -> None:
    async def history(world: World) -> None:
        await at_rest(world)
        world.clock.skew = HOUR
        await asyncio.sleep(2)
        with pytest.raises(Transient, match="off the database's"):
            await over_http(world, "second")
        world.clock.skew = 0
        await asyncio.sleep(2)
        await over_http(world, "second")

    played(history)


def test_less_than_a_second_off_is_right_enough() -> None:
    async def history(world: World) -> None:
        await at_rest(world)
        world.clock_of(ONLY).skew = 0.9
        await over_http(world, "second")
        assert ids(world) == ["first", "second"]

    played(history)
