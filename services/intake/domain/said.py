"""The line that a contact leaves in the case's timeline (IN-10): all that was said, whole, and by whom.

`from` and `facts` are personal: they are erased as the words are.
"""

from datetime import datetime, timedelta
from typing import Any

from services.intake.domain.attachments import links_of
from services.intake.domain.call import is_ours
from services.intake.domain.choose_case import Place
from services.intake.domain.customer import points_of
from services.intake.domain.facts import given_facts
from services.intake.domain.rules import Rules
from services.intake.domain.understand import words_of
from shared.clock import to_milliseconds
from shared.decisions import Note
from shared.events.contacts import Contact

CUSTOMER = "customer"


def contact_note(
    contact: Contact, now: datetime, rules: Rules, kind: str = "contact", place: Place | None = None
) -> Note:
    joined = {"joined_by": place.by} if place and place.by else {}
    return Note(
        at=now, kind=kind, by=_by(contact), text=words_of(contact) or contact.subject or "",
        data=_data(contact, now, rules) | joined,
    )  # fmt: skip


def _by(contact: Contact) -> str:
    """Who turned to the other: the customer; the agent, or the system, that called him."""
    return str((contact.voice or {}).get("agent") or contact.source) if is_ours(contact) else CUSTOMER


def occurred_ahead(contact: Contact, now: datetime, rules: Rules) -> bool:
    if contact.occurred_at is None or contact.occurred_at <= now:
        return False
    return contact.occurred_at - now > timedelta(seconds=rules.lifecycle.occurred_at_ahead_s)


def occurred(contact: Contact, now: datetime, rules: Rules) -> datetime:
    """When it was said: as told, but now where nothing or the future was told."""
    if contact.occurred_at is None or occurred_ahead(contact, now, rules):
        return now
    return to_milliseconds(contact.occurred_at)


def _data(contact: Contact, now: datetime, rules: Rules) -> dict[str, Any]:
    said: dict[str, Any] = {
        "source": contact.source,
        "id": contact.id,
        "revision": contact.revision,
        "channel": contact.channel,
        "conversation": contact.conversation,
        "replies_to": list(contact.replies_to),
        "occurred_at": occurred(contact, now, rules),
        "from": _speaker(contact, rules),
        "subject": contact.subject,
        "facts": given_facts(contact.facts),
        **links_of(contact, rules),
        "rating": contact.rating,
        "diagnostics": contact.diagnostics if contact.diagnostics_consent else None,
        "self_service": [turn.model_dump(exclude_none=True) for turn in contact.self_service],
    }
    return {name: value for name, value in said.items() if value not in (None, [], {})}


def _speaker(contact: Contact, rules: Rules) -> dict[str, Any]:
    """Who it says that it is from: the name, and the contact points that are some."""
    points = list(points_of(contact, rules))
    told = {"name": contact.customer.name, "points": points}
    return {name: value for name, value in told.items() if value}
