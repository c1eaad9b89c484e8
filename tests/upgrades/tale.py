"""A story of the whole house in the simulation, and what every store holds in its midst and at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from services.intake.conversations import Conversations
from services.intake.domain.ask import Asked
from shared.events.feedback import KnowledgeApproved, Step
from shared.service import Core
from tests.simulation.faults import Faults
from tests.simulation.house import House, HouseCore
from tests.simulation.outage import CASES, IDS, declare, give_out, say
from tests.simulation.scheduler import current, run
from tests.simulation.world import Made, World, silent

Document = dict[str, Any]
Kept = dict[str, list[Document]]
"""By store (`intake.cases`), its documents."""
CUSTOMERS, AGENTS, FOR_S, MIDST_S = 25, 2, 9.0, 6.5


class Plain(HouseCore):
    """Today's stores as they are."""

    def store_of(self, kind: Any, shape: Any, relay: Any, interpret: Any) -> Any:
        return Core.store_of(self, kind, shape, relay, interpret)


def outage(world: World) -> None:
    """Many cases that are one matter, and the word that they are."""
    for id_ in IDS:
        say(world, id_)
    declare(world, 1, *CASES, "a case that comes later")


def approve(world: World, version: int) -> None:
    """A knowledge entry, as feedback would give it out."""
    entry = KnowledgeApproved(
        knowledge_id="k1", version=version, kind="solution", language="zh", title="重置路由器", scenario="不能上网时",
        steps=(Step(do="按住 RESET 孔", expect="指示灯闪烁"),),
    )  # fmt: skip
    give_out(world, "feedback", entry, "k1", version)


async def ask(house: House, text: str) -> None:
    """One customer goes on with self-service."""
    running = next(one for one in house.world.running.values() if one.core.name == "intake")
    talks = next(store for store in running.parts.stores if isinstance(store, Conversations))
    await talks.ask(running, Asked(source="app", conversation="k1", text=text), once=text)


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
        approve(house.world, 1)
        await asyncio.sleep(MIDST_S)
        await ask(house, "路由器R6怎么重置")
        await midst(house)
        approve(house.world, 2)
        await ask(house, "还是不行")
        await customers
        await house.world.settle(house.unrest)
        people.cancel()
        return kept_in(house)

    with silent():
        return run(tale, 1)
