"""A higher revision says an earlier contact better: a recording after the call, an edited post. It wakes nothing."""

from datetime import datetime

from services.intake.domain.case import Case, ContactSeen
from services.intake.domain.customer import Customer
from services.intake.domain.further import take_in
from services.intake.domain.rules import Rules
from services.intake.domain.said import contact_note
from services.intake.domain.summary import refreshed
from shared.decisions import Decision
from shared.events.contacts import Contact


def amend(
    case: Case, now: datetime, *, contact: Contact, seen: ContactSeen, customer: Customer | None, rules: Rules
) -> Decision[Case]:
    after, events = take_in(case, now, contact=contact, seen=seen, customer=customer, rules=rules, amends=True)
    contacts = tuple(seen if held.id == seen.id else held for held in case.contacts)
    return Decision(
        refreshed(after.changed(contacts=contacts), rules), events, contact_note(contact, now, rules, "amended")
    )
