"""A contact on its way into a case, with all that is known of it by then."""

from dataclasses import dataclass

from services.intake.domain.case import ContactSeen
from services.intake.domain.choose_case import Place
from services.intake.domain.customer import Customer
from services.intake.domain.understand import Understanding
from shared.events.contacts import Contact


@dataclass(frozen=True, slots=True)
class Told:
    contact: Contact
    seen: ContactSeen
    understood: Understanding
    customer: Customer | None
    conversation: str
    place: Place
