"""Two cases turn out to be one (IN-15). Never move, always point: the later one to the one that was opened first.

What was told to the one that ends stays there and leads on: contacts, timeline, and the conversations and claims that
it gives up, for the one that goes on to take. What is known of it is known of the other: `absorb.py`.
"""

from collections.abc import Iterator
from datetime import datetime

from services.intake.domain.absorb import absorbed, is_owed, open_promise, third_party
from services.intake.domain.case import Case, Link
from services.intake.domain.customer import Customer
from services.intake.domain.join import without_conversations
from services.intake.domain.lifecycle import OPEN, check, merged_case
from services.intake.domain.link import MAX_LINKS, with_link
from services.intake.domain.rules import Rules
from services.intake.domain.summary import refreshed
from services.intake.domain.tried import newly_tried
from services.intake.domain.work import Step, reopen, resume
from shared.decisions import Decision, Note, Refused
from shared.events.base import EventData
from shared.events.cases import CaseAbsorbed, CaseMerged, CaseReclassified, CaseReprioritised
from shared.events.work import Work

_WHY = "merged with another case"


def in_order(one: Case, other: Case) -> tuple[Case, Case]:
    """Which goes on, and which points there. By when they were opened, so that no circle can form.

    Raises Refused for one case twice, or one that is over; never for what an earlier attempt began.
    """
    if one.case_id == other.case_id:
        raise Refused("same_case", "a case can't be merged with itself; name another in `to`", field="to", status=422)
    goes_on, ends = sorted((one, other), key=lambda case: (case.opened_at, case.case_id))
    if not has_absorbed(goes_on, ends):
        check(goes_on, "merged")
        check(ends, "merged")
    return goes_on, ends


def has_absorbed(case: Case, other: Case) -> bool:
    return any(link.to == other.case_id and link.kind == "merged" for link in case.links)


def whose(goes_on: Case, his: Customer, ends: Case, others: Customer) -> str:
    """The id of the customer whose case both are: whoever can be recognised. Raises Refused `two_customers` (409)."""
    if his.customer_id == others.customer_id or not others.points:
        return goes_on.customer_id
    if not his.points:
        return ends.customer_id
    one, other = his.customer_id, others.customer_id
    raise Refused(
        "two_customers",
        f"case {goes_on.number} is of customer {one}, case {ends.number} of customer {other}; if they are one, "
        f"merge the customers first (POST /v1/customers/{one}/merge), then the cases",
        field="to",
    )


def absorb_case(
    state: Case | None, now: datetime, *, other: Case, customer_id: str, work: Work, rules: Rules
) -> Decision[Case]:
    """What was known of the other is known of this one, which is open if the other is, and as urgent as the more urgent
    of both. `customer_id`: `whose`.

    Raises Refused when it is over, or has too many links.
    """
    assert state is not None, "it was there when the merger was asked for"
    if has_absorbed(state, other):
        return Decision(state)
    check(state, "merged")
    woken, events = _woken(state, other, now, work, rules)
    case = absorbed(_linked(woken, other, work), other, now, rules).changed(customer_id=customer_id)
    note = Note(now, "merged", work.agent_id, work.reason or work.text or "", {"from": other.case_id})
    told = (*events, _absorbed(case, other, now, work, newly_tried(woken, case)), *_judged(state, case, work))
    return Decision(refreshed(case, rules), told, note)


def _woken(case: Case, other: Case, now: datetime, work: Work, rules: Rules) -> Step:
    """An open matter is not buried in a case that is solved, or that waits for its customer."""
    if other.status in OPEN and case.status == "resolved":
        return reopen(case, now, work, rules)
    if other.status in OPEN and case.status == "waiting_customer" != other.status:
        return resume(case, now, work, rules)
    return case, ()


def _linked(case: Case, other: Case, work: Work) -> Case:
    """To the other, and to whatever it was linked with."""
    known = tuple(link for link in case.links if link.to != other.case_id)
    merged = Link(to=other.case_id, kind="merged", by=work.agent_id, why=work.reason or "")
    after = with_link(case.changed(links=known), merged)
    there = {case.case_id, *(link.to for link in after.links)}
    return after.changed(links=(*after.links, *(link for link in other.links if link.to not in there))[:MAX_LINKS])


def _absorbed(case: Case, other: Case, now: datetime, work: Work, tried: tuple[str, ...]) -> CaseAbsorbed:
    party, until = third_party(other, now)
    return CaseAbsorbed(
        **case.ids, by=work.agent_id, why=work.reason or work.text or "", of=other.case_id, of_number=other.number,
        subject=other.subject, text=other.text, customer_id=case.customer_id, tier=case.tier, reach=case.reach,
        facts=case.facts, missing=case.missing, tried=tried, promise=open_promise(other, now), party=party,
        party_until=until, agent_id=other.agent_id, unanswered=is_owed(other),
    )  # fmt: skip


def _judged(was: Case, case: Case, work: Work) -> Iterator[EventData]:
    if (was.category, was.kind, was.review) != (case.category, case.kind, case.review):
        yield CaseReclassified(
            **case.ids, by=work.agent_id, why=_WHY, was=was.category, to=case.category, kind=case.kind,
            review=case.review,
        )  # fmt: skip
    if was.priority != case.priority:
        yield CaseReprioritised(
            **case.ids, by=work.agent_id, why=_WHY, was=was.priority, to=case.priority,
            priority_reason=case.priority_reason,
        )  # fmt: skip


def merge_case(state: Case | None, now: datetime, *, into: Case, work: Work) -> Decision[Case]:
    """It is over under its own number; whoever asks for it is led to the other, which has taken it in already.

    So it ends too where it was closed meanwhile. Raises Refused `merged_case` where it was merged with another.
    """
    assert state is not None, "it was there when the merger was asked for"
    if state.merged_into == into.case_id:
        return Decision(state)
    if state.merged_into:
        raise merged_case(state)
    why = work.reason or work.text or ""
    after = without_conversations(state).changed(
        status="closed", closed_at=now, merged_into=into.case_id, auto_close_at=None, promise=None,
        waiting_party=None, waiting_until=None,
    )  # fmt: skip
    event = CaseMerged(**state.ids, by=work.agent_id, why=why, into=into.case_id, into_number=into.number)
    return Decision(after, (event,), Note(now, "merged", work.agent_id, why, {"into": into.case_id}))
