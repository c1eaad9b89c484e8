"""Sla's memory: a watch per case, and the questions asked of them."""

from typing import Any, Literal

from services.sla.domain.fire import due
from services.sla.domain.watch import Escalation, Watch
from shared.mongo import aggregated
from shared.store import Shape, Store

End = Literal["open", "over"]


def index(watch: Watch) -> dict[str, Any]:
    return {
        "number": watch.number,
        "open": tuple(_called(watch, "open")),
        "over": tuple(_called(watch, "over")),
        "standing": tuple(standing(one.last.department, one.last.level) for one in watch.open_escalations),
    }


def _called(watch: Watch, end: End) -> list[str]:
    return sorted({call.department for one in with_end(watch, end) for call in one.calls})


def with_end(watch: Watch, end: End | None) -> list[Escalation]:
    return [one for one in watch.escalations if end is None or (one.state == "open") == (end == "open")]


def standing(department: str, level: int) -> str:
    return f"{department}:{level}"


WATCHES = Shape(
    "watches",
    Watch,
    reads=frozenset({"cases.v1", "assignments.v1"}),
    index=index,
    indexes=(("number",), ("open",), ("over",), ("standing",)),
    due=due,
)


class Watches(Store[Watch]):
    async def by_id_or_number(self, wanted: str) -> list[Watch]:
        return await self.find({"$or": [{"_id": wanted}, {"ix.number": wanted.upper()}]}, limit=2)

    async def with_escalations(
        self, end: End | None, department: str | None, *, from_case: str, limit: int
    ) -> list[Watch]:
        """Cases with such escalations, in the order of their ids."""
        called = department or {"$gt": ""}
        ends = (end,) if end else ("open", "over")
        query = {"_id": {"$gte": from_case}, "$or": [{f"ix.{name}": called} for name in ends]}
        return await self.find(query, limit=limit)

    async def standing(self) -> dict[str, int]:
        """How many open escalations stand with whom, by `technical:2`."""
        counted: list[dict[str, Any]] = [
            {"$match": {"ix.standing": {"$gt": ""}}},
            {"$unwind": "$ix.standing"},
            {"$group": {"_id": "$ix.standing", "n": {"$sum": 1}}},
        ]
        return {row["_id"]: row["n"] for row in await aggregated(self.documents, counted)}
