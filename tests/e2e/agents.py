"""Simulated agents at their desks: they read `assignments.v1`, take every offer, and do what the test tells them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Set
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer

from tests.e2e.house import House, Said, said_of
from tests.waiting import eventually

READY = dict.fromkeys(("login", "permissions", "headset", "network", "vpn_antivirus", "updates_read"), True)
SKILLS = ("technical", "product", "returns", "complaints", "logistics", "accounts", "payments", "general")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


async def comes_online(house: House, agent_id: str, **profile: Any) -> None:
    """An agent with every skill and much room, unless told otherwise."""
    told = {
        "name": f"{agent_id}先生", "team": "客服一组", "skills": dict.fromkeys(SKILLS, 5),
        "languages": ["zh", "en", "es"],
        "capacity": {"total": 1000}, "at": now(), **profile,
    }  # fmt: skip
    answer = await house.ask("PUT", "routing", f"/v1/agents/{agent_id}", told)
    assert answer.status_code == 200, answer.text
    await is_there(house, agent_id, "online", READY)


async def is_there(house: House, agent_id: str, state: str, readiness: dict[str, bool] | None = None) -> None:
    said = {"state": state, "readiness": readiness or {}, "at": now()}
    answer = await house.ask("POST", "routing", f"/v1/agents/{agent_id}/presence", said)
    assert answer.status_code == 200, answer.text


async def work(house: House, verb: str, agent_id: str, case_id: str, id_: str = "", **what: Any) -> str:
    """One record of `work.v1`, as an agent desktop writes it; returns its place."""
    body = {"type": f"work.{verb}", "id": id_ or f"{case_id}:{verb}", "agent_id": agent_id, "case_id": case_id}
    return await house.say("work.v1", {**body, "at": now(), **what}, key=case_id)


class Desks:
    """What the agents know: who has which case."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.holder: dict[str, str] = {}
        self._read: set[str] = set()

    async def read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                await asyncio.gather(*(self._take(said_of(record)) for record in records))

    async def _take(self, said: Said) -> None:
        """What comes once more, word for word, was read before."""
        if said.id in self._read:
            return
        self._read.add(said.id)
        case, data = said.subject, said.data
        if said.type == "case.offered":
            await work(self._house, "accepted", data["agent_id"], case, f"{case}:{said.sequence}:accepted")
        if said.type == "case.assigned":
            self.holder[case] = data["agent_id"]

    async def solve(self, case: str) -> None:
        await work(self._house, "resolved", self.holder[case], case, text="已为您处理完毕", result="退款已原路退回")


@asynccontextmanager
async def at_their_desks(house: House) -> AsyncIterator[Desks]:
    """From now on every offer is accepted, until the block ends."""
    desks = Desks(house)
    consumer = AIOKafkaConsumer(
        "assignments.v1", bootstrap_servers=house.env["SWITCHBOARD_KAFKA"], fetch_max_wait_ms=50
    )
    await consumer.start()
    reading: asyncio.Task[None] | None = None
    try:
        await consumer.seek_to_end()
        for place in consumer.assignment():
            await consumer.position(place)
        reading = asyncio.create_task(desks.read(consumer))
        yield desks
    finally:
        if reading is not None:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
        await consumer.stop()


async def all_solved(desks: Desks, cases: Set[str]) -> None:
    await eventually(lambda: cases <= desks.holder.keys())
    await asyncio.gather(*(desks.solve(case) for case in cases))


def offers_of(said: list[Said]) -> dict[str, list[dict[str, Any]]]:
    """By case, what was offered, in order."""
    offers: dict[str, list[dict[str, Any]]] = {}
    for one in said:
        if one.type == "case.offered":
            offers.setdefault(one.subject, []).append(json.loads(one.value or b"{}"))
    return offers
