"""The first contact opens a case (IN-2, IN-5 to IN-8): everything that is known of it goes out in one event."""

from collections.abc import Iterator
from datetime import datetime

from services.intake.domain.attachments import any_refused
from services.intake.domain.call import is_ours
from services.intake.domain.case import RULES, Case, ContactSeen, beginning
from services.intake.domain.claims import MAX_CLAIMS
from services.intake.domain.customer import higher_tier, reach_of
from services.intake.domain.diagnostics import diagnostics_named, unconsented
from services.intake.domain.identify import identify
from services.intake.domain.language import language_of
from services.intake.domain.link import link
from services.intake.domain.missing import missing
from services.intake.domain.prioritise import prioritise
from services.intake.domain.review import reviewed_first
from services.intake.domain.rules import Rules
from services.intake.domain.said import contact_note, occurred_ahead
from services.intake.domain.summary import refreshed
from services.intake.domain.told import Told
from services.intake.domain.tried import tried_with
from services.intake.domain.understand import Understanding, words_of
from shared.decisions import Decision
from shared.events.base import EventData
from shared.events.cases import CaseCustomer, CaseOpened, ContactRef
from shared.events.contacts import Contact
from shared.ids import case_number

MAX_SUBJECT = 500


def open_case(now: datetime, *, told: Told, rules: Rules) -> Decision[Case]:
    case = _case(now, told, rules)
    events: tuple[EventData, ...] = (_opened(case, told.contact, told.seen),)
    if told.place.follows:
        case, linked = link(case, told.place.follows, "follows", by=RULES, why="the customer came back")
        events = (*events, linked)
    return Decision(case, events, contact_note(told.contact, now, rules, place=told.place))


def _case(now: datetime, told: Told, rules: Rules) -> Case:
    contact, seen, understood, customer = told.contact, told.seen, told.understood, told.customer
    about, reach = understood.classification, reach_of(contact, understood.points, customer)
    tier = higher_tier(customer.tier if customer else None, contact.customer.tier, rules)
    priority, reason = prioritise(
        understood.gravity, tier=tier, feeling=understood.sentiment, kind=about.kind, rules=rules
    )
    subject, text, truncated = (contact.subject or "")[:MAX_SUBJECT] or None, *beginning(contact.text)
    case = Case(
        case_id=told.place.case_id,
        number=case_number(told.place.case_id),
        contacts=(seen,),
        open_conversations=(told.conversation,) if told.conversation else (),
        claims=told.place.claims[:MAX_CLAIMS],
        touched_at=now,
        customer_id=customer.customer_id if customer else _stranger(told, rules),
        opened_from=tuple(filter(None, understood.points.values())),
        reach=reach,
        tier=tier,
        language=language_of(
            understood.text or contact.subject or "",
            stated=contact.customer.language,
            known=customer.language if customer else None,
            default=rules.lifecycle.default_language,
        ),
        channel=contact.channel,
        category=about.category,
        category_confidence=about.confidence,
        category_by_model=about.by_model,
        review=reviewed_first(about.review, understood.gravity, priority, rules),
        kind=about.kind,
        tags=about.tags,
        demand=about.demand,
        priority=priority,
        priority_reason=reason,
        rules_version=rules.version,
        subject=subject,
        text=text,
        text_truncated=truncated,
        facts=understood.facts,
        facts_given=tuple(understood.given),
        missing=missing(
            reach=reach, channel=contact.channel, subject=subject, text=understood.text,
            facts=understood.facts, category=about.category, kind=about.kind, rules=rules,
        ),
        diagnostics=diagnostics_named(contact),
        flags=(*flags_of(contact, understood, now, rules), *differing(understood)),
        sentiment=understood.sentiment,
        tried=tried_with((), contact),
        awaits_answer=not is_ours(contact) or bool(words_of(contact)),
        opened_at=now,
    )  # fmt: skip
    return refreshed(case, rules)


def flags_of(contact: Contact, understood: Understanding, now: datetime, rules: Rules) -> tuple[str, ...]:
    """What is odd about a contact and was put right: `occurred_at_ahead`, `phone_invalid`, `email_invalid`."""
    ahead = ("occurred_at_ahead",) if occurred_ahead(contact, now, rules) else ()
    invalid = (f"{field}_invalid" for field, point in understood.points.items() if not point)
    return (*ahead, *invalid, *_left_out(contact, rules))


def differing(understood: Understanding) -> tuple[str, ...]:
    """`classifiers_disagree`, where keywords and what was learned speak for different categories."""
    return ("classifiers_disagree",) if understood.classification.disagree else ()


def _left_out(contact: Contact, rules: Rules) -> Iterator[str]:
    if any_refused(contact, rules):
        yield "attachment_refused"
    if unconsented(contact):
        yield "diagnostics_without_consent"


def _stranger(told: Told, rules: Rules) -> str:
    points = tuple(filter(None, told.understood.points.values()))
    return identify(points, told.contact.customer.name, {}, told.seen.id, rules).customer_id


def _opened(case: Case, contact: Contact, seen: ContactSeen) -> CaseOpened:
    return CaseOpened(
        **case.ids,
        contact_id=seen.id,
        contact=ContactRef(source=contact.source, id=contact.id),
        channel=case.channel,
        language=case.language,
        customer=CaseCustomer(id=case.customer_id, tier=case.tier, reach=case.reach),
        category=case.category,
        kind=case.kind,
        category_confidence=case.category_confidence,
        category_by_model=case.category_by_model,
        review=case.review,
        tags=case.tags,
        demand=case.demand,
        priority=case.priority,
        priority_reason=case.priority_reason,
        subject=case.subject,
        text=case.text,
        text_truncated=case.text_truncated,
        summary=case.summary,
        missing=case.missing,
        facts=case.facts,
        sentiment=case.sentiment,
        flags=case.flags,
        tried=case.tried,
        asks=case.unanswered,
    )
