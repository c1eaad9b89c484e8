"""How cases and the lines of a timeline are shown."""

from datetime import datetime
from typing import Any

from services.intake.domain.case import Case
from services.intake.store import Cases
from shared.clock import wire

BRIEF = {
    "case_id", "number", "status", "priority", "category", "kind", "channel", "language", "summary", "customer_id",
    "agent_id", "opened_at", "merged_into",
}  # fmt: skip
MOST_LINES = 1000
_HIDDEN = ("_id", "key", "order")


def brief(case: Case) -> dict[str, Any]:
    return case.model_dump(mode="json", include=BRIEF)


def line(body: dict[str, Any]) -> dict[str, Any]:
    return {name: wire(value) if name == "at" else value for name, value in body.items() if name not in _HIDDEN}


async def timeline(cases: Cases, case: Case, until: datetime | None = None, most: int = MOST_LINES) -> dict[str, Any]:
    """What was said and done, also in the cases that turned out to be this one: the newest `most` lines, oldest first.

    `earlier`: there are more, up to this moment; asked for with `until` they follow without a gap or a repeat.
    """
    keys = [case.case_id, *(link.to for link in case.links if link.kind == "merged")]
    query: dict[str, Any] = {"key": {"$in": keys}} | ({"at": {"$lte": until}} if until else {})
    newest = [("at", -1), ("key", 1), ("order", -1)]
    found = await cases.timeline.find(query, sort=newest, limit=most + 1).to_list(None)
    earlier = found[-1]["at"] if len(found) > most else None
    page = [body for body in found if body["at"] != earlier] or found  # what is of one moment stays together
    page.sort(key=lambda body: body["at"] if len(keys) > 1 else body["order"])
    return {"timeline": [line(body) for body in page], "earlier": wire(earlier) if earlier else None}
