"""What self-service handed over when its process died is in a case all the same, once (IN-10, IN-11)."""

import asyncio
from typing import Any

from services.intake.conversations import Conversations
from services.intake.domain.ask import Asked
from tests.simulation.test_bursts import played
from tests.simulation.world import World


async def ask(world: World, text: str) -> None:
    """Asked, and the process is gone before what it handed over is in its case."""
    running: Any = next(one for name, one in world.running.items() if name.startswith("intake-"))
    talks = next(store for store in running.parts.stores if isinstance(store, Conversations))
    await talks.ask(running, Asked(source="app", conversation="k1", text=text), once=text)


def talk(world: World) -> dict[str, Any]:
    (only,) = world.states("intake", "conversations").values()
    return only


def test_IN_10_what_a_crash_kept_from_its_case_is_taken_in_a_minute_later_and_once() -> None:
    async def story(world: World) -> None:
        await ask(world, "路由器R6怎么重置")
        await ask(world, "转人工")
        await ask(world, "我的固件是1.2")
        await asyncio.sleep(55)
        assert len(talk(world)["waiting"]) == 2, "whoever heard it may still be at it"
        await asyncio.sleep(10)

    world = played(story)
    (case,) = world.states("intake", "cases").values()
    assert len(case["contacts"]) == 2
    assert (talk(world)["waiting"], talk(world)["case_id"]) == ({}, case["case_id"])
