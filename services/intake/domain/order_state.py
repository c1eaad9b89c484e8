"""How an order stands (IN-11), as the customer system has it: told to whose order it is, and to nobody else."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.intake.domain.classify import classify
from services.intake.domain.facts import extracted_facts
from services.intake.domain.found import Found
from services.intake.domain.rules import Rules
from services.intake.domain.sentiment import sentiment
from services.intake.domain.wishes import read

ORDER = "order"


@dataclass(frozen=True, slots=True)
class OrderState:
    """`answered`: whether the customer system did. `known`: what it has of the order; None unless it is the asker's."""

    number: str
    answered: bool = False
    known: Mapping[str, str] | None = None
    source: str = ""


def order_asked_for(text: str, rules: Rules) -> str:
    """The order that a question about the state of one names, if it asks for nothing else; "" without."""
    wishes, rest, _ = read(text, rules)
    asks = not wishes.isdisjoint((ORDER, "progress")) and "not_order" not in wishes and _nothing_else(rest, rules)
    return extracted_facts(text, rules.fact_patterns).get(ORDER, "") if asks else ""


def _nothing_else(text: str, rules: Rules) -> bool:
    """Whether it is a mere question, about delivery or about nothing that the tree knows, and speaks of no risk."""
    scan = rules.scanner.scan(text)
    said = classify(scan, sentiment(scan, rules), rules)
    about = [path for path in rules.ask.order_categories if said.category[: len(path)] == path]
    return said.kind == "question" and bool(about or not said.certain) and not rules.risk_words.values(scan)


def order_state(number: str, found: Found | None) -> OrderState:
    if found is None:
        return OrderState(number)
    order, asker = found.facts.get(ORDER), found.customer
    own = order is not None and asker is not None and order.customer == asker.id
    return OrderState(number, True, order.facts if order and own else None, found.source)
