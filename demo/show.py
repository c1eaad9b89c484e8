"""One demo from the first contact to the last figure."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from demo import agents, departments
from demo.agents import Crew, crew_for
from demo.customers import Customers
from demo.departments import Departments
from demo.doors import Doors
from demo.feed import Feed, rate_for
from demo.lines import Line, identities
from demo.news import News
from demo.pace import HOUR_S, hour_of
from demo.screen import Picture, Screen
from demo.tally import SET_ASIDE, TOPICS, Tally
from demo.told import Told
from demo.totals import Outside, Totals, open_ends, totals, unfinished
from demo.visible import Visible
from demo.watch import listening
from shared.clock import utc_now

PICTURE_S = 0.25
PICKY_SHARE = 0.3
QUIET_S, LONGEST_QUIET_S = 1.5, 10.0
LONGEST_ROUND_S, EACH_CASE_S = 45.0, 0.1
GIVE_UP_S = 90.0
REST_S = 15.0


class Show:
    """`started`: when the person at the keyboard began to wait (monotonic seconds)."""

    def __init__(
        self, lines: Sequence[Line], env: Mapping[str, str], seconds: float, screen: Screen, started: float
    ) -> None:
        self.screen = screen
        self._hour_s = hour_of(env.get("SWITCHBOARD_RULES"))
        self._lines, self._env, self._seconds, self._started = lines, env, seconds, started
        contacts = identities(lines)
        self._seen = Outside(
            lines, Tally(contacts, utc_now()), Told(_file(env.get("SWITCHBOARD_OUTBOX"))), missing=contacts
        )
        self._customers, self._news = Customers(), News(env)
        self._seen.tally.reader = self._news.take
        self._seen.told.reader, self._seen.turned_away = self._customers.take, self._customers.turned_away
        self._feed: Feed | None = None
        self._fed_from = time.monotonic()
        self._finished: float | None = None
        self._greeted = False

    async def play(self, producer: AIOKafkaProducer, options: dict[str, Any]) -> Totals:
        pace = min(1.0, self._seconds / 60)
        async with Doors(self._env) as doors:
            crew = Crew(crew_for(len(self._lines)), doors, producer, pace, self._hour_s)
            called = Departments(producer)
            async with (
                listening(options, TOPICS + SET_ASIDE, self._seen.tally.add),
                listening(options, agents.TOPICS, crew.take),
                listening(options, departments.TOPICS, called.take),
                _beside(called.run()),
                _beside(self._customers.run()),
            ):
                await self._staffed(crew, Feed(self._lines, producer, doors, rate_for(len(self._lines), self._seconds)))
        return self.totals()

    def totals(self) -> Totals:
        """What was seen so far; with a verdict only once all was done."""
        self._look()
        counted = totals(self._seen) if self._finished else unfinished(self._seen)
        counted.seconds = round((self._finished or time.monotonic()) - self._fed_from, 1)
        tally = self._seen.tally
        counted.first_assigned_s = _since(self._started, tally.first_assigned_at())
        counted.all_assigned_s = _since(self._fed_from, tally.all_assigned_at())
        return counted

    async def _staffed(self, crew: Crew, feed: Feed) -> None:
        self._feed = feed
        await crew.sign_on()
        self.screen.say(f"{len(crew.people)} simulated agents are online, with {crew.places} places")
        with self.screen:
            async with _beside(self._pictures()), _beside(crew.run()):
                try:
                    await self._act(crew, feed)
                finally:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(crew.rest(), REST_S)
            self._look()
            self.screen.show(self._picture(), last=True)
        self.screen.say(f"agents accepted {crew.accepted} offers, declined {crew.declined}, let {crew.expired} expire")

    async def _act(self, crew: Crew, feed: Feed) -> None:
        self._fed_from = time.monotonic()
        async with _beside(self._no_more_declining(crew)):
            await self._while_moving(self._fed_and_assigned(feed))
            await self._while_moving(self._visible(feed.doors))
            self._finished = time.monotonic()
            await self._work_on(crew)
        crew.finish()
        if self._hour_s < HOUR_S:
            self._seen.asked_by = time.monotonic()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._come_round(), LONGEST_ROUND_S + EACH_CASE_S * len(self._seen.tally.opened))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet(), LONGEST_QUIET_S)

    async def _while_moving(self, work: Coroutine[Any, Any, None]) -> None:
        """Gives up when nothing at all has got further for a while; what is missing then is said at the end."""
        async with _beside(work) as task:
            before, since = self._progress(), time.monotonic()
            while not task.done() and time.monotonic() - since < GIVE_UP_S:
                await asyncio.wait([task], timeout=PICTURE_S)
                if (now := self._progress()) != before:
                    before, since = now, time.monotonic()

    def _progress(self) -> tuple[int, ...]:
        tally = self._seen.tally
        fed = self._feed.fed if self._feed else 0
        return fed, len(tally.cases_of), len(tally.assigned), len(self._seen.cases)

    async def _fed_and_assigned(self, feed: Feed) -> None:
        await feed.run()
        self._tell(f"{feed.fed} records fed")
        tally = self._seen.tally
        while tally.waiting() or not (tally.knows_all() or await self._nothing_new()):
            await self._something_came(PICTURE_S)
        self._tell(f"{len(tally.opened)} new cases, each with an agent")

    async def _nothing_new(self) -> bool:
        """Whether no contact turns up in a case for a while: those that are left had come before the demo."""
        before = len(self._seen.tally.cases_of)
        await asyncio.sleep(QUIET_S)
        return before == len(self._seen.tally.cases_of)

    async def _visible(self, doors: Doors) -> None:
        """Every contact in a case, and every case that appeared meanwhile with an agent."""
        visible = Visible(doors, identities(self._lines))
        self._seen.cases, self._seen.missing = visible.cases, visible.missing
        await visible.run()
        self._tell(f"{len(visible.cases)} contacts visible in a case, asked one by one")
        while self._seen.tally.waiting():
            await self._something_came(PICTURE_S)

    def _tell(self, text: str) -> None:
        self.screen.say(f"{text}, after {time.monotonic() - self._fed_from:.1f} s")

    async def _work_on(self, crew: Crew) -> None:
        """The agents go on until the time is over or they have nothing left to do."""
        ends = self._fed_from + self._seconds
        while crew.busy and time.monotonic() < ends:
            await self._something_came(PICTURE_S)

    async def _come_round(self) -> None:
        """Until all were told and asked, those who answer did, and what was missed or said badly has its effect."""
        while self._customers.busy or any(which for _, which in open_ends(self._seen)):
            await self._something_came(PICTURE_S)

    async def _quiet(self) -> None:
        """Until nothing has come for a while."""
        while await self._something_came(QUIET_S):
            pass

    async def _something_came(self, seconds: float) -> bool:
        before = self._seen.tally.records, self._seen.told.read()
        await asyncio.sleep(seconds)
        return before != (self._seen.tally.records, self._seen.told.read())

    async def _no_more_declining(self, crew: Crew) -> None:
        await asyncio.sleep(self._seconds * PICKY_SHARE)
        crew.no_more_declining()

    async def _pictures(self) -> None:
        while True:
            self._look()
            self.screen.show(self._picture())
            await asyncio.sleep(PICTURE_S)

    def _look(self) -> None:
        self._seen.told.read()
        if self._feed is not None:
            self._seen.fed, self._seen.refused = self._feed.fed, self._feed.refused
        for line in self._news.fresh():
            self.screen.say(line)
        if not self._greeted and (first := self._seen.tally.first_assigned()) is not None:
            self._greeted = True
            self._greet(first)

    def _greet(self, first: Mapping[str, Any]) -> None:
        reason = first["reason"]
        self.screen.say(
            f"first case assigned {time.monotonic() - self._started:.1f} s after the start: {first['number']} to "
            f"{first['agent_id']} {first.get('agent_name', '')} ({first.get('team', '')}) after waiting "
            f"{first['waited_s']:.1f} s, because: " + ", ".join(f"{name} {value}" for name, value in reason.items())
        )
        self.screen.say(
            f"open {self._env['INTAKE_URL']}/v1/cases/{first['case_id']} and "
            f"{self._env['ROUTING_URL']}/v1/cases/{first['case_id']}/routing"
        )

    def _picture(self) -> Picture:
        tally, now = self._seen.tally, time.monotonic()
        waiting = [tally.opened[case] for case in tally.waiting()]
        return Picture(
            total=len(self._lines),
            fed=self._seen.fed,
            cases=len(tally.opened),
            joined=len(tally.joined),
            assigned=len(tally.opened) - len(waiting),
            resolved=tally.resolved_now(),
            told=self._seen.told.lines,
            **tally.circle.counts(tally.opened),
            quarantined=self._seen.quarantined,
            oldest_s=now - min(waiting, default=now),
        )


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Lets `work` go on while the block runs; its own failure comes out at the end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _file(name: str | None) -> Path | None:
    return Path(name) if name else None


def _since(start: float, moment: float | None) -> float | None:
    return None if moment is None else round(moment - start, 1)
