"""Names under which a further contact of the same customer finds his open case (IN-4): order, serial number, topic.

A case claims them as it claims its conversations: no two open cases have the same, so two contacts that arrive at the
same moment end in one case. Whoever closes the case gives them up; then they tell which case was his last.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from services.intake.domain.customer import Customer
from services.intake.domain.facts import canonical, plain
from services.intake.domain.understand import Understanding

FACTS = ("order", "serial")
ABOUT = (*FACTS, "device_model")
LEAF = "leaf"
MAX_CLAIMS = 20
_NUMBER = re.compile(r"(?<![0-9A-Z])([0-9A-HJKMNP-TV-Z]{4})[-\u2010-\u2015\u2212]?([0-9A-HJKMNP-TV-Z]{4})(?![0-9A-Z])")
_MOST_NUMBERS = 5


def claims(customer: Customer, understood: Understanding) -> dict[str, tuple[str, ...]]:
    """By rule, strongest first: the names that the contact speaks of, under each id that its customer ever had.

    The first of each is under his present id. Nothing for who can't be recognised again, and no topic for who may be
    anybody at a number.
    """
    if not customer.points:
        return {}
    spoken = {fact: _all(understood.all_of(fact)) for fact in FACTS}
    if understood.classification.topic and not customer.anybody:
        spoken["topic"] = (understood.classification.topic,)
    ids = (customer.customer_id, *customer.also)
    return {
        rule: tuple(claim(id_, rule, value) for value in values for id_ in ids)
        for rule, values in spoken.items()
        if values
    }


def _all(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(canonical, values)))


def of_present_id(names: Sequence[str]) -> tuple[str, ...]:
    """Those of one rule's names that are under the customer's present id, as the first is."""
    holder = names[0].partition("|")[0]
    return tuple(name for name in names if name.partition("|")[0] == holder)


def rule_of(claim: str) -> str:
    return claim.split("|")[1]


def matter(facts: Mapping[str, str], category: Sequence[str]) -> dict[str, str]:
    """What tells two matters of one topic apart: order, device, and the third level of the category."""
    about = {fact: canonical(facts[fact]) for fact in ABOUT if fact in facts}
    return about | ({LEAF: category[2]} if len(category) > 2 else {})


def are_two(facts: Mapping[str, str], topic: str, others: Mapping[str, str], others_topic: str) -> bool:
    """Whether two matters (`matter`, `Classification.topic`) can't be one: another order or device, however alike;
    another topic, where no order or device is the same.
    """
    if any(others.get(fact, value) != value for fact, value in facts.items() if fact != LEAF):
        return True
    same = any(fact in facts and facts[fact] == others.get(fact) for fact in FACTS)
    return bool(topic and others_topic) and topic != others_topic and not same


def claim(customer_id: str, rule: str, value: str) -> str:
    """Never the name of a conversation: those hold a colon."""
    return f"{customer_id}|{rule}|{value}".replace(":", " ")


def case_numbers(text: str) -> tuple[str, ...]:
    """What may be numbers of cases (`7KQ4-M2XD`), the first few of the text."""
    found = (f"{match[1]}-{match[2]}" for match in _NUMBER.finditer(plain(text).upper()))
    likely = (number for number in found if any(char.isdigit() for char in number))
    return tuple(dict.fromkeys(likely))[:_MOST_NUMBERS]
