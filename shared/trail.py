"""The audit trail: who did what, when, why, and what became of it.

A line is written before its step is tried, so that no step is without one; one that says no `became` was cut short.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING, IndexModel

from shared.clock import Clock, utc_now, wire
from shared.mongo import durable


@dataclass(slots=True)
class Step:
    """To be filled in while it is taken: what became of it, and what it gave up for good."""

    became: str = "done"
    lost: list[dict[str, Any]] = field(default_factory=list)


class Trail:
    def __init__(self, database: Any, *, clock: Clock = utc_now) -> None:
        self.lines, self._clock = durable(database, "audit"), clock

    async def setup(self) -> None:
        await self.lines.create_indexes([IndexModel([("what", ASCENDING), ("_id", ASCENDING)], name="what")])

    @asynccontextmanager
    async def step(self, by: str, did: str, what: str, why: str | None) -> AsyncIterator[Step]:
        now, step = self._clock(), Step()
        id_ = f"{wire(now)}/{uuid4().hex[:8]}"
        await self.lines.insert_one({"_id": id_, "at": now, "by": by, "did": did, "what": what, "why": why})
        try:
            yield step
        except Exception as error:
            await self._end(id_, Step(f"failed: {type(error).__name__}: {error}"[:500]))
            raise
        await self._end(id_, step)

    async def _end(self, id_: str, step: Step) -> None:
        lost = {"lost": step.lost} if step.lost else {}
        await self.lines.update_one({"_id": id_}, {"$set": {"became": step.became, **lost}})

    async def find(
        self,
        *,
        by: str | None,
        did: str | None,
        what: str | None,
        since: datetime | None,
        before: datetime | None,
        after: str,
        limit: int,
    ) -> list[dict[str, Any]]:
        """In the order in which it was done; `after` is the last id of the page before."""
        query: dict[str, Any] = {"_id": {"$gt": after}}
        query |= {name: value for name, value in (("by", by), ("did", did), ("what", what)) if value}
        if times := {name: moment for name, moment in (("$gte", since), ("$lt", before)) if moment}:
            query["at"] = times
        return list(await self.lines.find(query, sort=[("_id", 1)], limit=limit).to_list(None))
