"""A story of the whole house in the simulation, and what every store holds in its midst and at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shared.service import Core
from tests.simulation.faults import Faults
from tests.simulation.house import House, HouseCore
from tests.simulation.outage import CASES, IDS, declare, say
from tests.simulation.scheduler import current, run
from tests.simulation.world import Made, World, silent

Document = dict[str, Any]
Kept = dict[str, list[Document]]
"""By store (`intake.cases`), its documents."""
CUSTOMERS, AGENTS, FOR_S, MIDST_S = 25, 2, 6.0, 3.0


class Plain(HouseCore):
    """Today's stores as they are."""

    def store_of(self, kind: Any, shape: Any, relay: Any, interpret: Any) -> Any:
        return Core.store_of(self, kind, shape, relay, interpret)


def outage(world: World) -> None:
    """Many cases that are one matter, and the word that they are."""
    for id_ in IDS:
        say(world, id_)
    declare(world, 1, *CASES, "a case that comes later")


def kept_in(house: House) -> Kept:
    """What has a state; of a subject that is none of theirs (a burst) services keep only how far they have read."""
    world = house.world
    return {
        f"{service}.{collection}": [
            body for body in world.replicas.documents(f"switchboard_{service}", collection).values() if "state" in body
        ]
        for service, shapes in world.shapes.items()
        for collection in shapes
    }


def tell(midst: Callable[[House], Awaitable[None]]) -> Kept:
    """Nothing fails in it. `midst`: what is done while everybody is at work. Returns what is kept at the end."""

    async def tale() -> Kept:
        loop = current()
        house = House(World(loop, Faults(loop.random), made_of=Made(core=lambda _: Plain)), replicas=lambda: 1)
        house.world.start()
        people = asyncio.gather(house.agents(AGENTS), house.departments())
        outage(house.world)
        customers = asyncio.create_task(house.customers(CUSTOMERS, FOR_S))
        await asyncio.sleep(MIDST_S)
        await midst(house)
        await customers
        await house.world.settle(house.unrest)
        people.cancel()
        return kept_in(house)

    with silent():
        return run(tale, 1)
