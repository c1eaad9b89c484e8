"""Sla's memory: a watch per case, and the questions asked of them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from services.sla.domain.fire import due
from services.sla.domain.watch import Escalation, Watch
from shared.store import Shape, Store

End = Literal["open", "over"]


def index(watch: Watch) -> dict[str, Any]:
    return {
        "number": watch.number,
        "open": tuple(_called(watch, "open")),
        "over": tuple(_called(watch, "over")),
        "standing": tuple(_standing(watch)),
    }


def _called(watch: Watch, end: End) -> list[str]:
    return sorted({call.department for one in with_end(watch, end) for call in one.calls})


def with_end(watch: Watch, end: End | None) -> list[Escalation]:
    return [one for one in watch.escalations if end is None or (one.state == "open") == (end == "open")]


def _standing(watch: Watch) -> Iterator[str]:
    """`technical:2:1` for the first of the case's open escalations on that level, `technical:2:2` for a second."""
    counts = Counter(standing(one.last.department, one.last.level) for one in watch.open_escalations)
    return (f"{place}:{nth}" for place, many in sorted(counts.items()) for nth in range(1, many + 1))


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

    async def standing_on(self, place: str, nth: int) -> int:
        """In how many cases that many escalations stand there."""
        found: int = await self.documents.count_documents({"ix.standing": f"{place}:{nth}"})
        return found
