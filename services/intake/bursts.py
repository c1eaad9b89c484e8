"""Watches over bursts (IN-14), off the way of contacts: every few seconds, each category by the replica that owns it.

What is seen is decided on in two guarded documents: the category's (does a burst last, what is usual) and the burst's
(which cases were told). If a crash comes between, the next look completes it.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from services.intake.domain.burst import (
    HOUR,
    Arrival,
    Watch,
    alike,
    arrival,
    hour_of,
    hours_to_learn,
    is_unusual,
    learn,
    look,
    usual_within,
    watch_id,
)
from services.intake.domain.noticed import NoticedBurst, notice
from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import second_level
from services.intake.store import Cases
from shared.clock import wire
from shared.fold import Change
from shared.ids import named, partition_of
from shared.service import Running
from shared.store import Shape, Store

WATCHES = Shape("watches", Watch, index=lambda watch: {"open": bool(watch.burst) or None}, indexes=(("open",),))
BURSTS = Shape("bursts", NoticedBurst)
MOST_COUNTED, MOST_READ, MOST_BEFORE = 5_000, 500, 200
"""Of one category at a look: cases counted, read, read of earlier ones."""
READ = {"ix.opened_at": 1, "state.subject": 1, "state.text": 1}
Category = tuple[str, ...]


@dataclass(slots=True)
class Bursts:
    running: Running
    cases: Cases
    watches: Store[Watch]
    bursts: Store[NoticedBurst]
    _learned: dict[Category, datetime] = field(default_factory=dict)

    async def turn(self) -> None:
        rules, now = self.cases.rules(), self.cases.clock()
        lasting = {watch.category for watch in await self.watches.find({"ix.open": True}, limit=0)}
        looks = [self._watch(category, now, rules, category in lasting) for category in self._owned(rules)]
        failed = [r for r in await asyncio.gather(*looks, return_exceptions=True) if isinstance(r, BaseException)]
        await asyncio.sleep(rules.bursts.look_every_s)
        if failed:  # of one category; the others were looked at
            raise failed[0]

    async def _watch(self, category: Category, now: datetime, rules: Rules, lasts: bool) -> None:
        await self._learn(category, now, rules)
        if lasts or await self._is_unusual(category, now, rules):
            await self._look(category, now, rules)

    def _owned(self, rules: Rules) -> Iterator[Category]:
        shards = self.running.ownership.shards
        seconds = dict.fromkeys(leaf.path[:2] for leaf in rules.categories.leaves)
        return (c for c in seconds if partition_of(watch_id(c), self.watches.partitions) in shards)

    async def _learn(self, category: Category, now: datetime, rules: Rules) -> None:
        """Once an hour, what the full hours since the last time brought."""
        hour = hour_of(now)
        if self._learned.get(category) == hour:
            return
        watch = await self.watches.get(watch_id(category)) or Watch(category=category)
        counts = {h: await self._count(category, h, h + HOUR) for h in hours_to_learn(watch, now)}
        if watch.usual or any(counts.values()):
            await self._submit(category, partial(learn, category=category, counts=counts, rules=rules.bursts), now)
        self._learned[category] = hour

    async def _is_unusual(self, category: Category, now: datetime, rules: Rules) -> bool:
        since = now - rules.bursts.window
        count = await self._count(category, since, now, MOST_COUNTED)
        if count < rules.bursts.at_least:
            return False
        watch = await self.watches.get(watch_id(category)) or Watch(category=category)
        return is_unusual(count, usual_within(watch, since, now, rules.bursts), rules.bursts)

    async def _look(self, category: Category, now: datetime, rules: Rules) -> None:
        since = now - rules.bursts.window
        arrivals = await self._arrivals(category, {"$gt": since}, MOST_READ)
        if len(arrivals) == MOST_READ:  # more came than are read: what was read is a shorter time
            since = arrivals[-1].at
        before = await self._arrivals(category, {"$lte": since}, MOST_BEFORE, await self._no_burst(category))
        decide = partial(look, category=category, arrivals=arrivals, before=before, since=since, rules=rules.bursts)
        watch = await self._submit(category, decide, now)
        if watch and (burst := watch.burst):
            told = partial(notice, burst=burst, category=category, cases=alike(burst, arrivals))
            await self.running.submit(self.bursts, Change(burst.id, told, named("notice", burst.id, wire(now))))

    async def _submit(self, category: Category, decide: Any, now: datetime) -> Watch | None:
        key = watch_id(category)
        outcome = await self.running.submit(self.watches, Change(key, decide, named("look", key, wire(now))))
        watch: Watch | None = outcome.state
        return watch

    async def _count(self, category: Category, since: datetime, until: datetime, most: int = 0) -> int:
        query = {"ix.category": second_level(category), "ix.opened_at": {"$gte": since, "$lt": until}}
        count: int = await self.cases.documents.count_documents(query, **({"limit": most} if most else {}))
        return count

    async def _no_burst(self, category: Category) -> dict[str, Any]:
        """Opened while no earlier burst lasted."""
        watch = await self.watches.get(watch_id(category)) or Watch(category=category)
        apart = [
            {"$or": [{"ix.opened_at": {"$lt": over.began}}, {"ix.opened_at": {"$gt": over.ended}}]}
            for over in watch.over
        ]
        return {"$and": apart} if apart else {}

    async def _arrivals(
        self, category: Category, opened: dict[str, Any], limit: int, only: Mapping[str, Any] = MappingProxyType({})
    ) -> Sequence[Arrival]:
        query = {"ix.category": second_level(category), "ix.opened_at": opened, **only}
        found = self.cases.documents.find(query, projection=READ, sort=[("ix.opened_at", -1)], limit=limit)
        labels = self.cases.rules().channels.phone.labels
        return [
            arrival(
                body["_id"], body["ix"]["opened_at"], body["state"].get("subject"), body["state"].get("text"), labels
            )
            for body in await found.to_list(None)
        ]
