"""The clock's door: fires what is due, from the index (shard, due), on time and never before its cause.

The owner of a shard looks ahead every LOOK_AHEAD and sleeps until the next instant. A timer waits until everything
written to its shard's topics before its due time has been applied, so a pause makes no false miss. Firing is a
guarded write like any other: a zombie changes nothing. What has fallen due goes page by page; on each
partition its events lie in due order.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from shared.clock import Clock, utc_now
from shared.decisions import Decide, Decision
from shared.errors import TRANSIENT
from shared.fold import Change, Outcome
from shared.ids import named
from shared.metrics import Metrics
from shared.ownership import Ownership
from shared.store import Store
from shared.tasks import end_if_told

log = logging.getLogger(__name__)
LOOK_AHEAD = timedelta(milliseconds=250)
BEHIND = timedelta(seconds=1)
"""A shard that has applied less is looked at only as far as it has got: its timers must not fill the others' page."""
TICK_S = 0.02
PAGE = 500
FIRST_DUE = (("due", 1),)
PUT_OFF = timedelta(minutes=1)
After = Callable[[Sequence[Outcome[Any]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Timed:
    """A store whose documents fall due, and the decision that the clock then takes.

    `fire` is called at or after the due time; when nothing is due any more it returns the state it was given.
    """

    store: Store[Any]
    fire: Decide[Any]


class Gate(Protocol):
    """Lets the timers of a shard rest after many errors of our own, until an operator lets them go on."""

    async def at_rest(self) -> frozenset[int]: ...

    async def judge(self, verdicts: Iterable[tuple[int, bool]]) -> None:
        """What came of timers: their shard, and whether it was an error of our own."""


@dataclass(slots=True)
class _Firing(Change[Any]):
    shard: int = 0

    def together(self) -> str:
        """A store works on a page in halves, side by side; a shard lies in one of them, so it keeps its due order."""
        return str(self.shard)


@dataclass(frozen=True, slots=True)
class _Due:
    key: str
    shard: int
    at: datetime


def due_by(bounds: Mapping[int, datetime]) -> dict[str, Any]:
    """By shard, what falls due by then: for each the beginning of its part of the index, merged in due order."""
    return {"$or": [{"shard": shard, "due": {"$lte": moment}} for shard, moment in sorted(bounds.items())]}


class Timers:
    def __init__(
        self,
        timed: Sequence[Timed],
        ownership: Ownership,
        after: After,
        gate: Gate,
        *,
        metrics: Metrics,
        clock: Clock = utc_now,
    ) -> None:
        self._timed, self._ownership, self._after, self._gate = timed, ownership, after, gate
        self._metrics, self._clock = metrics, clock
        self._put_off: dict[_Due, datetime] = {}

    def workers(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """One for each store, so that a slow one delays no other; each runs for ever."""
        return [partial(self._run, timed) for timed in self._timed]

    async def _run(self, timed: Timed) -> None:
        """Fire for ever; what fails for now is tried again at the next look."""
        while True:
            until = self._clock() + LOOK_AHEAD
            try:
                full = await self._look(timed, until) >= PAGE
            except TRANSIENT as error:
                end_if_told()
                log.warning("timers wait: %s: %s", type(error).__name__, error)
                full = False
            if not full:
                await asyncio.sleep(max(0.0, (until - self._clock()).total_seconds()))

    async def look(self) -> int:
        """Fire what is due now or within the look-ahead, each at its moment; returns how many were found."""
        until = self._clock() + LOOK_AHEAD
        return sum(await asyncio.gather(*(self._look(timed, until) for timed in self._timed)))

    async def _look(self, timed: Timed, until: datetime) -> int:
        coming = await self._coming(timed, until)
        found = len(coming)
        while coming:
            now = self._clock()
            if ripe := self._ripe(coming, now):
                await self._fire(timed, ripe)
                fired = set(ripe)
                coming = [due for due in coming if due not in fired]
            elif now >= until:
                break  # the rest waits for what is on its topics, and is found again
            else:
                await asyncio.sleep((coming[0].at - now).total_seconds() if coming[0].at > now else TICK_S)
        return found

    async def _coming(self, timed: Timed, until: datetime) -> list[_Due]:
        """The first that fall due by `until` on owned shards, in due order."""
        self._forget_put_off()
        if not (bounds := self._bounds(until, await self._gate.at_rest())):
            return []
        limit = PAGE + len(self._put_off)
        cursor = timed.store.documents.find(
            due_by(bounds), projection={"shard": 1, "due": 1}, sort=list(FIRST_DUE), limit=limit
        )
        found = [_Due(body["_id"], body["shard"], body["due"]) for body in await cursor.to_list(None)]
        return [due for due in found if due not in self._put_off][:PAGE]

    def _bounds(self, until: datetime, at_rest: frozenset[int]) -> dict[int, datetime]:
        """By owned shard that does not rest, up to when it is looked at."""
        applied = {shard: self._ownership.applied_until(shard) for shard in self._ownership.shards - at_rest}
        return {
            shard: until if until - moment <= LOOK_AHEAD + BEHIND else moment
            for shard, moment in applied.items()
            if moment is not None
        }

    def _ripe(self, coming: Sequence[_Due], now: datetime) -> list[_Due]:
        """What is due, and preceded by nothing on its topics that is not applied."""
        due = [one for one in coming if one.at <= now]
        shards = {one.shard for one in due} & self._ownership.shards
        applied = {shard: self._ownership.applied_until(shard) for shard in shards}
        return [one for one in due if (moment := applied.get(one.shard)) is not None and one.at <= moment]

    async def _fire(self, timed: Timed, ripe: Sequence[_Due]) -> None:
        """Meanwhile the page before is published; this one while the next is found and decided."""
        outcomes, _ = await asyncio.gather(self._apply(timed, ripe), timed.store.relay.caught_up())
        now = self._clock()
        by_key = {due.key: due for due in ripe}
        for outcome in outcomes:
            self._note(by_key[outcome.key], outcome, now)
        fine = {outcome.key for outcome in outcomes if outcome.bug is None}
        await self._gate.judge([(due.shard, due.key not in fine) for due in ripe])
        await self._after(outcomes)

    async def _apply(self, timed: Timed, ripe: Sequence[_Due]) -> list[Outcome[Any]]:
        """In their order. One document that nothing can be done with is narrowed down to and put off."""
        try:
            return await timed.store.apply([_change(timed, due) for due in ripe])
        except TRANSIENT:
            raise
        except Exception:
            if len(ripe) > 1:
                middle = len(ripe) // 2
                return await self._apply(timed, ripe[:middle]) + await self._apply(timed, ripe[middle:])
            log.exception("the timer of %s can't fire", ripe[0].key)
            self._put_off[ripe[0]] = self._clock() + PUT_OFF
            return []

    def _note(self, due: _Due, outcome: Outcome[Any], now: datetime) -> None:
        if outcome.status == "applied":
            self._metrics.timer_lateness_seconds.observe(max(0.0, (now - due.at).total_seconds()))
        elif outcome.bug is not None:
            log.error("key %s parked by its timer", due.key, exc_info=outcome.bug)
        else:  # found once more at that moment, it would be a document that can't let go of it
            self._put_off[due] = now + PUT_OFF

    def _forget_put_off(self) -> None:
        now = self._clock()
        self._put_off = {due: until for due, until in self._put_off.items() if until > now}


def _change(timed: Timed, due: _Due) -> _Firing:
    cause = named("timer", due.key, due.at.isoformat())
    return _Firing(key=due.key, decide=_unless_gone(timed.fire), cause=cause, timer=True, shard=due.shard)


def _unless_gone(fire: Decide[Any]) -> Decide[Any]:
    def decide(state: Any, now: datetime) -> Decision[Any]:
        return Decision(state) if state is None else fire(state, now)

    return decide
