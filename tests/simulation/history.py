"""One history of the house, from a seed: what it is made of, what goes wrong in it, what must be true at its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from shared.service import Core
from tests.simulation.faults import Faults
from tests.simulation.house import House, HouseCore, NewerCore
from tests.simulation.promises import check
from tests.simulation.scheduler import current, run
from tests.simulation.trouble import drawn, replays, trouble
from tests.simulation.world import Made, World, silent

INBOUND = ("contacts.v1", "work.v1", "agents.v1", "escalation-replies.v1")
LARGE = 0.002
"""Of all histories; one of them costs as much as thirty small ones."""


@dataclass(frozen=True)
class Size:
    """How much happens: for how many seconds there is trouble, and to whom."""

    contacts: int
    agents: int
    trouble_s: float
    replicas: int
    partitions: int

    @classmethod
    def drawn(cls, chance: Random) -> "Size":
        if chance.random() < LARGE:
            return cls(contacts=25, agents=3, trouble_s=15.0, replicas=2, partitions=12)
        return cls(
            contacts=chance.choice((1, 1, 1, 1, 2, 2, 4)),
            agents=chance.choice((1, 1, 2)),
            trouble_s=chance.choice((0.5, 0.5, 1.0, 1.0, 1.5, 3.0)),
            replicas=chance.choice((1, 2, 2)),
            partitions=chance.choice((1, 1, 2, 3)),
        )


class Versions:
    """Which version a process is at its next start: in some histories all the same, in others mixed and changing."""

    def __init__(self, chance: Random) -> None:
        self._chance, self._newer = chance, chance.choice((0.0, 0.0, 0.5))

    def __call__(self, process: str) -> type[Core[Any]]:
        return NewerCore if self._chance.random() < self._newer else HouseCore


async def history(
    size: Size | None = None,
    made_of: Callable[[Versions], Made] = lambda versions: Made(core=versions),
    told: list[str] | None = None,
) -> House:
    """`told`: takes what goes wrong, as it goes."""
    loop = current()
    faults = Faults(loop.random)
    size = size or Size.drawn(faults.chance)
    drawn(faults)
    world = World(loop, faults, made_of=made_of(Versions(faults.chance)), partitions=size.partitions)
    world.story = [] if told is None else told
    world.tell(f"{size}, faults {faults.rates}, other nodes behind by {faults.delays['mongo.majority']} s")
    house = House(world, lambda: faults.chance.randint(1, size.replicas))
    house.world.start()
    people = asyncio.gather(house.agents(size.agents), house.departments())
    customers = asyncio.create_task(house.customers(size.contacts, size.trouble_s))
    again = asyncio.create_task(replays(house.world, INBOUND, size.trouble_s))
    await trouble(house.world, size.trouble_s)
    world.heal()
    await asyncio.gather(customers, again)
    await house.world.settle(house.unrest)
    people.cancel()
    check(house)
    return house


def play(seed: int, **more: Any) -> House:
    """One history; AssertionError if it breaks a promise."""

    async def main() -> House:
        return await history(**more)

    with silent():
        return run(main, seed)


def why(seed: int, told: list[str] | None = None, **more: Any) -> str:
    """What went wrong in a history; empty if every promise was kept."""
    try:
        play(seed, told=told, **more)
    except Exception as error:  # noqa: BLE001 - whatever ends a history is its failure
        return f"{type(error).__name__}: {error}"
    return ""
