"""Two cases turn out to be one (IN-15). Never move, always point: the higher id into the lower.

What was told to the one that ends stays there and leads on: contacts, timeline, and the conversations and claims that it
gives up, for the one that goes on to take.
"""

from datetime import datetime

from services.intake.domain.case import Case, Link
from services.intake.domain.facts import joined_facts
from services.intake.domain.join import without_conversations
from services.intake.domain.lifecycle import check
from services.intake.domain.link import MAX_LINKS, is_linked
from services.intake.domain.prioritise import more_urgent
from services.intake.domain.rules import Rules
from services.intake.domain.summary import refreshed
from shared.decisions import Decision, Note, Refused
from shared.events.base import EventData
from shared.events.cases import CaseMerged, CaseReprioritised
from shared.events.work import Work

_WHY = "merged with another case"


def in_order(one: Case, other: Case) -> tuple[Case, Case]:
    """Which goes on, and which points there. Raises Refused for one case twice, or one that is over."""
    if one.case_id == other.case_id:
        raise Refused("same_case", "a case can't be merged with itself; name another in `to`", field="to", status=422)
    goes_on, ends = sorted((one, other), key=lambda case: case.case_id)
    if ends.merged_into != goes_on.case_id:
        check(goes_on, "merged")
        check(ends, "merged")
    return goes_on, ends


def absorb_case(state: Case | None, now: datetime, *, other: Case, work: Work, rules: Rules) -> Decision[Case]:
    """What was known of the other is known of this one, which is as urgent as the more urgent of both."""
    assert state is not None, "it was there when the merger was asked for"
    if is_linked(state, other.case_id):
        return Decision(state)
    links = (*state.links, Link(to=other.case_id, kind="merged", by=work.agent_id, why=work.reason or ""))
    inherited = tuple(link for link in other.links if link.kind == "merged")
    case = state.changed(
        links=(*links, *inherited)[:MAX_LINKS],
        facts=joined_facts(state.facts, frozenset(state.facts_given), other.facts, frozenset(other.facts_given)),
        tags=tuple(dict.fromkeys((*state.tags, *other.tags))),
        touched_at=max(filter(None, (state.touched_at, other.touched_at)), default=None),
    )
    case, events = _as_urgent(case, other, work)
    note = Note(now, "merged", work.agent_id, work.reason or work.text or "", {"from": other.case_id})
    return Decision(refreshed(case, rules), events, note)


def _as_urgent(case: Case, other: Case, work: Work) -> tuple[Case, tuple[EventData, ...]]:
    if not more_urgent(other.priority, case.priority):
        return case, ()
    event = CaseReprioritised(
        **case.ids, by=work.agent_id, why=_WHY, was=case.priority, to=other.priority,
        priority_reason=other.priority_reason,
    )  # fmt: skip
    urgent = {"priority": other.priority, "priority_reason": other.priority_reason, "priority_by": other.priority_by}
    return case.changed(**urgent), (event,)


def merge_case(state: Case | None, now: datetime, *, into: Case, work: Work) -> Decision[Case]:
    """It is over under its own number; whoever asks for it is led to the other."""
    assert state is not None, "it was there when the merger was asked for"
    if state.merged_into == into.case_id:
        return Decision(state)
    check(state, "merged")
    why = work.reason or work.text or ""
    after = without_conversations(state).changed(
        status="closed", closed_at=now, merged_into=into.case_id, auto_close_at=None, promise=None,
        waiting_party=None, waiting_until=None,
    )  # fmt: skip
    event = CaseMerged(**state.ids, by=work.agent_id, why=why, into=into.case_id, into_number=into.number)
    return Decision(after, (event,), Note(now, "merged", work.agent_id, why, {"into": into.case_id}))
