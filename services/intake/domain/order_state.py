"""How an order stands (IN-11), as the customer system has it: told to whose order it is, and to nobody else."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.intake.domain.facts import extracted_facts
from services.intake.domain.found import Found
from services.intake.domain.rules import Rules

ORDER = "order"


@dataclass(frozen=True, slots=True)
class OrderState:
    """`answered`: whether the customer system did. `known`: what it has of the order; None unless it is the asker's."""

    number: str
    answered: bool = False
    known: Mapping[str, str] | None = None
    source: str = ""


def order_asked_for(text: str, rules: Rules) -> str:
    """The order that a question about the state of one names; "" without."""
    wishes, _ = rules.ask.read(text)
    asks = not wishes.isdisjoint((ORDER, "progress"))
    return extracted_facts(text, rules.fact_patterns).get(ORDER, "") if asks else ""


def order_state(number: str, found: Found | None) -> OrderState:
    if found is None:
        return OrderState(number)
    order, asker = found.facts.get(ORDER), found.customer
    own = order is not None and asker is not None and order.customer == asker.id
    return OrderState(number, True, order.facts if order and own else None, found.source)
