"""One reading of a contact: everything that its words say, before anything is known of its customer or case."""

from dataclasses import dataclass
from functools import cached_property

from services.intake.domain.classify import Classification, classify
from services.intake.domain.customer import stated_points
from services.intake.domain.facts import given_facts, named_facts
from services.intake.domain.keywords import Scan, unify
from services.intake.domain.prioritise import Gravity, gravity
from services.intake.domain.quoted import newly_written
from services.intake.domain.rules import Rules
from services.intake.domain.sentiment import sentiment
from services.intake.domain.visible import readable, shown
from shared.events.cases import Sentiment
from shared.events.contacts import Contact

READ_CHARS = 8192
"""How much of a text is read for words and facts; the rest is kept, not understood."""


@dataclass(frozen=True)
class Understanding:
    contact: Contact
    """As people see it (`visible.shown`)."""
    text: str
    classification: Classification
    gravity: Gravity
    sentiment: Sentiment
    points: dict[str, str]
    """`customer.stated_points`"""
    mentions: bool
    """Whether it speaks of something that was reported before."""
    given: dict[str, str]
    named: dict[str, tuple[str, ...]]
    """`facts.named_facts`"""

    @cached_property
    def facts(self) -> dict[str, str]:
        """Of each kind one: what is given wins over what is named, and of that the first."""
        return {name: values[0] for name, values in self.named.items()} | self.given

    def all_of(self, fact: str) -> tuple[str, ...]:
        """All of a kind, the one that counts most first."""
        given = (self.given[fact],) if fact in self.given else ()
        return (*given, *self.named.get(fact, ()))


def understand(contact: Contact, rules: Rules) -> Understanding:
    contact = shown(contact)
    subject, text = (contact.subject or "")[:READ_CHARS], _new_words(contact, rules)[:READ_CHARS]
    scan = rules.scanner.scan(f"{subject}\n{text}")
    feeling = sentiment(scan, rules, rating=contact.rating, voice=contact.voice)
    subject_end = len(unify(subject)) if subject else 0
    return Understanding(
        contact=contact,
        text=text,
        classification=classify(scan, feeling, rules, subject_end=subject_end, rating=contact.rating),
        gravity=gravity(_of_his_own(scan, contact, text, rules), rules),
        sentiment=feeling,
        points=stated_points(contact, rules),
        mentions=bool(rules.mention_words.values(scan)),
        given=given_facts(contact.facts, rules.no_facts),
        named=named_facts(readable(f"{subject} {text}" if subject else text), rules.fact_patterns),
    )


def _of_his_own(scan: Scan, contact: Contact, text: str, rules: Rules) -> Scan:
    """What he writes himself: the subject of an answer is that of the mail which it answers."""
    answers = contact.channel == "email" and unify(contact.subject or "").startswith(rules.channels.mail.reply_marks)
    return rules.scanner.scan(readable(text)) if answers and text.strip() else scan


def _new_words(contact: Contact, rules: Rules) -> str:
    words = words_of(contact)
    return newly_written(words, rules.channels.mail) if contact.channel == "email" else words


def words_of(contact: Contact) -> str:
    """The customer's own words: the text, else what telephony transcribed."""
    transcript = (contact.voice or {}).get("transcript")
    return contact.text or (transcript if isinstance(transcript, str) else "")
