"""Trouble for a world, drawn from its seed: crashes, zombies, fail-overs, a broker away."""

import asyncio

from tests.simulation.faults import Faults
from tests.simulation.processes import Process
from tests.simulation.world import World

RATES = {
    "mongo.refused": 0.01, "mongo.cut": 0.02, "mongo.lost_reply": 0.02, "mongo.partial": 0.03, "mongo.split": 0.2,
    "kafka.refused": 0.02, "kafka.lost_ack": 0.03, "kafka.commit_lost": 0.05, "kafka.commit_refused": 0.05,
}  # fmt: skip

LAGS = ((0.001, 0.02), (0.001, 0.02), (0.01, 0.2), (0.05, 1.0))
"""How far the other nodes of the replica set are behind, in seconds; what they have not got a fail-over takes back."""


def drawn(faults: Faults) -> None:
    """Rates of this history: some faults often, some never, so that each also meets the calm of the others."""
    for name, rate in RATES.items():
        faults.rates[name] = rate * faults.chance.choice((0, 0.5, 1, 3))
    faults.delays["mongo.majority"] = faults.chance.choice(LAGS)


async def trouble(world: World, seconds: float) -> None:
    chance, end = world.faults.chance, world.loop.time() + seconds
    kinds = (_crash, _crash, _freeze, _fail_over, _fail_over, _broker_down, _restart)
    while world.loop.time() < end:
        await asyncio.sleep(chance.uniform(0.05, 1.5))
        chance.choice(kinds)(world)


def _somebody(world: World) -> Process | None:
    up = [process for process in world.processes if process.running]
    return world.faults.chance.choice(up) if up else None


def _crash(world: World) -> None:
    if process := _somebody(world):
        process.crash()
        world.loop.later(world.faults.chance.uniform(0.01, 3), _start, process)


def _start(process: Process) -> None:
    if not process.running:
        process.start()


def _restart(world: World) -> None:
    """An orderly stop, as in a rolling update."""
    if process := _somebody(world):
        world.loop.create_task(_stop_and_start(process))


async def _stop_and_start(process: Process) -> None:
    await process.stop()
    _start(process)


def _freeze(world: World) -> None:
    if process := _somebody(world):
        process.freeze()
        world.loop.later(world.faults.chance.choice((0.1, 1.0, 3.0, 6.0)), process.thaw)


def _fail_over(world: World) -> None:
    world.replicas.fail_over()


def _broker_down(world: World) -> None:
    world.broker.go_down(world.faults.chance.uniform(0.05, 2.0))
