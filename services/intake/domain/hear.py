"""A contact of a case that was merged into this one is said better (IN-15): what that reveals is known here too."""

from datetime import datetime

from services.intake.domain.amend import claiming
from services.intake.domain.asks import asks
from services.intake.domain.case import Case, ContactSeen
from services.intake.domain.choose_case import Place
from services.intake.domain.customer import Customer
from services.intake.domain.further import take_in
from services.intake.domain.receive import conversation_of
from services.intake.domain.rules import Rules
from services.intake.domain.summary import refreshed
from services.intake.domain.told import Told
from services.intake.domain.understand import Understanding, understand
from shared.decisions import Decision
from shared.events.contacts import Contact


def hear(
    state: Case | None, now: datetime, *,
    revision: int, contact: Contact, contact_id: str, place: Place, customer: Customer | None, rules: Rules,
    understood: Understanding | None = None,
) -> Decision[Case]:  # fmt: skip
    """Asked as `receive` is. The contact and its line stay with the other, whose timeline is shown with this one's;
    what it is about leads here from then on. `revision`: the newest that the other will have seen.

    Nothing for what it knows already: a repeat.
    """
    assert state is not None, "a case was merged into it"
    seen = ContactSeen(id=contact_id, revision=revision, hash="")
    understood = understood or understand(contact, rules)
    told = Told(understood.contact, seen, understood, customer, conversation_of(contact), place)
    after, events = take_in(state, now, told=told, rules=rules, asking=asks(state, told, rules), amends=True)
    after = claiming(after, told, rules)
    return Decision(state) if after == state else Decision(refreshed(after, rules), events)
