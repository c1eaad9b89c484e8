"""A call is told form by form (IN-10): its recording and its words come in any order, and none takes away the other."""

from services.intake.domain.rules import Rules
from services.intake.domain.understand import words_of
from shared.events.contacts import Contact

RECORDING, WORDS = "recording", "words"


def is_form(contact: Contact) -> bool:
    return contact.channel == "phone"


def is_ours(contact: Contact) -> bool:
    """Whether we called the customer: he did not turn to us."""
    return is_form(contact) and (contact.voice or {}).get("direction") == "outbound"


def parts(contact: Contact) -> tuple[str, ...]:
    """Which of them a contact brings; of another channel none."""
    if not is_form(contact):
        return ()
    recording = (RECORDING,) if (contact.voice or {}).get(RECORDING) else ()
    return (*recording, WORDS) if words_of(contact) else recording


def is_silent(contact: Contact) -> bool:
    """A form that says nothing of how the customer feels."""
    return is_form(contact) and not words_of(contact) and (contact.voice or {}).get("sentiment") is None


def kept(said: str | None, before: str | None, rules: Rules) -> str | None:
    """What was said before, where a form says no more than what such a call is called."""
    labels = rules.channels.phone.labels
    return before if before and before not in labels and (not said or said in labels) else said


def of_words(said: str | None, rules: Rules) -> str | None:
    """None for what such a call is called: nobody said it."""
    return None if said in rules.channels.phone.labels else said
