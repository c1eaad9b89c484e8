"""Diagnostics (IN-13) are kept with the customer's consent only."""

from shared.events.contacts import Contact

MAX_NAMES = 30
MAX_NAME = 60


def consented(contact: Contact) -> Contact:
    """The contact without diagnostics that nobody consented to; `{}` in their place says that there were some."""
    return contact.model_copy(update={"diagnostics": {}}) if unconsented(contact) else contact


def unconsented(contact: Contact) -> bool:
    return contact.diagnostics is not None and not contact.diagnostics_consent


def diagnostics_named(contact: Contact) -> tuple[str, ...]:
    """What the diagnostics are of; they themselves lie in the timeline."""
    names = (contact.diagnostics or {}) if contact.diagnostics_consent else {}
    return tuple(name[:MAX_NAME] for name in list(names)[:MAX_NAMES])


def joined_names(known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *more)))[:MAX_NAMES]
