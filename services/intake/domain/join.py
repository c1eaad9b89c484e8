"""A further contact joins an open case (IN-4): the customer goes on with what he began."""

from datetime import datetime

from services.intake.domain.another_matter import UNHEARD
from services.intake.domain.asks import asks
from services.intake.domain.call import is_ours
from services.intake.domain.case import Case
from services.intake.domain.claims import MAX_CLAIMS
from services.intake.domain.further import take_in
from services.intake.domain.lifecycle import SETTLED, back_to_work
from services.intake.domain.link import related
from services.intake.domain.reopen import reopened
from services.intake.domain.rules import Rules
from services.intake.domain.said import CUSTOMER, contact_note
from services.intake.domain.summary import first_sentence, refreshed
from services.intake.domain.told import Told
from services.intake.domain.tried import newly_tried
from services.intake.domain.whose import is_his
from shared.decisions import Decision, Elsewhere
from shared.events.base import EventData
from shared.events.cases import CaseReopened, CaseResumed

MAX_CONVERSATIONS = 20


def join(case: Case, now: datetime, *, told: Told, rules: Rules) -> Decision[Case]:
    """Adds the contact; a resolved case is open again, and a closed one that ended lately, and one that waited for the
    customer goes on, unless he asks nothing (`asks`).

    Raises Elsewhere when the case is merged, full, or closed for too long.
    """
    _check_takes(case, now, told.conversation, rules)
    asking = asks(case, told, rules)
    after, woken = _woken(case, told, asking)
    after, events = take_in(after, now, told=told, rules=rules, asking=asking)
    spoke_at = case.touched_at if is_ours(told.contact) else now
    after = _holding(after.changed(touched_at=spoke_at, awaits_answer=case.unanswered or asking), told, rules)
    after, linked = related(after, told.place.related)
    note = contact_note(told.contact, now, rules, place=told.place)
    return Decision(refreshed(after, rules), (events[0], *woken, *events[1:], *linked), note)


def is_crowded(case: Case) -> bool:
    """Whether it takes no further conversation, though those that it holds go on."""
    return len(case.open_conversations) >= MAX_CONVERSATIONS


def _check_takes(case: Case, now: datetime, conversation: str, rules: Rules) -> None:
    if case.merged_into:
        raise Elsewhere(f"case {case.number} was merged into another")
    if case.full or (is_crowded(case) and conversation and conversation not in case.open_conversations):
        raise Elsewhere(f"case {case.number} is full")
    if case.closed_at and now - case.closed_at > rules.joining.reopen_within:
        raise Elsewhere(f"case {case.number} is closed")


def _woken(case: Case, told: Told, asking: bool) -> tuple[Case, tuple[EventData, ...]]:
    if not asking:
        return case, ()
    if case.status in SETTLED:
        reason, after = first_sentence(told.understood.text or told.contact.subject or ""), reopened(case)
        return after, (CaseReopened(**case.ids, by=CUSTOMER, reason=reason, tried=newly_tried(case, after)),)
    if case.status == "waiting_customer":
        after = case.changed(status=back_to_work(case), waiting_party=None, waiting_until=None)
        return after, (CaseResumed(**case.ids, by=CUSTOMER, on="customer"),)
    return case, ()


def _holding(case: Case, told: Told, rules: Rules) -> Case:
    """The contact, its conversation and its claims are the case's now. The last that it can hold gives them all up."""
    joined_by = told.place.by if told.place.by in UNHEARD else ""
    contacts = (*case.contacts, told.seen.model_copy(update={"joined_by": joined_by}))
    if case.status == "closed":  # what it gave up leads to it already
        return case.changed(contacts=contacts)
    names = (told.conversation,) if told.conversation else ()
    conversations = tuple(dict.fromkeys((*case.open_conversations, *names)))
    claims = told.place.claims if is_his(case, told, rules) else ()
    case = with_claims(case.changed(contacts=contacts, open_conversations=conversations), claims)
    full = len(contacts) >= rules.lifecycle.max_contacts
    return without_conversations(case.changed(full=True)) if full else case


def with_claims(case: Case, claims: tuple[str, ...]) -> Case:
    return case.changed(claims=tuple(dict.fromkeys((*case.claims, *claims)))[:MAX_CLAIMS])


def without_conversations(case: Case) -> Case:
    """The next contact of its conversations, or about its matters, goes elsewhere; they tell that it was here."""
    return case.changed(
        open_conversations=(),
        past_conversations=_last((*case.past_conversations, *case.open_conversations)),
        claims=(),
        past_claims=_last((*case.past_claims, *case.claims)),
    )


def _last(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))[-MAX_CONVERSATIONS:]


def give_up(state: Case | None, now: datetime, *, names: frozenset[str]) -> Decision[Case]:
    """Leave these names to another case."""
    assert state is not None, "only a case that is there holds anything"
    if names.isdisjoint((*state.claims, *state.open_conversations)):
        return Decision(state)
    gone = tuple(name for name in state.claims if name in names)
    after = state.changed(
        open_conversations=tuple(name for name in state.open_conversations if name not in names),
        claims=tuple(name for name in state.claims if name not in names),
        past_claims=_last((*state.past_claims, *gone)),
    )
    return Decision(after)
