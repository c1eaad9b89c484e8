"""The version before and today's as processes on one broker and one database, while contacts flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import httpx
import pytest

from demo.pace import FAST_RULES
from tests.e2e.agents import Desks, all_solved, at_their_desks, comes_online
from tests.e2e.contacts import Sending, conversations, expected, feed
from tests.e2e.fresh import SERVICES, emptied
from tests.e2e.happened import assert_sound, eventually_assigned, story
from tests.e2e.house import PATIENCE_S, House, at_home
from tests.faults.fleet import Fleet, Member
from tests.upgrades.before import code_before
from tests.waiting import eventually

MOST, AT_ONCE, PACE_S = 3000, 4, 0.4
GRACE_S = 30.0
APPLIED = "switchboard_events_applied_total{"


@dataclass
class Roll:
    """Of each service an old process and a new one; the doors of the fleet are those that the outside world knows."""

    fleet: Fleet
    before: Path

    @property
    def old(self) -> list[Member]:
        return [self.fleet.of(service)[0] for service in SERVICES]

    @property
    def new(self) -> list[Member]:
        return [self.fleet.of(service)[1] for service in SERVICES]

    async def old_come(self) -> None:
        for member in self.old:
            self.fleet.start(member, code=self.before)
        await self.fleet.ready(*self.old)

    async def new_come(self) -> None:
        for service in SERVICES:
            await self.fleet.scale(service, 2)
        await self.fleet.ready(*self.new)

    async def go(self, members: Sequence[Member], instead: Sequence[Member]) -> None:
        """One after the other, each asked, and killed if it does not leave in time; the other answers at its door."""
        for member, other in zip(members, instead, strict=True):
            self.fleet.env[f"{member.service.upper()}_URL"] = other.address
            assert member.process is not None
            await asyncio.to_thread(member.process.stop, GRACE_S)

    async def at_work(self, *members: Member) -> None:
        """Returns when each of these has applied something from now on."""
        async with httpx.AsyncClient(trust_env=False) as http:
            before = {member.name: await _applied(http, member) for member in members}

            async def all_have() -> bool:
                return all([await _applied(http, member) > before[member.name] for member in members])

            await eventually(all_have, within=PATIENCE_S)


async def _applied(http: httpx.AsyncClient, member: Member) -> float:
    said = (await http.get(f"{member.address}/metrics")).text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in said if line.startswith(APPLIED))


@pytest.fixture
async def roll(kafka: str, mongo: str, tmp_path: Path) -> AsyncIterator[Roll]:
    """All services in the version before, ready, and nobody beside them yet."""
    await emptied(kafka, mongo)
    fleet = Fleet(tmp_path, kafka, mongo, (kafka, mongo), FAST_RULES, note=lambda name, process: None)
    roll = Roll(fleet, code_before(tmp_path / "before"))
    try:
        await roll.old_come()
        yield roll
    finally:
        roll.fleet.stop()


@asynccontextmanager
async def contacts_flow(house: House) -> AsyncIterator[list[Sending]]:
    """A steady stream of conversations while the block runs; the list grows by those that are sent."""
    over = asyncio.Event()
    sent: list[Sending] = []

    async def flow() -> None:
        for _, some in groupby(sorted(conversations("upgrade", MOST), key=_turn), key=_turn):
            sent.extend(sending := list(some))
            await feed(house, sending)
            if over.is_set():
                return
            await asyncio.sleep(PACE_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(flow())
        yield sent
        over.set()


def _turn(sending: Sending) -> int:
    return int(sending.body["conversation"].rpartition("-")[2]) // AT_ONCE


@asynccontextmanager
async def half_is_solved(desks: Desks) -> AsyncIterator[set[str]]:
    """While the block runs, every other case as soon as somebody has it; the set grows."""
    solved: set[str] = set()

    async def solve() -> None:
        while True:
            for case in desks.holder.keys() - solved:
                if int(case[-1], 16) % 2:
                    solved.add(case)
                    await desks.solve(case)
            await asyncio.sleep(PACE_S)

    solving = asyncio.create_task(solve())
    yield solved
    solving.cancel()


async def test_old_and_new_do_one_work_side_by_side_and_the_new_can_be_taken_back(roll: Roll) -> None:
    async with at_home(roll.fleet, SERVICES) as house, at_their_desks(house) as desks:  # type: ignore[arg-type]
        for agent_id in ("A01", "A02", "A03"):
            await comes_online(house, agent_id)
        async with half_is_solved(desks) as solved, contacts_flow(house) as sent:
            await roll.new_come()
            await roll.at_work(*roll.old, *roll.new)
            await roll.go(roll.old, roll.new)
            await roll.at_work(*roll.new)
            await roll.old_come()
            await roll.at_work(*roll.new, *roll.old)
            await roll.go(roll.new, roll.old)
            await roll.at_work(*roll.old)
        ahead, contacts = expected(sent), [sending.identity for sending in sent]
        await eventually_assigned(house, contacts)
        opened = (await story(house, contacts)).opened
        await all_solved(desks, opened - solved)
        await house.quiet()
        happened = await story(house, contacts)
        assert_sound(happened)
        assert (len(happened.opened), happened.joined) == (ahead.cases, ahead.joined)
        assert happened.assigned == happened.resolved == happened.opened
        assert len(happened.told_by("received")) == ahead.reachable
        assert happened.of("target.reminder", "target.missed"), "the clock was at work as well"
        for service in SERVICES:
            assert (await house.get(service, "/v1/quarantine"))["items"] == []
            assert (await house.get(service, "/v1/parked"))["items"] == []
