"""A resolved case closes by itself when the customer has not come back for the set time."""

from datetime import datetime

from services.intake.domain.case import Case
from services.intake.domain.close import closed, closing, lacking_for_close
from shared.decisions import Decision, Note

TIMER = "timer"


def due(case: Case) -> datetime | None:
    """When to close. Never for a complaint without result and measure (FB-12): an agent has to give them."""
    if case.status != "resolved" or lacking_for_close(case):
        return None
    return case.auto_close_at


def fire(state: Case | None, now: datetime) -> Decision[Case]:
    """Closes what is due; the state it was given when nothing is due any more."""
    assert state is not None, "only a stored case can fall due"
    at = due(state)
    if at is None or now < at:
        return Decision(state)
    after = closed(state, now)
    event = closing(state, by=TIMER, how="timer", why="the customer did not come back")
    return Decision(after, (event,), Note(now, "closed", TIMER, event.why))
