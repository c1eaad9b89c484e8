"""A burst of cases, told and linked exactly once whoever dies on the way (IN-14); all services, two of each."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from shared.events.incidents import IncidentDeclared
from tests.simulation.faults import Faults
from tests.simulation.house import OURS, House, HouseCore
from tests.simulation.invariants import check_followed, check_published, events
from tests.simulation.outage import CASES, CRASH, IDS, declare, say
from tests.simulation.processes import Process
from tests.simulation.scheduler import current, run
from tests.simulation.test_scripted import all_at_work, until
from tests.simulation.world import Made, World, silent

Story = Callable[[World], Awaitable[None]]


def played(story: Story) -> World:
    async def main() -> World:
        loop = current()
        made = Made(core=lambda _: HouseCore)
        house = House(World(loop, Faults(loop.random), made_of=made, partitions=2), lambda: 2)
        house.world.start()
        await until(lambda: all_at_work(house.world))
        await story(house.world)
        await house.world.settle()
        return house.world

    with silent():
        world = run(main, seed=1)
    check_published(world, OURS)
    check_followed(world, (*OURS, IncidentDeclared.TOPIC))
    return world


def bursts(world: World) -> dict[str, list[dict[str, Any]]]:
    given = {
        subject: [(_type(r), orjson.loads(r.value)) for r in rs] for subject, rs in events(world, "cases.v1").items()
    }
    return {s: [data for _, data in told] for s, told in given.items() if told[0][0] == "burst.noticed"}


def _type(record: Any) -> str:
    return dict(record.headers)["ce_type"].decode()


def told_cases(world: World) -> list[str]:
    return [case for told in bursts(world).values() for data in told for case in data["cases"]]


def intake(world: World) -> list[Process]:
    return [process for process in world.processes if process.name.startswith("intake-")]


async def all_die(world: World) -> None:
    for process in intake(world):
        process.crash()
    for process in intake(world):
        process.start()
    await until(lambda: all_at_work(world))


def has_begun(world: World) -> bool:
    return bool(world.states("intake", "watches").get(CRASH, {}).get("burst"))


async def outage(world: World) -> None:
    for id_ in IDS:
        say(world, id_)


async def dies_when_it_has_begun(world: World) -> None:
    """Between the two documents, or just after."""
    await outage(world)
    await until(lambda: has_begun(world))
    await all_die(world)


async def goes_on(world: World) -> None:
    for id_ in IDS[:11]:
        say(world, id_)
    await until(lambda: bursts(world))
    say(world, IDS[11])


@pytest.mark.parametrize("story", [outage, dies_when_it_has_begun, goes_on])
def test_IN_14_alike_cases_are_one_burst_and_each_is_told_once(story: Story) -> None:
    async def until_all_are_told(world: World) -> None:
        await story(world)
        await until(lambda: set(told_cases(world)) >= CASES)

    world = played(until_all_are_told)
    ((subject, told),) = bursts(world).items()
    assert sorted(told_cases(world)) == sorted(CASES)
    assert {data["burst_id"] for data in told} == {subject}


def test_IN_14_another_matter_in_the_same_time_is_no_part_of_it() -> None:
    async def story(world: World) -> None:
        say_else = {
            "source": "web",
            "id": "other",
            "channel": "web",
            "text": "怎么修改登录密码",
            "customer": {"app_id": "x"},
        }
        world.broker.write("contacts.v1", orjson.dumps(say_else), b"web:other")
        await outage(world)
        await until(lambda: set(told_cases(world)) >= CASES)

    assert sorted(told_cases(played(story))) == sorted(CASES)


def links(world: World) -> list[str]:
    given = events(world, "cases.v1")
    return sorted(subject for subject, records in given.items() for record in records if _type(record) == "case.linked")


@pytest.mark.parametrize("dies", [False, True])
def test_IN_14_the_cases_of_a_declared_incident_are_linked_once_whoever_dies(dies: bool) -> None:
    async def story(world: World) -> None:
        await outage(world)
        await until(lambda: len(world.states("intake", "cases")) == len(CASES))
        declare(world, 1, *CASES, "a case that is not known")
        if dies:
            await until(lambda: links(world))
            await all_die(world)
        declare(world, 2, *CASES)
        await until(lambda: set(links(world)) >= CASES)
        await until(lambda: not any(page["to_link"] for page in world.states("intake", "incidents").values()))

    world = played(story)
    assert links(world) == sorted(CASES)
    for case in world.states("intake", "cases").values():
        assert [link["to"] for link in case["links"] if link["kind"] == "incident"] == ["i1"]
        assert case["flags"].count("incident") == 1
