"""A contact comes to a case: it opens it, joins it, amends what it said before, or repeats itself (IN-1, IN-4)."""

from datetime import datetime

from services.intake.domain.amend import amend
from services.intake.domain.call import parts
from services.intake.domain.case import Case, ContactSeen
from services.intake.domain.choose_case import Place
from services.intake.domain.contact_hash import contact_hash
from services.intake.domain.customer import Customer
from services.intake.domain.diagnostics import consented
from services.intake.domain.join import join
from services.intake.domain.open_case import open_case
from services.intake.domain.rules import Rules
from services.intake.domain.told import Told
from services.intake.domain.understand import Understanding, understand
from shared.decisions import Decision, Refused
from shared.events.contacts import Contact


def conversation_of(contact: Contact) -> str:
    """`source:conversation`, since a conversation belongs to its source; "" when the contact is of none."""
    return f"{contact.source}:{contact.conversation}" if contact.conversation else ""


def receive(
    state: Case | None, now: datetime, *,
    contact: Contact, contact_id: str, place: Place, customer: Customer | None, rules: Rules,
    understood: Understanding | None = None,
) -> Decision[Case]:  # fmt: skip
    """No case yet: opens it. A known contact: repeat or amendment, whatever the case's status. A new one: joins.

    `understood`: what the contact says, where it was read already. Raises Refused `identity_reused` (422) for a known
    revision with other content, Elsewhere when the case takes it no more.
    """
    hash_ = contact_hash(consented(contact))
    seen = ContactSeen(id=contact_id, revision=contact.revision, hash=hash_, parts=parts(contact))
    known = state.seen(contact_id) if state else None
    if state and known and not _is_news(seen, known):
        # the version before counted diagnostics that nobody consented to
        if seen.revision == known.revision and known.hash not in (seen.hash, contact_hash(contact)):
            raise identity_reused(contact)
        return Decision(state)
    seen = _joined(known, seen) if known else seen
    understood = understood or understand(contact, rules)
    told = Told(understood.contact, seen, understood, customer, conversation_of(contact), place)
    if state is None:
        return open_case(now, told=told, rules=rules)
    return amend(state, now, told=told, rules=rules) if known else join(state, now, told=told, rules=rules)


def _is_news(seen: ContactSeen, known: ContactSeen) -> bool:
    """A higher revision; a lower one only for the recording or the words of a call that none before it brought."""
    late = seen.revision < known.revision and not set(seen.parts) <= set(known.parts)
    return late or seen.revision > known.revision


def _joined(known: ContactSeen, seen: ContactSeen) -> ContactSeen:
    newest = max(known, seen, key=lambda contact: contact.revision)
    parts = tuple(dict.fromkeys((*known.parts, *seen.parts)))
    return newest.model_copy(update={"parts": parts, "joined_by": known.joined_by})


def identity_reused(contact: Contact) -> Refused:
    return Refused(
        "identity_reused",
        f"contact {contact.id!r} of {contact.source!r} came before with revision {contact.revision} and other content; "
        "send the change with a higher revision, or another contact with an id of its own",
        field="revision",
        status=422,
    )
