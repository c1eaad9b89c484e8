"""What was tried in vain: the steps that self-service gave the customer before a person took over (IN-11), and whatever
an agent did. Whoever is called for help must know it (SL-4), so each attempt is told with the event that brings it.
"""

from services.intake.domain.case import MAX_ATTEMPT, MAX_TRIED, Case
from shared.events.contacts import Contact


def tried_with(known: tuple[str, ...], contact: Contact) -> tuple[str, ...]:
    """The attempts known of a case, and those of the conversation that was handed over; the newest last."""
    steps = (turn.step[:MAX_ATTEMPT] for turn in contact.self_service if turn.step)
    return (*known, *(step for step in steps if step not in known))[-MAX_TRIED:]


def newly_tried(before: Case, after: Case) -> tuple[str, ...]:
    """What the case knows now and did not know before."""
    return tuple(line for line in after.tried if line not in before.tried)
