"""Contacts go in: most through the topic, one conversation in ten through the HTTP door."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from demo.doors import Doors
from demo.lines import Line

TOPIC = "contacts.v1"
LANES = 16
FULL_SPEED_ABOVE = 1000
SHARE_OF_TIME = 0.6
IN_FLIGHT = 2000
RETRY_S = 1.0


def rate_for(count: int, seconds: float) -> float | None:
    """Records per second that spread a file over the first 60 % of the demo; None: full speed, for a large file."""
    return None if count > FULL_SPEED_ABOVE else max(count / (seconds * SHARE_OF_TIME), 0.1)


class Feed:
    """`fed` counts what was acknowledged; `refused` holds what the HTTP door would not take, with its reason."""

    def __init__(self, lines: Sequence[Line], producer: AIOKafkaProducer, doors: Doors, rate: float | None) -> None:
        self.total = len(lines)
        self.fed = 0
        self.refused: list[str] = []
        self.doors = doors
        self._lines, self._producer, self._rate = lines, producer, rate
        self._queues: list[asyncio.Queue[Line]] = [asyncio.Queue() for _ in range(LANES)]

    async def run(self) -> None:
        """Returns when every line was acknowledged or refused."""
        lanes = [asyncio.create_task(self._lane(queue)) for queue in self._queues]
        try:
            await self._send_all()
            for queue in self._queues:
                await queue.join()
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)

    async def _send_all(self) -> None:
        started = time.monotonic()
        unanswered: list[tuple[Line, Any]] = []
        for position, line in enumerate(self._lines):
            if self._rate is not None:
                await asyncio.sleep(max(0.0, started + position / self._rate - time.monotonic()))
            if line.over_http:
                self._queues[zlib.crc32(line.key or b"") // LANES % LANES].put_nowait(line)
            else:
                unanswered.append((line, await self._send(line)))
            if self._rate is not None or len(unanswered) >= IN_FLIGHT:
                unanswered = await self._acknowledged(unanswered, wait=len(unanswered) >= IN_FLIGHT)
        await self._acknowledged(unanswered, wait=True)

    async def _acknowledged(self, sent: list[tuple[Line, Any]], wait: bool) -> list[tuple[Line, Any]]:
        """Counts the answers that are there; gives back what is still on its way."""
        waiting = []
        for line, answer in sent:
            if wait or answer.done():
                await self._settled(line, answer)
            else:
                waiting.append((line, answer))
        return waiting

    async def _settled(self, line: Line, answer: Any) -> None:
        """A record whose answer was lost is sent again: Switchboard finds the second to be a repeat."""
        while True:
            try:
                await answer
            except KafkaError:
                await asyncio.sleep(RETRY_S)
                answer = await self._send(line)
            else:
                self.fed += 1
                return

    async def _send(self, line: Line) -> Any:
        while True:
            try:
                return await self._producer.send(TOPIC, value=line.raw, key=line.key)
            except KafkaError:
                await asyncio.sleep(RETRY_S)

    async def _lane(self, queue: asyncio.Queue[Line]) -> None:
        """One after the other, so that a conversation keeps its order."""
        while True:
            line = await queue.get()
            answer = await self.doors.contact(line.raw)
            if answer.status_code >= 400:
                self.refused.append(f"{line.identity}: {answer.status_code} {answer.text[:300]}")
            self.fed += 1
            queue.task_done()
