"""Intake's door to what persons decided of cases, for `switchboard learn --from-cases` (IN-5)."""

from typing import Annotated, Any

from fastapi import APIRouter

from services.intake.domain.case import RULES, Case
from services.intake.store import Cases
from shared.access import Principal
from shared.http import After, Limit, who

Learner = Annotated[Principal, who("supervisor", "quality", writes=False)]


def examples_router(cases: Cases) -> APIRouter:
    doors = APIRouter(tags=["cases"])

    @doors.get("/v1/examples")
    async def examples(_: Learner, limit: Limit = 500, after: After = "") -> Any:
        """The cases among the next `limit` whose category a person decided; a page may hold fewer, or none.

        It goes through all cases by their ids, a bounded number at a time, since it is asked for rarely.
        """
        ids = await cases.documents.find(
            {"_id": {"$gt": after}}, projection={"_id": 1}, sort=[("_id", 1)], limit=limit
        ).to_list(None)
        keys = [body["_id"] for body in ids]
        found = await cases.get_many(keys)
        items = [_example(case) for key in keys if (case := found.get(key)) and _decided_by_a_person(case)]
        return {"items": items, "next": keys[-1] if len(keys) == limit else None}

    return doors


def _decided_by_a_person(case: Case) -> bool:
    return case.category_by != RULES and case.merged_into is None and bool(case.subject or case.text)


def _example(case: Case) -> dict[str, Any]:
    text = " ".join(filter(None, (case.subject, case.text)))
    return {"case_id": case.case_id, "number": case.number, "text": text, "category": case.category}
