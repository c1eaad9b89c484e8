"""What a further contact, or a better version of an earlier one, changes in what is known of a case."""

from datetime import datetime
from typing import Any

from services.intake.domain.call import is_form, is_silent, kept, of_words
from services.intake.domain.case import RULES, Case, beginning
from services.intake.domain.classify import Classification
from services.intake.domain.customer import higher_tier
from services.intake.domain.diagnostics import diagnostics_named, joined_names
from services.intake.domain.facts import joined_facts
from services.intake.domain.lifecycle import SETTLED
from services.intake.domain.missing import missing
from services.intake.domain.open_case import MAX_SUBJECT, differing, flags_of
from services.intake.domain.prioritise import more_urgent, prioritise
from services.intake.domain.raised_by_tier import raised_by_tier
from services.intake.domain.review import reviewed_first
from services.intake.domain.rules import Rules
from services.intake.domain.settle_category import UNCERTAIN
from services.intake.domain.told import Told
from services.intake.domain.tried import newly_tried, tried_with
from services.intake.domain.understand import Understanding
from services.intake.domain.whose import customer_of, is_his, reach_with
from shared.events.base import EventData
from shared.events.cases import (
    CaseContactAdded,
    CaseReclassified,
    CaseReprioritised,
    ContactRef,
    Kind,
    Priority,
    PriorityReason,
)

_WHY = "the customer said more"


def take_in(
    case: Case, now: datetime, *, told: Told, rules: Rules, asking: bool, amends: bool = False
) -> tuple[Case, tuple[EventData, ...]]:
    """The case with all that the contact reveals, and the events: the contact first, then what it changed.

    `asking`: `asks.asks`.
    """
    after = _known(case, now, told, rules, amends)
    after = _worded(after, told, rules, asking, amends)
    heard = after.changed(missing=still_missing(after, rules))
    after, changes = _judged(heard, told, rules, amends, asking) if case.status not in SETTLED else (heard, ())
    added = _contact_added(heard, told, after.priority, asking, amends, newly_tried(case, heard))
    return after, (added, *changes)


def _known(case: Case, now: datetime, told: Told, rules: Rules, amends: bool) -> Case:
    contact, understood = told.contact, told.understood
    facts = joined_facts(
        case.facts, frozenset(case.facts_given), understood.facts, frozenset(understood.given), corrects=amends
    )
    return case.changed(
        facts=facts,
        facts_given=tuple(dict.fromkeys((*case.facts_given, *understood.given))),
        tags=tuple(dict.fromkeys((*case.tags, *understood.classification.tags))),
        demand=case.demand or understood.classification.demand,
        sentiment=case.sentiment if is_silent(contact) else understood.sentiment,
        tried=tried_with(case.tried, contact),
        diagnostics=joined_names(case.diagnostics, diagnostics_named(contact)),
        flags=tuple(dict.fromkeys((*case.flags, *flags_of(contact, understood, now, rules)))),
        **(_of_customer(case, told, rules) if is_his(case, told, rules) else {}),
    )


def _of_customer(case: Case, told: Told, rules: Rules) -> dict[str, Any]:
    tier = told.contact.customer.tier or (told.customer.tier if told.customer else None)
    return {
        "customer_id": customer_of(case, told, rules),
        "reach": reach_with(case, told),
        "tier": higher_tier(case.tier, tier, rules),
    }


def _worded(case: Case, told: Told, rules: Rules, asking: bool, amends: bool) -> Case:
    """The words of the opening contact are the case's, those of another that asks something its latest.

    An amendment takes the place of what was said before; but a form of a call says only a part of it.
    """
    contact = told.contact
    text, truncated = beginning(contact.text)
    subject = (contact.subject or "")[:MAX_SUBJECT] or None
    latest = told.understood.text[:MAX_SUBJECT] or subject
    if is_form(contact):
        text, truncated = (text, truncated) if text else (case.text, case.text_truncated)
        subject, latest = kept(subject, case.subject, rules), of_words(latest, rules) or case.latest
    if amends and case.contacts[0].id == told.seen.id:
        return case.changed(subject=subject, text=text, text_truncated=truncated)
    return case.changed(latest=latest) if asking else case


def still_missing(case: Case, rules: Rules) -> tuple[str, ...]:
    return missing(
        reach=case.reach, channel=case.channel, subject=case.subject, text=case.text or case.latest,
        facts=case.facts, category=case.category, kind=case.kind, rules=rules,
    )  # fmt: skip


def _judged(case: Case, told: Told, rules: Rules, amends: bool, asking: bool) -> tuple[Case, tuple[EventData, ...]]:
    """Category, kind and priority as they stand now that more is known; what a person decided stays.

    But what he asks further may raise a priority that a person has set.
    """
    events: list[EventData] = []
    understood, first = told.understood, amends and case.contacts[0].id == told.seen.id
    after = _reclassified(case, understood, first=first)
    may_rise = case.priority_by == RULES or (asking and not amends)
    priority, reason = _reprioritised(after, understood, rules) if may_rise else (case.priority, case.priority_reason)
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
        decided = {"priority_by": RULES, "rules_version": rules.version}
        case = case.changed(priority=priority, priority_reason=reason, **decided)
    return case, tuple(events)


def _reclassified(case: Case, understood: Understanding, *, first: bool) -> Case:
    """Better words of the opening contact speak anew; a further one only where nothing was known, or to complain."""
    about = understood.classification
    if case.category_by != RULES:
        return case
    anew = about.certain and (first or case.category_confidence == 0)
    case = case.changed(kind=_kind(case, about, anew=anew))
    if not anew:
        return case
    return case.changed(
        category=about.category,
        category_confidence=about.confidence,
        category_by_model=about.by_model,
        review=None if case.review == UNCERTAIN else case.review,
        flags=tuple(dict.fromkeys((*case.flags, *differing(understood)))),
    )


def _kind(case: Case, about: Classification, *, anew: bool) -> Kind:
    if case.kind_by != RULES:
        return case.kind
    if "complaint" in (case.kind, about.kind):
        return "complaint"
    return about.kind if anew else case.kind


def _reprioritised(case: Case, understood: Understanding, rules: Rules) -> tuple[Priority, PriorityReason]:
    """Priority rises, never falls, by what a customer says and is; one that a person set, not by what the case was."""
    case = raised_by_tier(case, rules)
    kind = case.kind if case.priority_by == RULES else understood.classification.kind
    priority, reason = prioritise(
        understood.gravity, tier=case.tier, feeling=understood.sentiment, kind=kind, rules=rules
    )
    if more_urgent(priority, case.priority):
        return priority, reason
    return case.priority, case.priority_reason


def _contact_added(
    case: Case, told: Told, priority: Priority, asking: bool, amends: bool, tried: tuple[str, ...]
) -> CaseContactAdded:
    contact, seen = told.contact, told.seen
    text, truncated = beginning(contact.text)
    return CaseContactAdded(
        **case.ids,
        contact_id=seen.id,
        contact=ContactRef(source=contact.source, id=contact.id),
        revision=seen.revision,
        channel=contact.channel,
        joined_by="" if amends else told.place.by,
        customer_id=case.customer_id,
        tier=case.tier,
        priority=priority,
        tags=case.tags,
        demand=case.demand,
        asks=asking,
        tried=tried,
        text=text or contact.subject,
        text_truncated=truncated,
        reach=case.reach,
        facts=case.facts,
        missing=case.missing,
        sentiment=case.sentiment,
    )
