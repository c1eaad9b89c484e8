"""改进工单: a bad answer is followed until something is better and a before/after comparison shows it (FB-2)."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from services.feedback.domain.outcome import CaseOutcome, Improvement, Survey
from services.feedback.domain.rules import Rules
from shared.decisions import Decision, Note, Refused
from shared.events.base import Moment, PersonalText
from shared.events.escalations import Department
from shared.events.feedback import ImprovementChanged, ImprovementClosed, ImprovementOpened
from shared.ids import named


def opened_for(case: CaseOutcome, survey: Survey, now: datetime, rules: Rules) -> tuple[CaseOutcome, ImprovementOpened]:
    """The one improvement of a survey, in the language of those who work on it."""
    improvement = Improvement(
        id=named("improvement", case.case_id, survey.nth), survey_id=survey.id, opened_at=now,
        due_at=now + rules.improvements.due_after, person=survey.agent.agent_id if survey.agent else None,
        supervisor=survey.agent.supervisor if survey.agent else None,
        department=rules.improvements.department(survey.bad, case.category), why=survey.bad,
        criteria=tuple(rules.improvements.criteria[part].in_(rules.improvements.language) for part in survey.bad),
    )  # fmt: skip
    event = ImprovementOpened(
        **case.ids, improvement_id=improvement.id, survey_id=survey.id, person=improvement.person,
        supervisor=improvement.supervisor, department=improvement.department, due_at=improvement.due_at,
        criteria=improvement.criteria, why=improvement.why, scores=survey.scores, words=survey.words,
    )  # fmt: skip
    return case.with_improvement(improvement), event


def _as_text(value: Any) -> Any:
    """A measured number is a proof as well."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Proof = Annotated[PersonalText, BeforeValidator(_as_text), Field(max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
TOLD = ("person", "department", "due_at")
"""What others hear of when it changes."""
CHANGES = (*TOLD, "note")


class Changed(BaseModel):
    """Either `status: closed` with its proof, or what is to be changed; not both at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["closed"] | None = None
    measure: Annotated[PersonalText, Field(max_length=1000)] = ""
    before: Proof = ""
    after: Proof = ""
    person: Name | None = None
    department: Department | None = None
    due_at: Moment | None = None
    note: Annotated[PersonalText, Field(max_length=300)] | None = None

    @property
    def update(self) -> dict[str, Any]:
        return {name: value for name in CHANGES if (value := getattr(self, name)) is not None}

    @model_validator(mode="after")
    def one_thing_at_a_time(self) -> Self:
        if self.status is None and (self.measure or self.before or self.after):
            raise ValueError("measure, before and after go with status: closed")
        if bool(self.status) == bool(self.update):
            raise ValueError(f"either status: closed, or one of {', '.join(CHANGES)} is wanted")
        return self


def change(state: CaseOutcome | None, now: datetime, *, id_: str, changed: Changed, by: str) -> Decision[CaseOutcome]:
    """Raises Refused: `unknown_improvement` (404); `missing_field`, `no_difference` and `past_due` (422);
    `closed_already` (409)."""
    known = state.improvement(id_) if state is not None else None
    if state is None or known is None:
        raise Refused("unknown_improvement", f"there is no improvement {id_}", field="improvement_id", status=404)
    return _close(state, known, now, changed, by) if changed.status else _alter(state, known, now, changed, by)


def _close(case: CaseOutcome, known: Improvement, now: datetime, changed: Changed, by: str) -> Decision[CaseOutcome]:
    """Without a comparison of before and after nobody knows whether it helped."""
    told = {name: getattr(changed, name).strip() for name in ("measure", "before", "after")}
    for name in ("before", "after"):
        if not told[name]:
            raise Refused(
                "missing_field", f"{name}: closing needs the proof of before and after", field=name, status=422
            )
    if known.status == "closed":
        return _same_or_refused(case, known, told)
    if told["before"].casefold() == told["after"].casefold():
        raise Refused(
            "no_difference", "after: it is the same as before, so nothing is better", field="after", status=422
        )
    closed = known.model_copy(update={**told, "status": "closed", "closed_at": now, "closed_by": by})
    event = ImprovementClosed(**case.ids, improvement_id=known.id, by=by, **told)
    return Decision(case.with_improvement(closed), (event,), Note(now, "improvement.closed", by, told["measure"], told))


def _same_or_refused(case: CaseOutcome, known: Improvement, told: dict[str, str]) -> Decision[CaseOutcome]:
    if {name: getattr(known, name) for name in told} == told:
        return Decision(case)
    raise Refused("closed_already", "this improvement was closed before, with another proof", field="status")


def _alter(case: CaseOutcome, known: Improvement, now: datetime, changed: Changed, by: str) -> Decision[CaseOutcome]:
    if known.status == "closed":
        raise Refused("closed_already", "a closed improvement is not changed any more", field="status")
    if changed.due_at is not None and changed.due_at <= now:
        raise Refused("past_due", "due_at: it lies in the past", field="due_at", status=422)
    altered = known.model_copy(update=changed.update)
    if altered == known:
        return Decision(case)
    said = changed.model_dump(mode="json", include=set(changed.update))
    note = Note(now, "improvement.changed", by, changed.note or "", said)
    moved = any(getattr(altered, name) != getattr(known, name) for name in TOLD)
    return Decision(case.with_improvement(altered), (_changed(case, altered, note),) if moved else (), note)


def _changed(case: CaseOutcome, altered: Improvement, note: Note) -> ImprovementChanged:
    return ImprovementChanged(
        **case.ids, improvement_id=altered.id, person=altered.person, supervisor=altered.supervisor,
        department=altered.department, due_at=altered.due_at, by=note.by, note=note.text,
    )  # fmt: skip
