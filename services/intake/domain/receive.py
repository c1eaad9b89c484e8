"""A contact comes to a case: it opens it, joins it, amends what it said before, or repeats itself (IN-1, IN-4)."""

from datetime import datetime

from services.intake.domain.amend import amend
from services.intake.domain.case import Case, ContactSeen
from services.intake.domain.contact_hash import contact_hash
from services.intake.domain.customer import Customer
from services.intake.domain.join import join
from services.intake.domain.open_case import open_case
from services.intake.domain.rules import Rules
from shared.decisions import Decision, Refused
from shared.events.contacts import Contact


def conversation_of(contact: Contact) -> str:
    """`source:conversation`, since a conversation belongs to its source; "" when the contact is of none."""
    return f"{contact.source}:{contact.conversation}" if contact.conversation else ""


def receive(
    state: Case | None, now: datetime, *,
    contact: Contact, contact_id: str, case_id: str, customer: Customer | None, rules: Rules,
) -> Decision[Case]:  # fmt: skip
    """No case yet: opens it. A known contact: repeat or amendment, whatever the case's status. A new one: joins.

    Raises Refused `identity_reused` (422) for a known revision with other content, Elsewhere when the case is closed,
    full or merged.
    """
    seen = ContactSeen(id=contact_id, revision=contact.revision, hash=contact_hash(contact))
    conversation = conversation_of(contact)
    if state is None:
        return open_case(
            now, contact=contact, seen=seen, conversation=conversation, case_id=case_id, customer=customer, rules=rules
        )
    known = state.seen(contact_id)
    if known is None:
        return join(state, now, contact=contact, seen=seen, conversation=conversation, customer=customer, rules=rules)
    if seen.revision > known.revision:
        return amend(state, now, contact=contact, seen=seen, customer=customer, rules=rules)
    if seen.revision == known.revision and seen.hash != known.hash:
        raise identity_reused(contact)
    return Decision(state)


def identity_reused(contact: Contact) -> Refused:
    return Refused(
        "identity_reused",
        f"contact {contact.id!r} of {contact.source!r} came before with revision {contact.revision} and other content; "
        "send the change with a higher revision, or another contact with an id of its own",
        field="revision",
        status=422,
    )
