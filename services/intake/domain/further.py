"""What a further contact, or a better version of an earlier one, changes in what is known of a case."""

from collections.abc import Iterator
from datetime import datetime

from services.intake.domain.call import is_form, is_silent, kept
from services.intake.domain.case import RULES, Case, beginning
from services.intake.domain.customer import higher_tier, reach_of
from services.intake.domain.diagnostics import diagnostics_named, joined_names
from services.intake.domain.facts import joined_facts
from services.intake.domain.lifecycle import SETTLED
from services.intake.domain.missing import missing
from services.intake.domain.open_case import MAX_SUBJECT, differing, flags_of
from services.intake.domain.prioritise import more_urgent, prioritise
from services.intake.domain.review import reviewed_first
from services.intake.domain.rules import Rules
from services.intake.domain.settle_category import UNCERTAIN
from services.intake.domain.told import Told
from services.intake.domain.tried import tried_with
from services.intake.domain.understand import Understanding
from shared.events.base import EventData
from shared.events.cases import (
    CaseContactAdded,
    CaseReclassified,
    CaseReprioritised,
    ContactRef,
    Priority,
    PriorityReason,
)

_WHY = "the customer said more"


def take_in(
    case: Case, now: datetime, *, told: Told, rules: Rules, amends: bool = False
) -> tuple[Case, tuple[EventData, ...]]:
    """The case with all that the contact reveals, and the events: the contact first, then what it changed."""
    after = _known(case, now, told, rules, amends)
    events: list[EventData] = [_contact_added(after, told, amends)]
    if case.status not in SETTLED:
        after, more = _judged(after, told.understood, rules, first=amends and case.contacts[0].id == told.seen.id)
        events += more
    return after, tuple(events)


def _known(case: Case, now: datetime, told: Told, rules: Rules, amends: bool) -> Case:
    contact, understood, customer = told.contact, told.understood, told.customer
    stranger = told.place.by == "thread" and not speaks_for_himself(case, told)
    reach = {} if stranger else reach_of(contact, understood.points, customer).model_dump(exclude_none=True)
    facts = joined_facts(
        case.facts, frozenset(case.facts_given), understood.facts, frozenset(understood.given), corrects=amends
    )
    after = case.changed(
        reach=case.reach.model_copy(update=reach),
        tier=higher_tier(case.tier, contact.customer.tier or (customer.tier if customer else None), rules),
        facts=facts,
        facts_given=tuple(dict.fromkeys((*case.facts_given, *understood.given))),
        tags=tuple(dict.fromkeys((*case.tags, *understood.classification.tags))),
        demand=case.demand or understood.classification.demand,
        sentiment=case.sentiment if amends and is_silent(contact) else understood.sentiment,
        tried=tried_with(case.tried, contact),
        diagnostics=joined_names(case.diagnostics, diagnostics_named(contact)),
        flags=tuple(dict.fromkeys((*case.flags, *flags_of(contact, understood, now, rules)))),
    )
    after = _worded(after, told, rules, amends)
    return after.changed(missing=still_missing(after, rules))


def _worded(case: Case, told: Told, rules: Rules, amends: bool) -> Case:
    """The words of the opening contact are the case's, those of another its latest.

    An amendment takes the place of what was said before; but a form of a call says only a part of it.
    """
    contact = told.contact
    text, truncated = beginning(contact.text)
    subject = (contact.subject or "")[:MAX_SUBJECT] or None
    latest = told.understood.text[:MAX_SUBJECT] or subject
    if amends and is_form(contact):
        text, truncated = (text, truncated) if text else (case.text, case.text_truncated)
        subject, latest = kept(subject, case.subject, rules), kept(latest, case.latest, rules)
    if amends and case.contacts[0].id == told.seen.id:
        return case.changed(subject=subject, text=text, text_truncated=truncated)
    return case.changed(latest=latest)


def speaks_for_himself(case: Case, told: Told) -> bool:
    """Whether the contact is from the case's customer."""
    return bool(told.customer and case.customer_id in (told.customer.customer_id, *told.customer.also))


def still_missing(case: Case, rules: Rules) -> tuple[str, ...]:
    return missing(
        reach=case.reach, channel=case.channel, subject=case.subject, text=case.text or case.latest,
        facts=case.facts, category=case.category, kind=case.kind, rules=rules,
    )  # fmt: skip


def _judged(case: Case, understood: Understanding, rules: Rules, *, first: bool) -> tuple[Case, Iterator[EventData]]:
    """Category and priority as they stand now that more is known; what a person decided stays."""
    events: list[EventData] = []
    after = _reclassified(case, understood, first=first)
    priority, reason = _reprioritised(after, understood, rules)
    if after.category_by == RULES:
        after = after.changed(review=reviewed_first(after.review, understood.gravity, priority, rules))
    if (after.category, after.kind, after.review) != (case.category, case.kind, case.review):
        changed = {"was": case.category, "to": after.category, "kind": after.kind, "review": after.review}
        events.append(CaseReclassified(**case.ids, by=RULES, why=_WHY, **changed))
        case = after.changed(missing=still_missing(after, rules))
    if priority != case.priority:
        events.append(
            CaseReprioritised(**case.ids, by=RULES, why=_WHY, was=case.priority, to=priority, priority_reason=reason)
        )
        case = case.changed(priority=priority, priority_reason=reason, rules_version=rules.version)
    return case, iter(events)


def _reclassified(case: Case, understood: Understanding, *, first: bool) -> Case:
    """Better words of the opening contact speak anew; a further one only where nothing was known, or to complain."""
    about = understood.classification
    if case.category_by != RULES:
        return case
    complains = "complaint" in (case.kind, about.kind)
    if not about.certain or not (first or case.category_confidence == 0):
        return case.changed(kind="complaint" if complains else case.kind)
    return case.changed(
        category=about.category,
        category_confidence=about.confidence,
        category_by_model=about.by_model,
        kind="complaint" if complains else about.kind,
        review=None if case.review == UNCERTAIN else case.review,
        flags=tuple(dict.fromkeys((*case.flags, *differing(understood)))),
    )


def _reprioritised(case: Case, understood: Understanding, rules: Rules) -> tuple[Priority, PriorityReason]:
    """Priority rises, never falls, by what a customer says."""
    priority, reason = prioritise(
        understood.gravity, tier=case.tier, feeling=understood.sentiment, kind=case.kind, rules=rules
    )
    if case.priority_by == RULES and more_urgent(priority, case.priority):
        return priority, reason
    return case.priority, case.priority_reason


def _contact_added(case: Case, told: Told, amends: bool) -> CaseContactAdded:
    contact, seen = told.contact, told.seen
    text, truncated = beginning(contact.text)
    return CaseContactAdded(
        **case.ids,
        contact_id=seen.id,
        contact=ContactRef(source=contact.source, id=contact.id),
        revision=seen.revision,
        channel=contact.channel,
        joined_by="" if amends else told.place.by,
        text=text or contact.subject,
        text_truncated=truncated,
        reach=case.reach,
        facts=case.facts,
        missing=case.missing,
        sentiment=case.sentiment,
    )
