"""Intake's door to cases: found by number, contact point, words and filters; one case with all that belongs to it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from services.intake.domain import query
from services.intake.domain.case import Case, Status
from services.intake.domain.owner import owner
from services.intake.domain.query import Cursor
from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import SEPARATOR
from services.intake.help import Helper
from services.intake.listing import Filters, Listing
from services.intake.named_case import case_named
from services.intake.store import Cases
from services.intake.views import brief, timeline
from shared.access import Principal
from shared.events.cases import Priority
from shared.http import After, Limit, Problem, page, who
from shared.rules import Rules as Live

Reader = Annotated[Principal, who("agent", "supervisor", "expert", "coordinator", "quality", "care", writes=False)]
Words = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
Since = Annotated[AwareDatetime | None, Query(alias="from")]
NOT_SHOWN = {"opened_from", "escalations", "summary_known", "recheck_at", "rechecks"}


def find_router(cases: Cases, helper: Helper, rules: Live[Rules]) -> APIRouter:
    doors, listing = APIRouter(tags=["cases"]), Listing(cases, helper.search)

    @doors.get("/v1/cases")
    async def search(
        _: Reader,
        status: Status | None = None,
        priority: Priority | None = None,
        customer: str | None = None,
        category: Annotated[str | None, Query(max_length=200)] = None,
        since: Since = None,
        to: AwareDatetime | None = None,
        q: Words = None,
        limit: Limit = 50,
        after: After = "",
    ) -> Any:
        filters = Filters(
            status=status,
            priority=priority,
            customers=await cases.customers.everyone_who_is(customer) if customer else (),
            category=_category(category, rules()) if category else None,
            since=since,
            until=to,
            after=Cursor.read(after) if after else None,
        )
        asked = query.read(q, rules()) if q and q.strip() else None
        found = await listing.find(filters, asked, limit + 1)
        return page([brief(case) for case in found], limit, _cursor)

    @doors.get("/v1/cases/{case}")
    async def show(_: Reader, case: str, until: AwareDatetime | None = None) -> Any:
        """`similar` and `suggestions` as they are now; the newest lines of the timeline, those before with `until`."""
        found = await case_named(cases, case)
        now = await helper.found(found)
        present = found.changed(similar=now.similar, suggestions=now.suggestions)
        return {**whole(present), **await timeline(cases, found, until)}

    return doors


def whole(case: Case) -> dict[str, Any]:
    """`escalation`: of several that are open the highest. `owner`: who has the ball."""
    escalation = case.escalation
    shown = case.model_dump(mode="json", exclude=NOT_SHOWN)
    told = {"escalation": escalation.model_dump(mode="json") if escalation else None, "owner": owner(case).model_dump()}
    return {**shown, **told}


def _category(path: str, rules: Rules) -> str:
    """`支付问题 / 退款异常`, in either language."""
    wanted = [name.strip() for name in path.split("/")]
    found = rules.categories.resolve(wanted)
    if found is None:
        choices = ", ".join(rules.categories.choices(wanted)) or "no further level"
        raise Problem(
            422, "unknown_category", f"category: {path} is not in the tree; possible there: {choices}", field="category"
        )
    return SEPARATOR.join(found)


def _cursor(item: dict[str, Any]) -> str:
    return str(Cursor(datetime.fromisoformat(item["opened_at"]), item["number"]))
