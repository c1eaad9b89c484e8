"""Intake follows the clocks of a case (`sla.v1`). SLA decides; nothing is refused, nothing is given out."""

from datetime import datetime

from services.intake.domain.case import Case
from services.intake.domain.follow import known
from shared.decisions import Decision, Note
from shared.events.sla import ClockPaused, ClockResumed, ClockStarted, TargetMissed

SLA = "sla"
_TOLD = {"target", "due_at", "late_s", "agent_id", "supervisor", "pool", "party", "escalation_id"}


def clock(state: Case | None, now: datetime, *, event: ClockStarted | ClockPaused | ClockResumed) -> Decision[Case]:
    """Of the clocks only that of the resolution shows on the case."""
    case = known(state, "a clock")
    if event.target != "resolution" or event.due_at == case.due_at:
        return Decision(case)
    return Decision(case.changed(due_at=event.due_at))


def missed(state: Case | None, now: datetime, *, event: TargetMissed) -> Decision[Case]:
    """A line: which promise, who had the ball, how late."""
    told = event.model_dump(include=_TOLD, exclude_none=True)
    return Decision(known(state, "a target"), note=Note(now, "target_missed", SLA, event.promise or "", told))
