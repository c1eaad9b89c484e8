"""Simulated departments. Outsiders: each hears of escalations on its own topic and answers on the replies' topic."""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from demo.tally import Seen
from shared.events.escalations import TOPICS

__all__ = ["REPLIES", "TOPICS", "Departments", "Reply", "replies"]

REPLIES = "escalation-replies.v1"
TICK_S = 0.05
RETRY_S = 1.0
ACKNOWLEDGE = {1: 0.4, 2: 0.7, 3: 1.0}
REFUSE = {1: 0.0, 2: 0.15, 3: 0.0}
RESOLVE = {1: 0.3, 2: 0.6, 3: 1.0}


@dataclass(frozen=True, slots=True)
class Reply:
    """`after_s` counts from when the department was called."""

    after_s: float
    answer: str
    text: str = ""


def replies(escalation_id: str, level: int) -> list[Reply]:
    """What a department does about a call: the same call meets the same answer. Management answers every one."""
    chance = Random(f"{escalation_id}:{level}")
    roll = chance.random()
    if roll < REFUSE[level]:
        return [Reply(chance.uniform(0.2, 1.0), "refused", "不属于本部门职责 / not ours")]
    if roll > REFUSE[level] + ACKNOWLEDGE[level]:
        return []
    said = [Reply(chance.uniform(0.2, 1.0), "acknowledged")]
    if chance.random() < RESOLVE[level]:
        said.append(Reply(said[0].after_s + chance.uniform(1, 4), "resolved", "已查明原因并处理 / found and mended"))
    return said


class Departments:
    """All departments of one demo. `take` hears of calls, `run` answers when the time has come."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.answered = 0
        self._producer = producer
        self._todo: list[tuple[float, int, dict[str, Any]]] = []
        self._count = count()
        self._called: set[tuple[str, int]] = set()

    def take(self, seen: Seen) -> None:
        if seen.headers["ce_type"] == "escalation.withdrawn":
            return
        call = str(seen.data["escalation_id"]), int(seen.data["level"])
        if call in self._called:
            return  # delivery is at least once
        self._called.add(call)
        for reply in replies(*call):
            self._plan(time.monotonic() + reply.after_s, _body(seen, reply))

    async def run(self) -> None:
        """Answers what is due; ends by being cancelled."""
        while True:
            while self._todo and self._todo[0][0] <= time.monotonic():
                await self._answer(heapq.heappop(self._todo)[2])
            await asyncio.sleep(TICK_S)

    def _plan(self, at: float, body: dict[str, Any]) -> None:
        heapq.heappush(self._todo, (at, next(self._count), body))

    async def _answer(self, body: dict[str, Any]) -> None:
        try:
            await self._producer.send_and_wait(REPLIES, orjson.dumps(body), key=str(body["case_id"]).encode())
            self.answered += 1
        except KafkaError:
            self._plan(time.monotonic() + RETRY_S, body)


def _body(seen: Seen, reply: Reply) -> dict[str, Any]:
    named = {key: seen.data[key] for key in ("escalation_id", "case_id", "department")}
    id_ = f"{seen.data['escalation_id']}:{seen.data['level']}:{reply.answer}"
    return {**named, "type": f"escalation.{reply.answer}", "id": id_, "by": "值班 / on duty", "text": reply.text}
