"""One view of a customer (IN-3), whoever he has become: his cases, what he said in them, how he rated us, and what he
is promised."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from services.intake.domain.case import Case, beginning
from services.intake.domain.customer import Customer
from services.intake.domain.lifecycle import SETTLED
from services.intake.domain.query import Said
from services.intake.store import Cases
from services.intake.views import MOST_LINES, brief, line
from shared.clock import wire
from shared.events.cases import Promise
from shared.http import page

MOST_CASES = 100
MOST_TEXT = 1024
"""Bytes of what he said; the whole is in the timeline of its case."""
_CONTACTS = ("contact", "amended")
_LARGE = ("diagnostics", "self_service", "attachments")
_NEWEST = [("at", -1), ("_id", -1)]
_Bodies = list[dict[str, Any]]


async def customer(cases: Cases, found: Customer, after: Said | None, limit: int) -> dict[str, Any]:
    """The newest first. `contacts`: of his newest MOST_CASES cases, those said before `after`, `limit` at most;
    `contacts_next`: where the next ones begin, None at the end."""
    ids = await cases.customers.everyone_who_is(found.customer_id)
    present = await cases.customers.get(ids[0]) or found
    own = await cases.find({"ix.customer": {"$in": list(ids)}}, sort=[("ix.opened_at", -1)], limit=MOST_CASES)
    of_own = {"key": {"$in": [case.case_id for case in own]}}
    said = page(await _said(cases, of_own, after, limit + 1), limit, _cursor)
    return {
        **present.model_dump(mode="json"),
        "known_as": list(ids),
        "cases": [brief(case) for case in own],
        "contacts": [_shown(body) for body in said["items"]],
        "contacts_next": said["next"],
        "ratings": list(_ratings(await _rated(cases, of_own))),
        "history": [line(body) for body in await _history(cases, ids)],
        "promises": [promised for case in own if case.status not in SETTLED for promised in promises(case)],
    }


async def _said(cases: Cases, of_own: dict[str, Any], after: Said | None, most: int) -> _Bodies:
    query = {**of_own, "kind": {"$in": list(_CONTACTS)}}
    if after:
        query["$or"] = [{"at": {"$lt": after.at}}, {"at": after.at, "_id": {"$lt": after.id}}]
    found: _Bodies = await cases.timeline.find(query, sort=_NEWEST, limit=most).to_list(None)
    return found


async def _rated(cases: Cases, of_own: dict[str, Any]) -> _Bodies:
    query = {**of_own, "kind": {"$in": [*_CONTACTS, "survey_answered"]}}
    wanted = {"key": 1, "at": 1, "kind": 1, "data.rating": 1, "data.csat": 1}
    found: _Bodies = await cases.timeline.find(query, projection=wanted, sort=_NEWEST, limit=MOST_LINES).to_list(None)
    return found


async def _history(cases: Cases, ids: Sequence[str]) -> _Bodies:
    query = {"key": {"$in": list(ids)}}
    found: _Bodies = await cases.timeline.find(query, sort=[("at", 1)], limit=MOST_LINES).to_list(None)
    return found


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    text, cut = beginning(body["text"], MOST_TEXT)
    data = {name: value for name, value in body["data"].items() if name not in _LARGE}
    return {"case_id": body["key"], **line(body), "text": text, "text_truncated": cut, "data": data}


def _cursor(body: dict[str, Any]) -> str:
    return str(Said(body["at"], body["_id"]))


def _ratings(lines: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """What he answered to a survey, and the stars that he gave where nobody asked."""
    for body in lines:
        said = body.get("data", {})
        if body["kind"] == "survey_answered":
            yield {"case_id": body["key"], "at": wire(body["at"]), "asked": True, "csat": said.get("csat")}
        elif said.get("rating") is not None:
            yield {"case_id": body["key"], "at": wire(body["at"]), "asked": False, "rating": said["rating"]}


def promises(case: Case) -> Iterator[dict[str, Any]]:
    """What we are to do, and what a third party (`party`) that we wait for is to do: until when."""
    if case.promise:
        yield {**case.ids, **case.promise.model_dump(mode="json"), "party": None}
    if case.status == "waiting_third_party" and case.waiting_until:
        theirs = Promise(what="", until=case.waiting_until)
        yield {**case.ids, **theirs.model_dump(mode="json"), "party": case.waiting_party or ""}
