"""The clock's door: fires what is due, from the index (shard, due), on time and never before its cause.

The owner of a shard looks ahead every LOOK_AHEAD_S and sleeps until the next instant. A timer waits until everything
written to its shard's topics before its due time has been applied, so a pause makes no false miss. Firing is a
guarded write like any other: a zombie changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.clock import Clock, utc_now
from shared.decisions import Decide, Decision
from shared.errors import TRANSIENT
from shared.fold import Change, Outcome
from shared.ids import named
from shared.metrics import Metrics
from shared.ownership import Ownership
from shared.store import Store

log = logging.getLogger(__name__)
LOOK_AHEAD = timedelta(milliseconds=250)
MANY = 500
After = Callable[[Sequence[Outcome[Any]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Timed:
    """A store whose documents fall due, and the decision that the clock then takes.

    `fire` is called at or after the due time; when nothing is due any more it returns the state it was given.
    """

    store: Store[Any]
    fire: Decide[Any]


@dataclass(frozen=True, slots=True)
class _Due:
    key: str
    at: datetime


class Timers:
    def __init__(
        self, timed: Sequence[Timed], ownership: Ownership, after: After, *, metrics: Metrics, clock: Clock = utc_now
    ) -> None:
        self._timed, self._ownership, self._after = timed, ownership, after
        self._metrics, self._clock = metrics, clock

    async def run(self) -> None:
        """Fire for ever; what fails for now is tried again at the next look."""
        while True:
            try:
                full = await self.look() >= MANY
            except TRANSIENT as error:
                log.warning("timers wait: %s: %s", type(error).__name__, error)
                full = False
            if not full:
                await asyncio.sleep(LOOK_AHEAD.total_seconds())

    async def look(self) -> int:
        """Fire what is due now or within the look-ahead, each at its moment; returns how many were found."""
        until = self._clock() + LOOK_AHEAD
        found = 0
        for timed in self._timed:
            coming = await self._coming(timed, until)
            found += len(coming)
            while coming:
                await asyncio.sleep(max(0.0, (coming[0].at - self._clock()).total_seconds()))
                now = self._clock()
                ripe = [due for due in coming if due.at <= now]
                coming = coming[len(ripe) :]
                await self._fire(timed, ripe)
        return found

    async def _coming(self, timed: Timed, until: datetime) -> list[_Due]:
        """What falls due before `until` on owned shards, in due order, as far as the backlog has been applied."""
        horizons = {shard: self._ownership.applied_until(shard) for shard in self._ownership.shards}
        ready = {shard: min(until, horizon) for shard, horizon in horizons.items() if horizon is not None}
        if not ready:
            return []
        each = [{"shard": shard, "due": {"$lte": moment}} for shard, moment in sorted(ready.items())]
        query = {"$or": each, "parked": {"$exists": False}}
        cursor = timed.store.documents.find(query, projection={"due": 1}, sort=[("due", 1)], limit=MANY)
        return [_Due(body["_id"], body["due"]) for body in await cursor.to_list(None)]

    async def _fire(self, timed: Timed, ripe: Sequence[_Due]) -> None:
        changes: list[Change[Any]] = [
            Change(
                key=due.key,
                decide=_unless_gone(timed.fire),
                cause=named("timer", due.key, due.at.isoformat()),
                timer=True,
            )
            for due in ripe
        ]
        if not changes:
            return
        outcomes = await timed.store.apply(changes)
        now = self._clock()
        for due, outcome in zip(ripe, outcomes, strict=True):
            if outcome.status == "applied":
                self._metrics.timer_lateness_seconds.observe(max(0.0, (now - due.at).total_seconds()))
        await self._after(outcomes)


def _unless_gone(fire: Decide[Any]) -> Decide[Any]:
    def decide(state: Any, now: datetime) -> Decision[Any]:
        return Decision(state) if state is None else fire(state, now)

    return decide
