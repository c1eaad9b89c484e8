"""A further contact joins an open case (IN-4): the customer goes on with what he began."""

from datetime import datetime

from services.intake.domain.case import Case, ContactSeen
from services.intake.domain.customer import Customer
from services.intake.domain.further import take_in
from services.intake.domain.lifecycle import back_to_work
from services.intake.domain.reopen import reopened
from services.intake.domain.rules import Rules
from services.intake.domain.said import CUSTOMER, contact_note
from services.intake.domain.summary import first_sentence, refreshed
from shared.decisions import Decision, Elsewhere
from shared.events.base import EventData
from shared.events.cases import CaseReopened, CaseResumed
from shared.events.contacts import Contact

MAX_CONVERSATIONS = 20


def join(
    case: Case, now: datetime, *,
    contact: Contact, seen: ContactSeen, conversation: str, customer: Customer | None, rules: Rules,
) -> Decision[Case]:  # fmt: skip
    """Adds the contact; a resolved case is open again, one that waited for the customer goes on.

    Raises Elsewhere when the case is closed, merged or full.
    """
    _check_takes(case, conversation, rules)
    after, woken = _woken(case, contact)
    after, events = take_in(after, now, contact=contact, seen=seen, customer=customer, rules=rules)
    after = _holding(after, seen, conversation, rules)
    return Decision(refreshed(after, rules), (events[0], *woken, *events[1:]), contact_note(contact, now, rules))


def _check_takes(case: Case, conversation: str, rules: Rules) -> None:
    if case.merged_into:
        raise Elsewhere(f"case {case.number} was merged into another")
    if case.status == "closed":
        raise Elsewhere(f"case {case.number} is closed")
    another = bool(conversation) and conversation not in case.open_conversations
    if len(case.contacts) >= rules.lifecycle.max_contacts or len(case.open_conversations) + another > MAX_CONVERSATIONS:
        raise Elsewhere(f"case {case.number} is full")


def _woken(case: Case, contact: Contact) -> tuple[Case, tuple[EventData, ...]]:
    if case.status == "resolved":
        reason = first_sentence(contact.text or contact.subject or "")
        return reopened(case), (CaseReopened(**case.ids, by=CUSTOMER, reason=reason),)
    if case.status == "waiting_customer":
        after = case.changed(status=back_to_work(case), waiting_party=None, waiting_until=None)
        return after, (CaseResumed(**case.ids, by=CUSTOMER, on="customer"),)
    return case, ()


def _holding(case: Case, seen: ContactSeen, conversation: str, rules: Rules) -> Case:
    """The contact and its conversation are the case's now. The last that it can hold gives the conversations free."""
    contacts = (*case.contacts, seen)
    fresh = (conversation,) if conversation and conversation not in case.open_conversations else ()
    case = case.changed(contacts=contacts, open_conversations=(*case.open_conversations, *fresh))
    return without_conversations(case) if len(contacts) >= rules.lifecycle.max_contacts else case


def without_conversations(case: Case) -> Case:
    """The next contact of its conversations opens a new case."""
    past = tuple(dict.fromkeys((*case.past_conversations, *case.open_conversations)))
    return case.changed(open_conversations=(), past_conversations=past[-MAX_CONVERSATIONS:])
