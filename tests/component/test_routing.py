"""Routing over a real broker and database; intake and the agents' desktops are played by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.cases import CaseResolved
from tests.component.conftest import Alone
from tests.component.neighbours import Neighbour, case_opened, ids, nothing_changes_when_read_again, put_rules
from tests.e2e.agents import at_their_desks, comes_online, is_there, work
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
READS, GIVES = ("cases.v1", "work.v1", "agents.v1"), ("assignments.v1",)


@pytest.fixture(scope="module")
async def routing(alone: Alone, rules: Path) -> AsyncIterator[House]:
    """An offer by SMS expires after a second, any other after half a minute."""
    put_rules(rules, "routing", "offers", timeout_s={"default": 30, "channel": {"sms": 1}})
    async with alone("routing") as house:
        yield house


@pytest.fixture(scope="module")
def intake(routing: House) -> Neighbour:
    return Neighbour(routing, "intake")


async def story(routing: House, case: str) -> list[tuple[str, Any]]:
    """What was given out about the case: type and agent."""
    events = {said.id: said for said in await routing.said("assignments.v1") if said.subject == case}
    in_order = sorted(events.values(), key=lambda event: event.sequence)
    return [(event.type.removeprefix("case."), event.data.get("agent_id")) for event in in_order]


async def comes_to(routing: House, case: str, *steps: tuple[str, Any], within: float = 20.0) -> None:
    async def told() -> bool:
        return (await story(routing, case))[: len(steps)] == list(steps)

    try:
        await eventually(told, within)
    except AssertionError:
        raise AssertionError(f"{await story(routing, case)} instead of {list(steps)}") from None


async def test_RT_1_a_case_is_queued_offered_and_assigned_with_its_reason(routing: House, intake: Neighbour) -> None:
    await comes_online(routing, "P1", skills={"payments": 4}, languages=["zh"], capacity={"total": 1})
    await comes_online(routing, "L1", skills={"logistics": 5}, languages=["zh"], capacity={"total": 1})
    opened = case_opened("assigned")
    await intake.says(opened)
    await comes_to(routing, opened.case_id, ("queued", None), ("offered", "P1"))
    await work(routing, "accepted", "P1", opened.case_id)
    await comes_to(routing, opened.case_id, ("queued", None), ("offered", "P1"), ("assigned", "P1"))
    assigned = next(said for said in await routing.said("assignments.v1") if said.type == "case.assigned")
    reason = assigned.data["reason"]
    assert (reason["skill"], reason["level"], reason["language"]) == ("payments", 4, "zh")
    assert assigned.headers["ce_after"] == "cases.v1=1"
    seen = await routing.get("routing", f"/v1/cases/{opened.number}/routing")
    assert (seen["status"], seen["agent_id"], seen["reason"]["score"]) == ("assigned", "P1", reason["score"])
    await gone(routing, "P1", "L1")


async def test_RT_6_a_declined_offer_goes_to_the_next(routing: House, intake: Neighbour) -> None:
    opened = case_opened("declined")
    await comes_online(routing, "D1", skills={"payments": 5}, languages=["zh"])
    await comes_online(routing, "D2", skills={"payments": 2}, languages=["zh"])
    await intake.says(opened)
    first = await _offered_to(routing, opened.case_id, 1)
    await work(routing, "declined", first, opened.case_id)
    second = await _offered_to(routing, opened.case_id, 2)
    assert {first, second} == {"D1", "D2"}
    await work(routing, "accepted", second, opened.case_id)
    await comes_to(
        routing, opened.case_id, ("queued", None), ("offered", first), ("queued", None), ("offered", second),
        ("assigned", second),
    )  # fmt: skip
    await gone(routing, "D1", "D2")


async def test_RT_6_an_offer_nobody_answers_goes_to_the_next(routing: House, intake: Neighbour) -> None:
    opened = case_opened("expired", channel="sms")
    await comes_online(routing, "E1", skills={"payments": 3}, languages=["zh"])
    await comes_online(routing, "E2", skills={"payments": 3}, languages=["zh"])
    await intake.says(opened)
    first = await _offered_to(routing, opened.case_id, 1)
    second = await _offered_to(routing, opened.case_id, 2)
    assert first != second
    late = await work(routing, "accepted", first, opened.case_id, "too-late")
    await work(routing, "accepted", second, opened.case_id)
    await comes_to(
        routing, opened.case_id, ("queued", None), ("offered", first), ("queued", None), ("offered", second),
        ("assigned", second),
    )  # fmt: skip
    await routing.quiet()
    assert late not in {item["id"] for item in (await routing.get("routing", "/v1/quarantine"))["items"]}
    await gone(routing, "E1", "E2")


async def test_S9_the_cases_of_an_agent_who_goes_offline_go_back(routing: House, intake: Neighbour) -> None:
    opened = case_opened("left")
    await comes_online(routing, "O1", skills={"payments": 3}, languages=["zh"])
    await intake.says(opened)
    await _offered_to(routing, opened.case_id, 1)
    await work(routing, "accepted", "O1", opened.case_id)
    await comes_to(routing, opened.case_id, ("queued", None), ("offered", "O1"), ("assigned", "O1"))
    await is_there(routing, "O1", "offline")
    await comes_online(routing, "O2", skills={"payments": 3}, languages=["zh"])
    await comes_to(
        routing, opened.case_id, ("queued", None), ("offered", "O1"), ("assigned", "O1"), ("unassigned", "O1"),
        ("queued", None), ("offered", "O2"),
    )  # fmt: skip
    assert (await routing.get("routing", "/v1/agents/O1"))["load"] == 0
    await work(routing, "accepted", "O2", opened.case_id)
    await comes_to(routing, opened.case_id, *(await story(routing, opened.case_id))[:6], ("assigned", "O2"))
    await gone(routing, "O2")


async def test_RT_1_nobody_holds_more_than_his_capacity(routing: House, intake: Neighbour) -> None:
    crew = ("C1", "C2", "C3")
    cases = [case_opened(f"many-{n}", language="en") for n in range(12)]
    async with at_their_desks(routing) as desks:
        for agent in crew:
            await comes_online(routing, agent, skills={"payments": 4}, languages=["en"], capacity={"total": 2})
        for opened in cases:
            await intake.says(opened)
        await eventually(lambda: len(desks.holder) == 6, within=20)
        await routing.quiet()
        assert await loads(routing, crew) == [2, 2, 2]
        waiting = next(case for case in cases if case.case_id not in desks.holder)
        seen = await routing.get("routing", f"/v1/cases/{waiting.case_id}/routing")
        assert seen["status"] == "waiting"
        assert seen["waiting"]["code"] == "no_free_place"
        solved = sorted(desks.holder)[:2]
        for case in solved:
            intake.has_seen(case, assignments=3)
            await intake.says(CaseResolved(**ids(case), by=desks.holder[case], resolution="已退款"))
        await eventually(lambda: len(desks.holder) == 8, within=20)
        await routing.quiet()
        assert await loads(routing, crew) == [2, 2, 2]
    depth = {pool["id"]: pool["depth"] for pool in (await routing.get("routing", "/v1/pools"))["items"]}
    assert depth["payments.en"] == 4
    await gone(routing, *crew)


async def test_all_that_was_read_is_read_again_and_nothing_changes(routing: House) -> None:
    await nothing_changes_when_read_again(routing, "routing", READS, GIVES)


async def _offered_to(routing: House, case: str, nth: int) -> str:
    async def offers() -> str | None:
        to = [agent for type_, agent in await story(routing, case) if type_ == "offered"]
        return to[nth - 1] if len(to) >= nth else None

    agent: str = await eventually(offers, within=20)
    return agent


async def loads(routing: House, agents: tuple[str, ...]) -> list[int]:
    return [(await routing.get("routing", f"/v1/agents/{agent}"))["load"] for agent in agents]


async def gone(routing: House, *agents: str) -> None:
    """On a break, so that the next test's cases go to its own people."""
    for agent in agents:
        await is_there(routing, agent, "break")
