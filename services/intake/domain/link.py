"""Two cases that have to do with each other point to each other; nothing is moved (IN-15)."""

from datetime import datetime
from typing import Literal

from services.intake.domain.case import RULES, Case, Link
from shared.decisions import Decision, Note, Refused
from shared.events.cases import CaseLinked
from shared.events.work import Work

MAX_LINKS = 50
Told = Literal["related", "follows", "split", "incident"]


def link(case: Case, to: str, kind: Told, *, by: str, why: str = "") -> tuple[Case, CaseLinked]:
    """Raises Refused `too_many_links` (409)."""
    after = with_link(case, Link(to=to, kind=kind, by=by, why=why))
    return after, CaseLinked(**case.ids, by=by, why=why, to=to, kind=kind)


def related(case: Case, to: str) -> tuple[Case, tuple[CaseLinked, ...]]:
    """With a link to another case about the same, where there is one (`to`) and room for it."""
    if not to or case.merged_into or is_linked(case, to) or len(case.links) >= MAX_LINKS:
        return case, ()
    after, linked = link(case, to, "related", by=RULES, why="about the same order or device")
    return after, (linked,)


def with_link(case: Case, link: Link) -> Case:
    """Raises Refused `too_many_links` (409)."""
    if len(case.links) >= MAX_LINKS:
        raise Refused("too_many_links", f"a case has {MAX_LINKS} links at most", field="to")
    return case.changed(links=(*case.links, link))


def is_linked(case: Case, to: str) -> bool:
    return any(link.to == to for link in case.links)


def linked_from(
    state: Case | None, now: datetime, *, from_: str, kind: Literal["related", "followed_by", "split_off", "merged"],
    by: str, why: str = "",
) -> Decision[Case]:  # fmt: skip
    """The other end of a link. Nothing is given out: the event is the first end's."""
    if state is None or is_linked(state, from_) or len(state.links) >= MAX_LINKS:
        return Decision(state)  # type: ignore[arg-type]
    after = state.changed(links=(*state.links, Link(to=from_, kind=kind, by=by, why=why)))
    return Decision(after, note=Note(now, "linked", by, why, {"to": from_, "kind": kind}))


def link_case(state: Case | None, now: datetime, *, other: Case, work: Work) -> Decision[Case]:
    """An agent says that two cases have to do with each other. Raises Refused `same_case` (422)."""
    assert state is not None, "it was there when the link was asked for"
    if state.case_id == other.case_id:
        raise Refused("same_case", "a case can't be linked with itself; name another in `to`", field="to", status=422)
    if is_linked(state, other.case_id):
        return Decision(state)
    why = work.reason or work.text or ""
    after, event = link(state, other.case_id, "related", by=work.agent_id, why=why)
    return Decision(after, (event,), Note(now, "linked", work.agent_id, why, {"to": other.case_id}))
