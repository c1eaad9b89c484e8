"""The case that somebody names by its id or by its number, as agents and customers see it."""

from typing import TYPE_CHECKING

from services.intake.domain.case import Case
from services.intake.domain.query import number_in
from shared.decisions import Refused
from shared.events.work import Work

if TYPE_CHECKING:
    from services.intake.store import Cases


async def case_named(cases: "Cases", id_or_number: str, *, field: str = "case") -> Case:
    """Raises Refused `unknown_case` (404), `ambiguous_number` (409)."""
    if case := await cases.get(id_or_number):
        return case
    number = number_in(id_or_number)
    found = await cases.find({"ix.number": number}, limit=2) if number else []
    if not found:
        raise Refused("unknown_case", f"there is no case {id_or_number}", field=field, status=404)
    if len(found) > 1:
        ids = ", ".join(case.case_id for case in found)
        raise Refused("ambiguous_number", f"more than one case has the number {number}; use the id: {ids}", field=field)
    return found[0]


async def by_id(cases: "Cases", work: Work) -> Work:
    """The work under the id of its case, where that was named by its number."""
    if not number_in(work.case_id):
        return work
    case = await case_named(cases, work.case_id, field="case_id")
    return work.model_copy(update={"case_id": case.case_id})
