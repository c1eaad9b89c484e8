"""Sla's door for HTTP: how the promises of a case stand, and which escalations wait for whom."""

from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter

from services.sla.domain.explain import escalation, explain
from services.sla.domain.rules import Rules
from services.sla.domain.watch import Watch
from services.sla.store import Watches, with_end
from shared.access import Forbidden, Principal
from shared.events.escalations import Department
from shared.http import After, Limit, Problem, page, who
from shared.rules import Rules as Live
from shared.service import Running

Reader = Annotated[Principal, who("agent", "supervisor", "expert", "coordinator", "quality", "care", writes=False)]
Helper = Annotated[Principal, who("department", "supervisor", writes=False)]


def router(running: Running, watches: Watches, rules: Live[Rules]) -> APIRouter:
    """The doors of CONTRACTS section 3, sla."""
    doors = APIRouter()

    @doors.get("/v1/cases/{case}/targets", tags=["cases"])
    async def targets(_: Reader, case: str) -> Any:
        return explain(await _watch(watches, case), running.core.clock(), rules())

    @doors.get("/v1/escalations", tags=["escalations"])
    async def escalations(
        principal: Helper,
        department: Department | None = None,
        status: Literal["open", "over"] | None = None,
        limit: Limit = 50,
        after: After = "",
    ) -> Any:
        department = seen_by(principal, department)
        from_case = after.partition("/")[0]
        found = await watches.with_escalations(status, department, from_case=from_case, limit=limit + 2)
        items = [escalation(one, watch) for watch in found for one in with_end(watch, status)]
        wanted = [item for item in items if department is None or _calls(item, department)]
        return page([item for item in sorted(wanted, key=_position) if _position(item) > after], limit, _position)

    return doors


def seen_by(principal: Principal, wanted: Department | None) -> Department | None:
    """Whose escalations may be shown; all for None. A department's key sees those of one department.

    Raises Forbidden (403) where the key is another department's, Problem (422) where neither names one.
    """
    if principal.department not in (None, wanted or principal.department):
        raise Forbidden(403, f"this key is for {principal.department}, not for {wanted}")
    asked = wanted or principal.department
    if asked is None and principal.role == "department":
        raise Problem(422, "missing_field", "say which department: this key is bound to none", field="department")
    return cast(Department | None, asked)


def _calls(item: dict[str, Any], department: str) -> bool:
    return any(call["department"] == department for call in item["calls"])


def _position(item: dict[str, Any]) -> str:
    return f"{item['case_id']}/{item['escalation_id']}"


async def _watch(watches: Watches, id_or_number: str) -> Watch:
    found = await watches.by_id_or_number(id_or_number)
    if not found:
        raise Problem(404, "unknown_case", f"sla knows no case {id_or_number} (yet)", field="case")
    if len(found) > 1:
        ids = [watch.case_id for watch in found]
        raise Problem(409, "ambiguous_number", "more than one case has this number; use the id", field="case", ids=ids)
    return found[0]
