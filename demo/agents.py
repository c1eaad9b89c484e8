"""Simulated agents. Outsiders like any agent desktop: HTTP to sign on, topics to hear of offers and to answer."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from math import ceil
from random import Random
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from demo.doors import Doors
from demo.tally import Seen
from demo.work import Step, answer, handling, record

TOPICS = ("assignments.v1",)
WORK = "work.v1"
SKILLS = ("technical", "product", "returns", "complaints", "logistics", "accounts", "payments", "general")
READY = dict.fromkeys(("login", "permissions", "headset", "network", "vpn_antivirus", "updates_read"), True)
FEWEST, MOST, CONTACTS_EACH, PLACES = 24, 120, 10, 10
SPARE = 2.0
AT_ONCE = 3
TICK_S = 0.02
RETRY_S = 1.0
SURNAMES, GIVEN = (
    "林周苏叶方程何吕丁沈任姜崔钟",
    ("悦", "晨", "雨桐", "子轩", "佳宁", "浩然", "思琪", "一鸣", "可欣", "文博"),
)


@dataclass(frozen=True, slots=True)
class Profile:
    agent_id: str
    name: str
    team: str
    skills: dict[str, int]
    languages: tuple[str, ...]
    places: int

    def body(self) -> dict[str, Any]:
        return {
            "agent_id": self.agent_id, "at": _now(), "name": self.name, "team": self.team, "skills": self.skills,
            "languages": self.languages, "capacity": {"total": self.places}, "roles": ["agent"],
            "supervisor": f"主管-{self.team}",
        }  # fmt: skip


def crew_for(contacts: int) -> list[Profile]:
    """Enough people for so many contacts, even if nobody ever finished a case: twice as many places as contacts."""
    size = min(MOST, max(FEWEST, ceil(contacts / CONTACTS_EACH)))
    places = max(PLACES, ceil(contacts * SPARE / size))
    return [_profile(number, places) for number in range(1, size + 1)]


def _profile(number: int, places: int) -> Profile:
    chance = Random(number)
    own = {SKILLS[number % len(SKILLS)], SKILLS[(number * 3 + 1) % len(SKILLS)]}
    skills = {skill: chance.randint(4, 5) if skill in own else chance.randint(2, 4) for skill in SKILLS}
    languages = ("zh", "en", "es") if number % 4 == 0 else ("zh", "en")
    name = chance.choice(SURNAMES) + chance.choice(GIVEN)
    return Profile(f"D{number:03d}", name, f"客服{number % 6 + 1}组", skills, languages, places)


@dataclass(frozen=True, slots=True)
class Todo:
    """What an agent is about to do about a case. `turn` is the number of the event that gave it to him."""

    case_id: str
    agent_id: str
    turn: str
    step: Step
    then: tuple[Step, ...] = ()


class Crew:
    """The agents of one demo. `take` hears of offers; `run` acts on them when the time has come."""

    def __init__(
        self, people: Sequence[Profile], doors: Doors, producer: AIOKafkaProducer, pace: float, hour_s: float = 3600
    ) -> None:
        self.people = people
        self._hour = timedelta(seconds=hour_s)
        self.accepted = self.declined = self.expired = 0
        self._doors, self._producer, self._pace = doors, producer, pace
        self._ids = {person.agent_id for person in people}
        self._picky = self._working = True
        self._holder: dict[str, tuple[str, str]] = {}
        self._todo: list[tuple[float, int, Todo]] = []
        self._count = count()
        self._busy_until = {agent_id: [0.0] * AT_ONCE for agent_id in self._ids}
        self._passed_on: set[str] = set()

    @property
    def places(self) -> int:
        return sum(person.places for person in self.people)

    async def sign_on(self) -> None:
        await self._send_ghosts_away()
        await asyncio.gather(*(self._profile(person) for person in self.people))
        await self._presence(self._ids, "online", READY)

    async def rest(self) -> None:
        """A break, not offline: whoever goes offline gives back his cases."""
        await self._presence(self._ids, "break", {})

    async def _send_ghosts_away(self) -> None:
        """A demo that was killed may have left its agents online; what is offered to them would only expire."""
        online = {agent["agent_id"] for agent in await self._doors.agents() if agent["state"] == "online"}
        await self._presence(online & {f"D{number:03d}" for number in range(1, MOST + 1)} - self._ids, "break", {})

    async def _profile(self, person: Profile) -> None:
        url = self._doors.env["ROUTING_URL"]
        answer_ = await self._doors.ask(
            "PUT", url, f"/v1/agents/{person.agent_id}", content=orjson.dumps(person.body())
        )
        _must(answer_.status_code, f"PUT {url}/v1/agents/{person.agent_id}", answer_.text)

    async def _presence(self, agents: Collection[str], state: str, readiness: dict[str, bool]) -> None:
        await asyncio.gather(*(self._present(agent_id, state, readiness) for agent_id in agents))

    async def _present(self, agent_id: str, state: str, readiness: dict[str, bool]) -> None:
        url, path = self._doors.env["ROUTING_URL"], f"/v1/agents/{agent_id}/presence"
        body = {"agent_id": agent_id, "at": _now(), "state": state, "readiness": readiness}
        answer_ = await self._doors.ask("POST", url, path, content=orjson.dumps(body))
        _must(answer_.status_code, f"POST {url}{path}", answer_.text)

    def take(self, seen: Seen) -> None:
        """What routing says about a case, as far as it concerns one of ours."""
        agent_id, case_id = str(seen.data.get("agent_id", "")), str(seen.data.get("case_id", ""))
        if agent_id not in self._ids:
            return
        turn = seen.headers["ce_sequence"]
        match seen.headers["ce_type"]:
            case "case.offered":
                self._offered(case_id, agent_id, turn, str(seen.data["expires_at"]))
            case "case.assigned":
                self._assigned(case_id, agent_id, turn, seen.data["reason"])
            case "case.unassigned":
                self._holder.pop(case_id, None)

    def no_more_declining(self) -> None:
        self._picky = False

    def finish(self) -> None:
        """From now on offers are still accepted, but nothing else is begun or gone on with."""
        self._working = False

    @property
    def busy(self) -> bool:
        return bool(self._todo)

    async def run(self) -> None:
        """Does what is due, in batches; ends by being cancelled."""
        while True:
            due = self._due(time.monotonic())
            answers = [await self._write(todo) for todo in due]
            await asyncio.gather(*(self._written(todo, answer_) for todo, answer_ in zip(due, answers, strict=True)))
            await asyncio.sleep(TICK_S)

    def _offered(self, case_id: str, agent_id: str, turn: str, expires_at: str) -> None:
        left = (datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()
        step = answer(case_id, agent_id, left, self._picky and case_id not in self._passed_on)
        if step is None:
            self.expired += 1
        else:
            self.accepted += step.verb == "accepted"
            self.declined += step.verb == "declined"
            self._plan(Todo(case_id, agent_id, turn, step))
        if step is None or step.verb == "declined":
            self._passed_on.add(case_id)

    def _assigned(self, case_id: str, agent_id: str, turn: str, reason: dict[str, Any]) -> None:
        if self._holder.get(case_id) == (agent_id, turn):
            return  # the same event again
        self._holder[case_id] = agent_id, turn
        first, *then = handling(case_id, agent_id, reason["skill"], reason["language"], datetime.now(UTC), self._hour)
        begins = self._when_free(agent_id, sum(step.after_s for step in (first, *then)))
        self._plan(Todo(case_id, agent_id, turn, first, tuple(then)), begins)

    def _when_free(self, agent_id: str, takes_s: float) -> float:
        """Seconds until he can begin on one more; nobody works on more than a few cases at the same moment."""
        now, hands = time.monotonic(), self._busy_until[agent_id]
        begins = max(now, heapq.heappop(hands))
        heapq.heappush(hands, begins + takes_s * self._pace)
        return begins - now

    def _plan(self, todo: Todo, wait_s: float = 0.0) -> None:
        due = time.monotonic() + wait_s + todo.step.after_s * self._pace
        heapq.heappush(self._todo, (due, next(self._count), todo))

    def _due(self, now: float) -> list[Todo]:
        due = []
        while self._todo and self._todo[0][0] <= now:
            todo = heapq.heappop(self._todo)[2]
            if self._still_wanted(todo):
                due.append(todo)
        return due

    def _still_wanted(self, todo: Todo) -> bool:
        if todo.step.verb in ("accepted", "declined"):
            return True
        return self._working and self._holder.get(todo.case_id) == (todo.agent_id, todo.turn)

    async def _write(self, todo: Todo) -> Any:
        """Half of the agents' desktops send CloudEvents, the others bare JSON."""
        body = record(todo.step, todo.case_id, todo.agent_id, todo.turn)
        headers = []
        if int(todo.agent_id[1:]) % 2:
            body["type"] = f"work.{todo.step.verb}"
        else:
            headers = _cloud_event(body, f"work.{todo.step.verb}")
        try:
            return await self._producer.send(WORK, key=todo.case_id.encode(), value=orjson.dumps(body), headers=headers)
        except KafkaError as error:
            return error

    async def _written(self, todo: Todo, answer_: Any) -> None:
        try:
            if isinstance(answer_, KafkaError):
                raise answer_
            await answer_
        except KafkaError:
            again = Step(RETRY_S, todo.step.verb, todo.step.body)
            self._plan(Todo(todo.case_id, todo.agent_id, todo.turn, again, todo.then))
            return
        if todo.then:
            self._plan(Todo(todo.case_id, todo.agent_id, todo.turn, todo.then[0], todo.then[1:]))


def _cloud_event(body: dict[str, Any], type_: str) -> list[tuple[str, bytes]]:
    told = {
        "ce_specversion": "1.0", "ce_id": f"{body['agent_id']}:{body['id']}", "ce_source": "/demo/desktop",
        "ce_type": type_, "ce_subject": body["case_id"], "ce_time": body["at"], "content-type": "application/json",
    }  # fmt: skip
    return [(name, value.encode()) for name, value in told.items()]


def _must(status: int, what: str, text: str) -> None:
    if status >= 400:
        raise RuntimeError(f"{what} answered {status}: {text[:300]}")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
