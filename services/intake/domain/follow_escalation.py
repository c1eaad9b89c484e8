"""Intake follows the escalations of a case (SL-5). SLA and the departments decide; nothing is refused or given out."""

from datetime import datetime

from services.intake.domain.case import Case, Escalation
from services.intake.domain.follow import known
from services.intake.domain.follow_targets import SLA
from shared.decisions import Decision, Note
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.sla import EscalationAnswered

WHAT = "an escalation"
_SAID = {"escalation_id", "department", "level"}
_ANSWER = _SAID | {"answer", "reproduced", "responsible", "fix_at"}


def raised(state: Case | None, now: datetime, *, event: EscalationRaised | EscalationLevelRaised) -> Decision[Case]:
    """It stands with this department now, which has not said yet that it has it."""
    open_ = Escalation(id=event.escalation_id, level=event.level, department=event.department)
    kind = event.TYPE.replace(".", "_")
    note = Note(now, kind, SLA, event.why, {**event.model_dump(include=_SAID), "due_at": event.due_at})
    return Decision(_with(known(state, WHAT), event.escalation_id, open_), note=note)


def withdrawn(state: Case | None, now: datetime, *, event: EscalationWithdrawn) -> Decision[Case]:
    """It is over once the level on which it stands is told so; those below or above may have been called in vain."""
    case = known(state, WHAT)
    note = Note(now, "escalation_withdrawn", SLA, event.why, event.model_dump(include=_SAID))
    open_ = _open(case, event.escalation_id)
    over = open_ is None or open_.level == event.level
    return Decision(_with(case, event.escalation_id, None) if over else case, note=note)


def answered(state: Case | None, now: datetime, *, event: EscalationAnswered) -> Decision[Case]:
    """The department's own words; who has the escalation now, or that it is over."""
    case = known(state, WHAT)
    told = event.model_dump(include=_ANSWER, exclude_none=True)
    note = Note(now, "escalation_answered", event.by or event.department, event.text, told)
    open_ = _open(case, event.escalation_id)
    stands = _answered(open_, event) if open_ and event.stands else None
    return Decision(_with(case, event.escalation_id, stands), note=note)


def _answered(open_: Escalation, event: EscalationAnswered) -> Escalation:
    mine = event.stands == event.level
    department = event.department if mine else open_.department
    refused = event.answer == "refused"
    acknowledged = open_.acknowledged and not mine if refused else True
    return Escalation(id=open_.id, level=event.stands, department=department, acknowledged=acknowledged)


def _open(case: Case, id_: str) -> Escalation | None:
    return next((e for e in case.escalations if e.id == id_), None)


def _with(case: Case, id_: str, now_is: Escalation | None) -> Case:
    others = tuple(e for e in case.escalations if e.id != id_)
    return case.changed(escalations=(*others, now_is) if now_is else others)
