"""S9: the start of the shift, through the public doors. In Spanish, so that no other story's agents take part."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.e2e.agents import READY, comes_online, is_there, now, work
from tests.e2e.house import House
from tests.scenarios.told import SHIPPED, events, happened, lines, nobody_on_duty, posted, told
from tests.waiting import eventually, never

pytestmark = [pytest.mark.stack, SHIPPED]
SPANISH = {"languages": ["es"], "capacity": {"total": 5}}
CLIENT = {"name": "Ana", "phone": "+34600111222", "language": "es"}
NOT_YET = ["updates_read is confirmed by the agent's desktop; notices to read (NT-12) are not sent by us yet"]


async def asks(house: House, id_: str, **more: Any) -> str:
    received = await posted(house, f"s9-{id_}", "¿Cómo cambio el idioma del menú?", **{"customer": CLIENT, **more})
    return str(received["case_id"])


async def offers(house: House, case: str) -> list[str]:
    return [offer["agent_id"] for offer in await events(house, case, "case.offered", "assignments.v1")]


async def test_S9_nobody_online_and_the_customer_is_told_no_pleasant_estimate(house: House) -> None:
    await nobody_on_duty(house)
    case = await asks(house, "alone")
    queued = (await happened(house, case, "case.queued"))[0]
    assert queued["estimate_s"] is None
    pools = (await house.get("routing", "/v1/pools"))["items"]
    pool = next(pool for pool in pools if pool["id"] == queued["pool"])
    assert (pool["agents_online"], pool["estimate"]) == (0, None)
    assert pool["depth"] >= 1
    received = await told(house, case, "received")
    assert received["language"] in ("es", "en")


async def test_S9_who_has_not_read_the_updates_does_not_go_online(house: House) -> None:
    profile = {"name": "Eva", "team": "ES", "skills": {"general": 5}, "at": now(), **SPANISH}
    assert (await house.ask("PUT", "routing", "/v1/agents/E01", profile)).status_code == 200
    said = {"state": "online", "readiness": {**READY, "updates_read": False}, "at": now()}
    refused = await house.ask("POST", "routing", "/v1/agents/E01/presence", said)
    assert refused.status_code == 422
    assert "updates_read" in refused.json()["detail"]
    async with board(house) as seen:
        await eventually(lambda: state(seen, "E01") == "offline")
        began = time.monotonic()
        await is_there(house, "E01", "online", READY)
        await eventually(lambda: state(seen, "E01") == "online", within=5)
        assert time.monotonic() - began < 1.5
    waiting = await eventually(lambda: first_offer(house, "E01"), within=20)
    await work(house, "accepted", "E01", waiting)
    await happened(house, waiting, "case.assigned", agent_id="E01")


async def test_S9_an_offer_not_answered_goes_to_the_next_and_never_to_two(house: House) -> None:
    await comes_online(house, "E01", **SPANISH)
    case = await asks(house, "unanswered")
    await eventually(lambda: offers(house, case), within=20)
    await comes_online(house, "E02", **SPANISH)
    await happened(house, case, "case.queued", why="offer_expired", within=40)
    asked = await eventually(lambda: two(house, case), within=20)
    assert asked == ["E01", "E02"]
    await work(house, "accepted", "E01", case, f"{case}:too-late")
    await work(house, "accepted", "E02", case)
    assigned = await happened(house, case, "case.assigned")
    await house.quiet()
    assert [one["agent_id"] for one in assigned] == ["E02"]
    assert len(await events(house, case, "case.assigned", "assignments.v1")) == 1


async def test_S9_in_a_break_nothing_is_offered_and_offline_gives_all_back_oldest_first(house: House) -> None:
    await is_there(house, "E02", "break")
    await comes_online(house, "E01", **SPANISH)
    first, second = await asks(house, "first"), await asks(house, "second")
    for case in (first, second):
        await eventually(lambda case=case: offers(house, case), within=20)  # type: ignore[misc]
        assert set(await offers(house, case)) == {"E01"}
        await work(house, "accepted", "E01", case)
        await happened(house, case, "case.assigned")
    await comes_online(house, "E03", languages=["es"], capacity={"total": 1})
    await is_there(house, "E01", "offline")
    for case in (first, second):
        await happened(house, case, "case.unassigned", agent_id="E01")
    await eventually(lambda: third_time(house, first), within=20)
    await never(lambda: third_time(house, second), during=1.0)
    await work(house, "accepted", "E03", first)
    assert (await happened(house, first, "case.assigned", count=2))[-1]["agent_id"] == "E03"
    assert len(lines(house, first, "assigned")) == 2
    await is_there(house, "E03", "offline")


async def two(house: House, case: str) -> list[str]:
    asked = await offers(house, case)
    return asked if len(asked) > 1 else []


async def third_time(house: House, case: str) -> bool:
    return "E03" in await offers(house, case)


async def first_offer(house: House, agent_id: str) -> str | None:
    said = await house.said("assignments.v1")
    return next((one.subject for one in said if one.type == "case.offered" and one.data["agent_id"] == agent_id), None)


@asynccontextmanager
async def board(house: House) -> AsyncIterator[dict[str, Any]]:
    """The newest picture of the live board, while the block runs."""
    seen: dict[str, Any] = {}
    headers = {"Authorization": f"Bearer {house.env['SWITCHBOARD_KEY']}", "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=None) as browser,
        browser.stream("GET", house.url("routing") + "/board", headers=headers) as stream,
    ):

        async def read() -> None:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    seen.update(json.loads(line.removeprefix("data: ")))

        reading = asyncio.create_task(read())
        try:
            yield seen
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def state(seen: dict[str, Any], agent_id: str) -> str | None:
    return next((agent["state"] for agent in seen.get("agents", ()) if agent["agent_id"] == agent_id), None)
