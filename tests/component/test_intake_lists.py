"""Lists of cases come from an index in the order in which they are shown, however many cases there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from pymongo import AsyncMongoClient

from services.intake.domain.case import Status
from services.intake.domain.query import Cursor
from services.intake.listing import NEWEST_FIRST, Filters
from services.intake.search import INDEXES
from services.intake.store import CASES
from shared.indexes import create, indexes_of

pytestmark = pytest.mark.stack
START = datetime(2026, 11, 1, tzinfo=UTC)
LISTS = (
    Filters(),
    Filters(status="closed"),
    Filters(priority="P1"),
    Filters(status="closed", priority="P2"),
    Filters(status="queued", after=Cursor(START + timedelta(hours=40), "7KQ4-M2XD")),
    Filters(since=START + timedelta(hours=3), until=START + timedelta(hours=30)),
)
SLOW = {"COLLSCAN", "SORT"}
"""Every case is read, or all that match are sorted, before the first is shown."""


@pytest.fixture(scope="module")
async def database(mongo: str) -> AsyncIterator[Any]:
    async with AsyncMongoClient[dict[str, Any]](mongo) as client:
        await client.drop_database("intake_lists")
        found = client["intake_lists"]
        states = product(get_args(Status), ("P0", "P1", "P2", "P3"), range(3))
        known = [_listed(n, status, priority) for n, (status, priority, _) in enumerate(states)]
        await found["cases"].insert_many([{"_id": body["number"], "ix": _once(body)} for body in known])
        await found["search"].insert_many([{"_id": body["number"], **body} for body in known])
        await create(found["cases"], indexes_of(CASES.indexes, CASES.unique))
        await create(found["search"], INDEXES)
        yield found
        await client.drop_database("intake_lists")


def _listed(n: int, status: str, priority: str) -> dict[str, Any]:
    return {"number": f"7KQ4-{n:04d}", "status": status, "priority": priority, "opened_at": START + timedelta(hours=n)}


def _once(body: dict[str, Any]) -> dict[str, Any]:
    """With what no other case has."""
    return {**body, "contacts": [body["number"]], "conversations": [body["number"]]}


@pytest.mark.parametrize("filters", LISTS, ids=str)
async def test_a_list_reads_no_case_that_it_does_not_show(database: Any, filters: Filters) -> None:
    for name, prefix in (("cases", "ix."), ("search", "")):
        order = [(f"{prefix}{field.removeprefix('ix.')}", way) for field, way in NEWEST_FIRST]
        plan = await database[name].find(filters.query(prefix), sort=order, limit=5).explain()

        assert SLOW.isdisjoint(_stages(plan["queryPlanner"]["winningPlan"])), name


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict):
        if "stage" in plan:
            yield plan["stage"]
        for part in plan.values():
            yield from _stages(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from _stages(part)


async def test_a_list_of_one_status_or_one_priority_holds_all_of_it_the_newest_first(database: Any) -> None:
    for filters, count in ((Filters(status="queued"), 12), (Filters(priority="P3"), 24)):
        found = await database["cases"].find(filters.query("ix."), sort=NEWEST_FIRST).to_list(None)
        times = [body["ix"]["opened_at"] for body in found]

        assert len(found) == count
        assert times == sorted(times, reverse=True)
