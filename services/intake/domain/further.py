"""What a further contact, or a better version of an earlier one, changes in what is known of a case."""

from collections.abc import Iterator
from datetime import datetime

from services.intake.domain.case import RULES, Case, ContactSeen, beginning
from services.intake.domain.customer import Customer, higher_tier, reach_of
from services.intake.domain.facts import joined_facts
from services.intake.domain.lifecycle import SETTLED
from services.intake.domain.missing import missing
from services.intake.domain.open_case import MAX_SUBJECT, flags_of
from services.intake.domain.prioritise import more_urgent, prioritise
from services.intake.domain.rules import Rules
from services.intake.domain.understand import Understanding, understand
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
from shared.events.contacts import Contact

_WHY = "the customer said more"


def take_in(
    case: Case, now: datetime, *,
    contact: Contact, seen: ContactSeen, customer: Customer | None, rules: Rules, amends: bool = False,
) -> tuple[Case, tuple[EventData, ...]]:  # fmt: skip
    """The case with all that the contact reveals, and the events: the contact first, then what it changed."""
    understood = understand(contact, rules)
    after = _told(case, now, contact, seen, customer, understood, rules, amends)
    events: list[EventData] = [_contact_added(after, contact, seen)]
    if case.status not in SETTLED:
        after, more = _judged(after, understood, rules, first=amends and case.contacts[0].id == seen.id)
        events += more
    return after, tuple(events)


def _told(
    case: Case, now: datetime, contact: Contact, seen: ContactSeen, customer: Customer | None,
    understood: Understanding, rules: Rules, amends: bool,
) -> Case:  # fmt: skip
    told = reach_of(contact, understood.points, customer).model_dump(exclude_none=True)
    facts = joined_facts(
        case.facts, frozenset(case.facts_given), understood.facts, frozenset(understood.given), corrects=amends
    )
    after = case.changed(
        reach=case.reach.model_copy(update=told),
        tier=higher_tier(case.tier, contact.customer.tier or (customer.tier if customer else None), rules),
        facts=facts,
        facts_given=tuple(dict.fromkeys((*case.facts_given, *understood.given))),
        tags=tuple(dict.fromkeys((*case.tags, *understood.classification.tags))),
        demand=case.demand or understood.classification.demand,
        sentiment=understood.sentiment,
        flags=tuple(dict.fromkeys((*case.flags, *flags_of(contact, understood, now, rules)))),
    )
    if amends and case.contacts[0].id == seen.id:
        text, truncated = beginning(contact.text)
        subject = (contact.subject or "")[:MAX_SUBJECT] or None
        after = after.changed(subject=subject, text=text, text_truncated=truncated)
    else:
        after = after.changed(latest=(understood.text or contact.subject or "")[:MAX_SUBJECT] or None)
    return after.changed(missing=still_missing(after, rules))


def still_missing(case: Case, rules: Rules) -> tuple[str, ...]:
    return missing(
        reach=case.reach, channel=case.channel, subject=case.subject, text=case.text or case.latest,
        facts=case.facts, category=case.category, kind=case.kind, rules=rules,
    )  # fmt: skip


def _judged(case: Case, understood: Understanding, rules: Rules, *, first: bool) -> tuple[Case, Iterator[EventData]]:
    """Category and priority as they stand now that more is known; what a person decided stays."""
    events: list[EventData] = []
    category, confidence, kind = _reclassified(case, understood, first=first)
    if (category, kind) != (case.category, case.kind):
        events.append(CaseReclassified(**case.ids, by=RULES, why=_WHY, was=case.category, to=category, kind=kind))
        case = case.changed(category=category, category_confidence=confidence, kind=kind)
        case = case.changed(missing=still_missing(case, rules))
    priority, reason = _reprioritised(case, understood, rules)
    if priority != case.priority:
        events.append(
            CaseReprioritised(**case.ids, by=RULES, why=_WHY, was=case.priority, to=priority, priority_reason=reason)
        )
        case = case.changed(priority=priority, priority_reason=reason, rules_version=rules.version)
    return case, iter(events)


def _reclassified(case: Case, understood: Understanding, *, first: bool) -> tuple[tuple[str, ...], float, Kind]:
    """Better words of the opening contact speak anew; a further one only where nothing was known, or to complain."""
    about = understood.classification
    if case.category_by != RULES:
        return case.category, case.category_confidence, case.kind
    if about.certain and (first or case.category_confidence == 0):
        kind: Kind = "complaint" if case.kind == "complaint" else about.kind
        return about.category, about.confidence, kind
    return case.category, case.category_confidence, "complaint" if about.kind == "complaint" else case.kind


def _reprioritised(case: Case, understood: Understanding, rules: Rules) -> tuple[Priority, PriorityReason]:
    """Priority rises, never falls, by what a customer says."""
    priority, reason = prioritise(
        understood.gravity, tier=case.tier, feeling=understood.sentiment, kind=case.kind, rules=rules
    )
    if case.priority_by == RULES and more_urgent(priority, case.priority):
        return priority, reason
    return case.priority, case.priority_reason


def _contact_added(case: Case, contact: Contact, seen: ContactSeen) -> CaseContactAdded:
    text, truncated = beginning(contact.text)
    return CaseContactAdded(
        **case.ids,
        contact_id=seen.id,
        contact=ContactRef(source=contact.source, id=contact.id),
        revision=seen.revision,
        channel=contact.channel,
        text=text or contact.subject,
        text_truncated=truncated,
        reach=case.reach,
        facts=case.facts,
        missing=case.missing,
        sentiment=case.sentiment,
    )
