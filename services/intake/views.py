"""How cases, customers and the lines of a timeline are shown."""

from collections.abc import Iterable
from typing import Any

from services.intake.domain.case import Case
from services.intake.domain.customer import Customer
from services.intake.domain.lifecycle import SETTLED
from services.intake.store import Cases
from shared.clock import wire

BRIEF = {
    "case_id", "number", "status", "priority", "category", "kind", "channel", "language", "summary", "customer_id",
    "agent_id", "opened_at", "merged_into",
}  # fmt: skip
MOST_LINES = 1000
MOST_CASES = 100
_HIDDEN = ("_id", "key", "order")
_CONTACTS = ("contact", "amended")


def brief(case: Case) -> dict[str, Any]:
    return case.model_dump(mode="json", include=BRIEF)


def line(body: dict[str, Any]) -> dict[str, Any]:
    return {name: wire(value) if name == "at" else value for name, value in body.items() if name not in _HIDDEN}


async def timeline(cases: Cases, case: Case) -> list[dict[str, Any]]:
    """All that was said and done, also in the cases that turned out to be this one."""
    merged = [link.to for link in case.links if link.kind == "merged"]
    found = await _lines(cases, [case.case_id, *merged], order=1)
    return [line(body) for body in (sorted(found, key=lambda body: body["at"]) if merged else found)]


async def customer(cases: Cases, found: Customer) -> dict[str, Any]:
    """One view of a customer (IN-3), whoever he has become: his cases, newest first, what he said in them, how he rated
    us, and what he is promised."""
    ids = await cases.customers.everyone_who_is(found.customer_id)
    present = await cases.customers.get(ids[0]) or found
    own = await cases.find({"ix.customer": {"$in": list(ids)}}, sort=[("ix.opened_at", -1)], limit=MOST_CASES)
    lines = await _lines(cases, [case.case_id for case in own], order=-1, kinds=(*_CONTACTS, "survey_answered"))
    return {
        **present.model_dump(mode="json"),
        "known_as": list(ids),
        "cases": [brief(case) for case in own],
        "contacts": [{"case_id": body["key"], **line(body)} for body in lines if body["kind"] in _CONTACTS],
        "ratings": list(_ratings(lines)),
        "history": [line(body) for body in await _lines(cases, list(ids), order=1)],
        "promises": [_promised(case) for case in own if case.promise and case.status not in SETTLED],
    }


async def _lines(cases: Cases, keys: list[str], *, order: int, kinds: Iterable[str] = ()) -> list[dict[str, Any]]:
    query: dict[str, Any] = {"key": {"$in": keys}} | ({"kind": {"$in": list(kinds)}} if kinds else {})
    sort = [("key", 1), ("order", order)] if len(keys) == 1 else [("at", order)]
    found: list[dict[str, Any]] = await cases.timeline.find(query, sort=sort, limit=MOST_LINES).to_list(None)
    return found


def _ratings(lines: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """What he answered to a survey, and the stars that he gave where nobody asked."""
    for body in lines:
        said = body.get("data", {})
        if body["kind"] == "survey_answered":
            yield {"case_id": body["key"], "at": wire(body["at"]), "asked": True, "csat": said.get("csat")}
        elif said.get("rating") is not None:
            yield {"case_id": body["key"], "at": wire(body["at"]), "asked": False, "rating": said["rating"]}


def _promised(case: Case) -> dict[str, Any]:
    assert case.promise is not None, "only of a case with a promise"
    return {"case_id": case.case_id, "number": case.number, **case.promise.model_dump(mode="json")}
