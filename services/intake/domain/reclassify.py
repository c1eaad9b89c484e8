"""A person decides what a case is about (IN-5), of which kind it is (IN-19) and how urgent (IN-7); that stands (S8).

The rules change neither category nor kind again. What the customer further says may still raise the priority, since
danger must not be missed; nothing lowers it but a person.
"""

from datetime import datetime

from services.intake.domain.case import Case
from services.intake.domain.further import still_missing
from services.intake.domain.rules import Rules
from shared.decisions import Refused
from shared.events.base import EventData
from shared.events.cases import CaseReclassified, CaseReprioritised, Priority
from shared.events.work import Work

BY_PERSON = "decided-by-a-person"
"""The rule that a priority names which a person has set."""


def reclassify(case: Case, now: datetime, work: Work, rules: Rules) -> tuple[Case, tuple[EventData, ...]]:
    """`category`, `kind`, `priority`: one of them at least, a priority with its `reason`.

    Raises Refused `missing_field`, `unknown_category` (422).
    """
    if work.priority and not (work.reason or work.text):
        raise Refused("missing_field", "a priority is set with the reason for it", field="reason", status=422)
    events: tuple[EventData, ...] = ()
    if work.category or work.kind or not work.priority:
        case, told = _reclassified(case, work, rules)
        events = (told,)
    if work.priority:
        case, more = _reprioritised(case, work, work.priority)
        events = (*events, more)
    return case, events


def _reclassified(case: Case, work: Work, rules: Rules) -> tuple[Case, CaseReclassified]:
    """A kind alone leaves the category to the rules."""
    after = case
    if work.category or not work.kind:
        category = _category(work, rules)
        after = after.changed(category=category, category_confidence=1.0, category_by=work.agent_id, review=None)
    if work.kind:
        after = after.changed(kind=work.kind, kind_by=work.agent_id)
    event = CaseReclassified(
        **case.ids, by=work.agent_id, why=_why(work), was=case.category, to=after.category, kind=after.kind,
        review=after.review,
    )  # fmt: skip
    return after.changed(missing=still_missing(after, rules)), event


def _reprioritised(case: Case, work: Work, to: Priority) -> tuple[Case, CaseReprioritised]:
    reason = case.priority_reason.model_copy(update={"rule": BY_PERSON})
    event = CaseReprioritised(
        **case.ids, by=work.agent_id, why=_why(work), was=case.priority, to=to, priority_reason=reason
    )
    return case.changed(priority=to, priority_reason=reason, priority_by=work.agent_id), event


def _category(work: Work, rules: Rules) -> tuple[str, ...]:
    wanted = work.category or ()
    if len(wanted) < 2:
        raise Refused("missing_field", "a category has at least two levels", field="category", status=422)
    path = rules.categories.resolve(wanted)
    if path is None:
        choices = ", ".join(rules.categories.choices(wanted)) or "no further level"
        message = f"{' / '.join(wanted)} is not in the tree; possible there: {choices}"
        raise Refused("unknown_category", message, field="category", status=422)
    return path


def _why(work: Work) -> str:
    return work.reason or work.text or ""
