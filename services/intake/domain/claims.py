"""Names under which a further contact of the same customer finds his open case (IN-4): order, serial number, topic.

A case claims them as it claims its conversations: no two open cases have the same, so two contacts that arrive at the
same moment end in one case. Whoever closes the case gives them up; then they tell which case was his last.
"""

import re
from collections.abc import Mapping, Sequence

from services.intake.domain.customer import Customer
from services.intake.domain.facts import canonical
from services.intake.domain.rules_joining import JoiningFile
from services.intake.domain.understand import Understanding

FACTS = ("order", "serial")
ABOUT = (*FACTS, "device_model")
LEAF = "leaf"
MAX_CLAIMS = 20
_NUMBER = re.compile(r"(?<![0-9A-Z])([0-9A-HJKMNP-TV-Z]{4})[-\u2010-\u2015\u2212]?([0-9A-HJKMNP-TV-Z]{4})(?![0-9A-Z])")
_MOST_NUMBERS = 5


def claims(customer: Customer, understood: Understanding, rules: JoiningFile) -> dict[str, tuple[str, ...]]:
    """By rule, strongest first: the names that the contact speaks of, under each id that its customer ever had.

    The first of each is under his present id. Nothing for who can't be recognised again, and no topic for who may be
    anybody at a number.
    """
    if not customer.points:
        return {}
    spoken = {fact: canonical(understood.facts[fact]) for fact in FACTS if fact in understood.facts}
    about = understood.classification
    if about.certain and about.confidence >= rules.topic_from and not customer.anybody:
        spoken["topic"] = "/".join(about.category[:2])
    ids = (customer.customer_id, *customer.also)
    return {rule: tuple(_name(id_, rule, value) for id_ in ids) for rule, value in spoken.items()}


def matter(facts: Mapping[str, str], category: Sequence[str]) -> dict[str, str]:
    """What tells two matters of one topic apart: order, device, and the third level of the category."""
    about = {fact: canonical(facts[fact]) for fact in ABOUT if fact in facts}
    return about | ({LEAF: category[2]} if len(category) > 2 else {})


def _name(customer_id: str, rule: str, value: str) -> str:
    """Never the name of a conversation: those hold a colon."""
    return f"{customer_id}|{rule}|{value}".replace(":", " ")


def case_numbers(text: str) -> tuple[str, ...]:
    """What may be numbers of cases (`7KQ4-M2XD`), the first few of the text."""
    found = (f"{match[1]}-{match[2]}" for match in _NUMBER.finditer(text.upper()))
    likely = (number for number in found if any(char.isdigit() for char in number))
    return tuple(dict.fromkeys(likely))[:_MOST_NUMBERS]
