"""A steady stream of contacts, as patient channels send them: what is not acknowledged is sent again, as it was."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from random import Random
from typing import Any

import httpx
import orjson
from aiokafka.errors import KafkaError

from shared.outbox import Publication
from tests.e2e.contacts import CHANNELS, SHIPPED, Identity, Sending
from tests.faults.fleet import Fleet
from tests.faults.pen import Pen

TICK_S = 0.1
SLOWEST_DOOR = 5.0
"""Contacts per second that are taken over HTTP even where all nodes share one loaded machine."""
RETRY_S, LONGEST_RETRY_S = 0.5, 4.0
CONNECTIONS = 48
HTTP_TIMEOUT_S = 15.0
BUSY = frozenset({429, 502, 503, 504})
OPEN_TALKS, LONGEST_TALK = 24, 40
"""Long talks: all services apply a contact that joins a case, at a fraction of what the life of a case costs."""
REPEATED, AMENDED, HURRIED, UNREACHABLE = 0.03, 0.03, 0.06, 0.1


@dataclass
class Talk:
    """A conversation of one customer that still goes on."""

    name: str
    customer: dict[str, Any]
    left: int


@cache
def words() -> tuple[tuple[str, str], ...]:
    """What customers say, in the languages that are shipped: (language, text)."""
    bodies = [json.loads(line) for line in SHIPPED.read_text().splitlines()]
    return tuple(((b.get("customer") or {}).get("language") or "zh", b["text"]) for b in bodies if b.get("text"))


def contacts(source: str, row: int, chance: Random, over_http: float) -> Iterator[Sending]:
    """For ever. Nobody of another row knows these customers, so that every figure is this row's own."""
    names = count()
    talks: list[Talk] = []
    for number in count():
        language, text = chance.choice(words())
        while len(talks) < OPEN_TALKS:
            talks.append(_talk(row, next(names), language, chance))
        talk = talks[place := chance.randrange(OPEN_TALKS)]
        talk.left -= 1
        if talk.left == 0:
            talks.pop(place)
        body = {
            "source": source, "id": f"c{number}", "conversation": talk.name, "channel": CHANNELS[number % 8],
            "text": text, "customer": talk.customer,
        }  # fmt: skip
        yield Sending(body, chance.random() < over_http)


def _talk(row: int, number: int, language: str, chance: Random) -> Talk:
    reach = {} if chance.random() < UNREACHABLE else {"phone": f"+8613{row:02}{number:07}"}
    tier = {"tier": "diamond"} if chance.random() < HURRIED else {}
    return Talk(f"talk-{number}", {"language": language, **reach, **tier}, chance.randint(1, LONGEST_TALK))


@dataclass
class Load:
    """`accepted`: when each contact was first acknowledged. `refused`: well-formed ones that were turned away.

    `arrived`: how many are in a case.
    """

    source: str
    row: int
    fleet: Fleet
    pen: Pen
    chance: Random
    rate: float
    arrived: Callable[[], int]
    over_http: float = 0.3
    most_behind: int = 5000
    accepted: dict[Identity, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    tried_again: int = 0

    def __post_init__(self) -> None:
        self._contacts = contacts(self.source, self.row, self.chance, self.over_http)
        self._asking: set[asyncio.Task[None]] = set()
        self._failed: BaseException | None = None
        self._again = Random(self.source)
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {self.fleet.env['SWITCHBOARD_KEY']}"}, timeout=HTTP_TIMEOUT_S,
            limits=httpx.Limits(max_connections=CONNECTIONS), trust_env=False,
        )  # fmt: skip
        self._lines = asyncio.Semaphore(CONNECTIONS)

    @property
    def waiting(self) -> int:
        return len(self._asking)

    async def flow(self) -> None:
        """Sends at the rate until it is cancelled; waits while too many are in no case yet: the machine is too slow."""
        owed, before = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            owed, before = owed + (now - before) * self.rate, now
            if len(self.accepted) - self.arrived() < self.most_behind:
                self.send(int(owed))
                owed %= 1
            else:
                owed = 0.0

    def send(self, many: int) -> None:
        """So many more, at once."""
        some = [next(self._contacts) for _ in range(many)]
        for sending in some:
            if sending.over_http:
                self._begin(self._life_of(sending))
        if over_kafka := [sending for sending in some if not sending.over_http]:
            self._begin(self._written(over_kafka))

    async def has_accepted(self, many: int, within: float = 120.0) -> None:
        end = time.monotonic() + within
        while len(self.accepted) < many:
            self._check()
            if time.monotonic() > end:
                raise TimeoutError(f"only {len(self.accepted)} of {many} contacts were accepted within {within:g} s")
            await asyncio.sleep(TICK_S)

    async def all_accepted(self) -> None:
        """Returns when everything that was sent has been acknowledged. Where many wait, it takes longer."""
        within = 180.0 + len(self._asking) / SLOWEST_DOOR
        try:
            async with asyncio.timeout(within):
                while self._asking:
                    await asyncio.wait(self._asking)
                    self._check()
        except TimeoutError:
            raise TimeoutError(f"{len(self._asking)} senders were not answered within {within:g} s") from None

    async def close(self) -> None:
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        await self._http.aclose()

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._asking.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._failed = self._failed or error

    def _check(self) -> None:
        """A sender that broke is an error of the suite."""
        if self._failed:
            raise self._failed

    async def _written(self, sendings: list[Sending]) -> None:
        await self._until(lambda: self._write(*sendings))
        await asyncio.gather(*(self._afterwards(sending) for sending in sendings))

    async def _life_of(self, sending: Sending) -> None:
        await self._until(lambda: self._post(sending))
        await self._afterwards(sending)

    async def _afterwards(self, sending: Sending) -> None:
        """Some are sent again as they were, some are amended; by whichever door."""
        drawn, door = self._again.random(), self._again.random()
        attempt = self._post if door < self.over_http else self._write
        if drawn < REPEATED:
            await self._until(lambda: attempt(sending))
        elif drawn < REPEATED + AMENDED:
            amended = Sending({**sending.body, "revision": 2, "text": sending.body["text"] + " (2)"})
            await self._until(lambda: attempt(amended))

    async def _until(self, attempt: Callable[[], Awaitable[bool]]) -> None:
        pause = RETRY_S
        while not await attempt():
            self.tried_again += 1
            await asyncio.sleep(pause * self._again.uniform(0.5, 1.5))
            pause = min(2 * pause, LONGEST_RETRY_S)

    async def _write(self, *sendings: Sending) -> bool:
        records = [Publication("contacts.v1", s.key.encode(), orjson.dumps(s.body), []) for s in sendings]
        try:
            await self.pen.write(records)
        except KafkaError:
            return False
        self._count(*sendings)
        return True

    async def _post(self, sending: Sending) -> bool:
        """To any replica that should answer, as a balancer would choose."""
        answering = [m for m in self.fleet.of("intake") if m.answers] or self.fleet.of("intake")[:1]
        url = f"{self._again.choice(answering).address}/v1/contacts"
        try:
            async with self._lines:
                answer = await self._http.post(url, json=sending.body)
        except httpx.TransportError:
            return False
        if answer.status_code in BUSY:
            return False
        if answer.status_code in (200, 201):
            self._count(sending)
        elif sending.identity not in self.accepted or answer.status_code != 422:
            self.refused.append(f"{sending.identity}: {answer.status_code} {answer.text[:300]}")
        return True

    def _count(self, *sendings: Sending) -> None:
        now = time.monotonic()
        for sending in sendings:
            self.accepted.setdefault(sending.identity, now)


@asynccontextmanager
async def flowing(load: Load) -> AsyncIterator[Load]:
    """Contacts come for as long as the block runs; at its end all of them have been accepted."""
    flow = asyncio.create_task(load.flow())
    try:
        yield load
        await _cancelled(flow)
        await load.all_accepted()
    finally:
        await _cancelled(flow)
        await load.close()


async def _cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
