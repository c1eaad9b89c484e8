"""What was tried in vain before a person took over (IN-11): the steps that self-service gave the customer."""

from services.intake.domain.case import MAX_ATTEMPT, MAX_TRIED
from shared.events.contacts import Contact


def tried_with(known: tuple[str, ...], contact: Contact) -> tuple[str, ...]:
    """The attempts known of a case, and those of the conversation that was handed over; the newest last."""
    steps = (turn.step[:MAX_ATTEMPT] for turn in contact.self_service if turn.step)
    return (*known, *(step for step in steps if step not in known))[-MAX_TRIED:]
