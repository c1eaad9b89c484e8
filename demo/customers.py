"""Simulated customers, after the case: they open the link in the message that they got and answer the survey."""

from __future__ import annotations

import asyncio
import heapq
import re
import time
from collections.abc import Mapping
from itertools import count
from random import Random
from typing import Any

import httpx

LINK = re.compile(r"https?://[^\s/]+/s/[A-Za-z0-9_-]+")
ANSWERS, BAD = 0.75, 0.2
TICK_S, RETRY_S = 0.1, 1.0
GLAD = ("很满意，谢谢！", "Great help, thank you.", "处理很及时", "")
CROSS = ("等了三天没人理，推来推去", "Nobody called back.", "问题没有解决，态度也差")


def answer(case_id: str) -> dict[str, str] | None:
    """The form as a customer fills it in; None if he does not answer. The same case meets the same answer."""
    chance = Random(f"{case_id}:survey")
    if chance.random() >= ANSWERS:
        return None
    bad = chance.random() < BAD
    stars = (1, 2) if bad else (4, 5)
    given = {name: str(chance.randint(*stars)) for name in ("attitude", "speed", "clarity")}
    more = {"recommend": str(chance.randint(0, 4) if bad else chance.randint(8, 10))}
    return given | more | {"solved": "no" if bad else "yes", "words": chance.choice(CROSS if bad else GLAD)}


class Customers:
    """`take` reads each message as it is told; `run` answers.

    `answered`: cases whose survey was taken. `turned_away`: by case, the link that did not take it.
    """

    def __init__(self) -> None:
        self.answered: set[str] = set()
        self.turned_away: dict[str, str] = {}
        self._seen: set[str] = set()
        self._todo: list[tuple[float, int, str, str]] = []
        self._count = count()

    def take(self, message: Mapping[str, Any]) -> None:
        if message.get("template") != "survey" or message["notification_id"] in self._seen:
            return
        self._seen.add(str(message["notification_id"]))
        if (link := LINK.search(str(message["text"]))) and answer(str(message["case_id"])):
            delay = Random(f"{message['case_id']}:pause").uniform(0.5, 3.0)
            self._plan(delay, str(message["case_id"]), link[0])

    @property
    def busy(self) -> bool:
        """Whether somebody is about to answer."""
        return bool(self._todo)

    async def run(self) -> None:
        """Ends by being cancelled."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as browser:
            while True:
                while self._todo and self._todo[0][0] <= time.monotonic():
                    _, _, case_id, link = heapq.heappop(self._todo)
                    await self._answer(browser, case_id, link)
                await asyncio.sleep(TICK_S)

    def _plan(self, delay: float, case_id: str, link: str) -> None:
        heapq.heappush(self._todo, (time.monotonic() + delay, next(self._count), case_id, link))

    async def _answer(self, browser: httpx.AsyncClient, case_id: str, link: str) -> None:
        try:
            shown = await browser.post(link, data=answer(case_id))
        except httpx.TransportError:
            self._plan(RETRY_S, case_id, link)
            return
        if shown.status_code >= 500:
            self._plan(RETRY_S, case_id, link)
        elif shown.status_code >= 400:
            self.turned_away[case_id] = f"{link}: {shown.status_code}"
        else:
            self.answered.add(case_id)
