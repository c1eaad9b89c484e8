"""Whether what was promised on the clock was kept (`sla.v1`): of the first response and of the resolution."""

from datetime import datetime

from services.feedback.domain.outcome import MOST_PROMISES, CaseOutcome, Kept, unchanged
from shared.decisions import Decision
from shared.events.sla import TargetMet, TargetMissed

COUNTED = ("first_response", "resolution")


def settle(state: CaseOutcome | None, now: datetime, *, event: TargetMet | TargetMissed) -> Decision[CaseOutcome]:
    """The last word counts: a miss may be corrected, and what was met late stays missed."""
    if state is None or event.target not in COUNTED:
        return unchanged(state)
    kept = isinstance(event, TargetMet) and event.late_s <= 0
    new = Kept(target=event.target, nth=event.nth, kept=kept)
    others = [p for p in state.promises if (p.target, p.nth) != (new.target, new.nth)]
    after = state.changed(promises=(*others, new)[-MOST_PROMISES:])
    return unchanged(state) if new in state.promises else Decision(after)
