"""One reading of a contact: everything that its words say, before anything is known of its customer or case."""

from dataclasses import dataclass
from functools import cached_property

from services.intake.domain.classify import Classification, classify
from services.intake.domain.customer import stated_points
from services.intake.domain.facts import extracted_facts, given_facts
from services.intake.domain.keywords import unify
from services.intake.domain.prioritise import Gravity, gravity
from services.intake.domain.rules import Rules
from services.intake.domain.sentiment import sentiment
from shared.events.cases import Sentiment
from shared.events.contacts import Contact

READ_CHARS = 8192
"""How much of a text is read for words and facts; the rest is kept, not understood."""


@dataclass(frozen=True)
class Understanding:
    text: str
    classification: Classification
    gravity: Gravity
    sentiment: Sentiment
    points: dict[str, str]
    """`customer.stated_points`"""
    given: dict[str, str]
    extracted: dict[str, str]

    @cached_property
    def facts(self) -> dict[str, str]:
        """Given facts win over extracted ones."""
        return {**self.extracted, **self.given}


def understand(contact: Contact, rules: Rules) -> Understanding:
    subject, text = contact.subject or "", words_of(contact)[:READ_CHARS]
    whole = f"{subject} {text}" if subject else text
    scan = rules.scanner.scan(whole)
    feeling = sentiment(scan, rules, rating=contact.rating, voice=contact.voice)
    subject_end = len(unify(subject)) if subject else 0
    return Understanding(
        text=text,
        classification=classify(scan, feeling, rules, subject_end=subject_end, rating=contact.rating),
        gravity=gravity(scan, rules),
        sentiment=feeling,
        points=stated_points(contact, rules),
        given=given_facts(contact.facts),
        extracted=extracted_facts(whole, rules.words.devices),
    )


def words_of(contact: Contact) -> str:
    """The customer's own words: the text, else what telephony transcribed."""
    transcript = (contact.voice or {}).get("transcript")
    return contact.text or (transcript if isinstance(transcript, str) else "")
