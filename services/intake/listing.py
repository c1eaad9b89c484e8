"""Lists of cases, the newest first.

What names one case or one customer is asked of the cases themselves, and so is what only filters by status, priority,
customer and time; words and categories are asked of the search index, which lies about a second behind.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, get_args

from pymongo.errors import ExecutionTimeout

from services.intake.domain.case import Case, Status
from services.intake.domain.query import Cursor, Query
from services.intake.domain.rules_categories import SEPARATOR
from services.intake.search import LONGEST_MS, Search
from services.intake.store import Cases
from shared.events.cases import Priority
from shared.http import Problem

MOST_SEARCHES = 4
"""Searches that one process lets the database do at once; the others wait their turn."""
NEWEST_FIRST = [("ix.opened_at", -1), ("ix.number", -1)]
STATUSES, PRIORITIES = list(get_args(Status)), list(get_args(Priority))
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Filters:
    """`customers`: the ids under which one is known. `category`: a path. `since` is within the time, `until` is not."""

    status: str | None = None
    priority: str | None = None
    customers: Sequence[str] = ()
    category: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: Cursor | None = None

    def query(self, prefix: str = "") -> dict[str, Any]:
        """With the names of the fields behind `prefix`."""
        wanted: dict[str, Any] = self._in_state()
        if self.customers:
            wanted["customer"] = {"$in": list(self.customers)}
        named = {f"{prefix}{name}": value for name, value in wanted.items()}
        return {**named, **self._in_category(prefix), **self._in_time(prefix)}

    def of_these(self, customers: Sequence[str]) -> "Filters | None":
        """Those of these customers only; None where that leaves nobody."""
        both = [id_ for id_ in customers if not self.customers or id_ in self.customers]
        return replace(self, customers=both) if both else None

    def _in_state(self) -> dict[str, Any]:
        """Both or none: an index over status, priority and time gives the newest of both in order, not of one."""
        if not (self.status or self.priority):
            return {}
        return {"status": self.status or {"$in": STATUSES}, "priority": self.priority or {"$in": PRIORITIES}}

    def _in_category(self, prefix: str) -> dict[str, Any]:
        """The search index holds each path that a case belongs to; a case itself its own, level by level."""
        if not self.category:
            return {}
        if not prefix:
            return {"category": self.category}
        return {f"state.category.{level}": name for level, name in enumerate(self.category.split(SEPARATOR))}

    def _in_time(self, prefix: str) -> dict[str, Any]:
        opened_at, number = f"{prefix}opened_at", f"{prefix}number"
        bounds: dict[str, Any] = {"$gte": self.since or EVER} | ({"$lt": self.until} if self.until else {})
        if self.after is None:
            return {opened_at: bounds}
        earlier = [{opened_at: {"$lt": self.after.opened_at}}, {number: {"$lt": self.after.number}}]
        return {opened_at: {**bounds, "$lte": self.after.opened_at}, "$or": earlier}


class Listing:
    def __init__(self, cases: Cases, search: Search) -> None:
        self._cases, self._search = cases, search
        self._turn = asyncio.Semaphore(MOST_SEARCHES)

    async def find(self, filters: Filters, asked: Query | None, limit: int) -> list[Case]:
        """Raises Problem(422) if it takes longer than LONGEST_MS."""
        if asked and (named := await self._named(filters, asked, limit)):
            return named
        try:
            if asked or filters.category:
                return await self._in_index(filters, asked, limit)
            return await self._in_cases(filters.query("ix."), limit)
        except ExecutionTimeout:
            raise _too_wide() from None

    async def _named(self, filters: Filters, asked: Query, limit: int) -> list[Case]:
        """The case of a number, or the cases of all who have a contact point."""
        numbered = {**filters.query("ix."), "ix.number": asked.number}
        if asked.number and (found := await self._in_cases(numbered, limit)):
            return found
        if not asked.points:
            return []
        customers = self._cases.customers
        ids = await customers.everyone_who_is(*(one.customer_id for one in await customers.who_have(asked.points)))
        theirs = filters.of_these(ids)
        return await self._in_cases(theirs.query("ix."), limit) if theirs else []

    async def _in_index(self, filters: Filters, asked: Query | None, limit: int) -> list[Case]:
        async with self._turn:
            ids = await self._search.find(asked.words if asked else (), filters.query(), limit)
        found = await self._cases.get_many(ids)
        return [found[id_] for id_ in ids if id_ in found]

    async def _in_cases(self, query: dict[str, Any], limit: int) -> list[Case]:
        """Found by id first: one that this version can't read must not hide the others."""
        found = self._cases.documents.find(
            query, projection={"_id": 1}, sort=NEWEST_FIRST, limit=limit, max_time_ms=LONGEST_MS
        )
        ids = [body["_id"] for body in await found.to_list(None)]
        cases = await self._cases.get_many(ids)
        return [cases[id_] for id_ in ids if id_ in cases]


def _too_wide() -> Problem:
    """Not 503: asked again it takes as long."""
    narrower = "narrow it by status, priority, customer or time, or ask for the number of the case"
    detail = f"the search took longer than {LONGEST_MS / 1000:g} s; {narrower}"
    return Problem(422, "search_too_wide", detail, field="q")
