"""Trouble for a world, drawn from its seed: crashes, zombies, fail-overs, a broker away, wrong clocks, replays."""

import asyncio
from collections.abc import Sequence

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
    kinds = (_crash, _crash, _freeze, _fail_over, _fail_over, _broker_down, _restart, _clock)
    while world.loop.time() < end:
        await asyncio.sleep(chance.uniform(0.05, 1.5))
        world.tell(chance.choice(kinds)(world))


async def replays(world: World, inbound: Sequence[str], seconds: float) -> None:
    """In some histories a whole topic is read again by a service, or what senders wrote is written once more."""
    chance = world.faults.chance
    if chance.random() < 0.3:
        await asyncio.sleep(chance.uniform(0, 1.5 * seconds))
        name = chance.choice(sorted(world.topics)) if world.topics else None
        if name is not None:
            topic = chance.choice(sorted(world.topics[name]))
            world.tell(f"{name} reads {topic} from its beginning")
            await _read_again(world, name, topic)
    if chance.random() < 0.3:
        await asyncio.sleep(chance.uniform(0, seconds))
        topic = chance.choice(inbound)
        world.tell(f"all of {topic} is written again")
        for record in world.broker.records(topic):
            world.broker.write(topic, record.value, record.key, record.headers, record.partition)


async def _read_again(world: World, name: str, topic: str) -> None:
    """As an operator does it: everybody of the group is stopped, its offsets are set back, everybody is started."""
    group = world.broker.group(f"switchboard.{name}")
    replicas = [process for process in world.processes if process.name.startswith(f"{name}-")]
    while group.members or any(process.running for process in replicas):
        for process in replicas:
            process.crash()
        await asyncio.sleep(0.1)
    group.offsets.update(dict.fromkeys(world.broker.places(topic), 0))
    for process in replicas:
        process.start()


def _somebody(world: World) -> Process | None:
    up = [process for process in world.processes if process.running]
    return world.faults.chance.choice(up) if up else None


def _crash(world: World) -> str:
    if process := _somebody(world):
        process.crash()
        world.loop.later(world.faults.chance.uniform(0.01, 3), _start, process)
    return f"{process} is killed"


def _start(process: Process) -> None:
    if not process.running:
        process.start()


def _restart(world: World) -> str:
    """An orderly stop, as in a rolling update."""
    if process := _somebody(world):
        world.loop.create_task(_stop_and_start(process))
    return f"{process} is stopped"


async def _stop_and_start(process: Process) -> None:
    await process.stop()
    _start(process)


def _freeze(world: World) -> str:
    seconds = world.faults.chance.choice((0.1, 1.0, 3.0, 6.0))
    if process := _somebody(world):
        process.freeze()
        world.loop.later(seconds, process.thaw)
    return f"{process} freezes for {seconds} s"


def _fail_over(world: World) -> str:
    return f"the primary steps down, {world.replicas.fail_over()} writes are rolled back"


def _broker_down(world: World) -> str:
    seconds = world.faults.chance.uniform(0.05, 2.0)
    world.broker.go_down(seconds)
    return f"the broker is away for {seconds:.2f} s"


def _clock(world: World) -> str:
    """A clock is set: a little wrong, as clocks are, or so wrong that its process must not decide anything."""
    process = world.faults.chance.choice(world.processes)
    seconds = world.faults.chance.choice((-0.3, -0.1, 0.1, 0.3, -30.0, 30.0))
    world.clock_of(process.name).skew = seconds
    return f"the clock of {process} is {seconds:+} s off"
