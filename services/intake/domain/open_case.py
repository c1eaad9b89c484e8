"""The first contact opens a case (IN-2, IN-5 to IN-8): everything that is known of it goes out in one event."""

from datetime import datetime

from services.intake.domain.case import Case, ContactSeen, beginning
from services.intake.domain.customer import Customer, customer_id_of, higher_tier, reach_of
from services.intake.domain.language import language_of
from services.intake.domain.missing import missing
from services.intake.domain.prioritise import prioritise
from services.intake.domain.rules import Rules
from services.intake.domain.said import contact_note, occurred_ahead
from services.intake.domain.summary import refreshed
from services.intake.domain.understand import Understanding, understand
from shared.decisions import Decision
from shared.events.cases import CaseCustomer, CaseOpened, ContactRef
from shared.events.contacts import Contact
from shared.ids import case_number

MAX_SUBJECT = 500


def open_case(
    now: datetime, *, contact: Contact, seen: ContactSeen, conversation: str,
    case_id: str, customer: Customer | None, rules: Rules,
) -> Decision[Case]:  # fmt: skip
    understood = understand(contact, rules)
    case = _case(now, contact, seen, conversation, case_id, customer, understood, rules)
    return Decision(case, (_opened(case, contact, seen),), contact_note(contact, now, rules))


def _case(
    now: datetime, contact: Contact, seen: ContactSeen, conversation: str, case_id: str,
    customer: Customer | None, understood: Understanding, rules: Rules,
) -> Case:  # fmt: skip
    about, reach = understood.classification, reach_of(contact, understood.points, customer)
    tier = higher_tier(customer.tier if customer else None, contact.customer.tier, rules)
    priority, reason = prioritise(
        understood.gravity, tier=tier, feeling=understood.sentiment, kind=about.kind, rules=rules
    )
    subject, text, truncated = (contact.subject or "")[:MAX_SUBJECT] or None, *beginning(contact.text)
    case = Case(
        case_id=case_id,
        number=case_number(case_id),
        contacts=(seen,),
        open_conversations=(conversation,) if conversation else (),
        customer_id=customer.customer_id if customer else customer_id_of(_valid(understood), seen.id),
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
        flags=flags_of(contact, understood, now, rules),
        sentiment=understood.sentiment,
        opened_at=now,
    )  # fmt: skip
    return refreshed(case, rules)


def flags_of(contact: Contact, understood: Understanding, now: datetime, rules: Rules) -> tuple[str, ...]:
    """What is odd about a contact and was put right: `occurred_at_ahead`, `phone_invalid`, `email_invalid`."""
    ahead = ("occurred_at_ahead",) if occurred_ahead(contact, now, rules) else ()
    return (*ahead, *(f"{field}_invalid" for field, point in understood.points.items() if not point))


def _valid(understood: Understanding) -> tuple[str, ...]:
    return tuple(filter(None, understood.points.values()))


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
    )
