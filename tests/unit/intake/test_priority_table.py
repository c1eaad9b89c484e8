"""The shipped decision table as a whole (IN-7): more of anything that is bad never makes a case less urgent."""

from itertools import product
from typing import get_args

from services.intake.domain.prioritise import Gravity, more_urgent, prioritise
from services.intake.domain.rules import Impact, Urgency
from shared.events.cases import Kind, Priority, Sentiment
from tests.unit.intake.given import RULES

AXES = {
    "impact": ("one_user", "enterprise", "region"),
    "urgency": ("normal", "high", "critical"),
    "complexity": ("simple", "complex"),
    "tier": (None, "gold"),
    "sentiment": ("positive", "neutral", "negative", "strong_negative"),
}
"""From harmless to bad."""
RISKS = ((), ("legal",), ("data_loss",), ("security",), ("safety",), ("legal", "data_loss"))


def priority(situation: dict[str, str | None], kind: Kind, risks: tuple[str, ...]) -> Priority:
    gravity = Gravity(
        situation["impact"], situation["urgency"], frozenset(risks), situation["complexity"]
    )  # fmt: skip
    feeling = Sentiment(score=0, label=str(situation["sentiment"]))
    return prioritise(gravity, tier=situation["tier"], feeling=feeling, kind=kind, rules=RULES)[0]


def situations() -> list[dict[str, str | None]]:
    return [dict(zip(AXES, values, strict=True)) for values in product(*AXES.values())]


def worse(situation: dict[str, str | None]) -> list[dict[str, str | None]]:
    """The same, one step worse in one way."""
    steps = [(axis, AXES[axis].index(value)) for axis, value in situation.items()]
    return [{**situation, axis: AXES[axis][at + 1]} for axis, at in steps if at + 1 < len(AXES[axis])]


def test_the_table_is_tried_in_every_value_that_it_may_name() -> None:
    assert set(AXES["impact"]) == set(get_args(Impact))
    assert set(AXES["urgency"]) == set(get_args(Urgency))


def test_IN_7_IN_12_no_case_becomes_less_urgent_by_anything_that_makes_it_worse() -> None:
    wrong = [
        (mild, bad, kind, risks)
        for mild in situations() for kind in get_args(Kind) for risks in RISKS for bad in worse(mild)
        if more_urgent(priority(mild, kind, risks), priority(bad, kind, risks))
    ]  # fmt: skip
    assert wrong == []


def test_IN_7_no_case_becomes_less_urgent_by_a_risk() -> None:
    wrong = [
        (situation, kind, risks)
        for situation in situations() for kind in get_args(Kind) for risks in RISKS
        if more_urgent(priority(situation, kind, ()), priority(situation, kind, risks))
    ]  # fmt: skip
    assert wrong == []


def test_IN_7_a_business_that_stands_still_comes_before_a_single_user_who_does() -> None:
    stopped = {"urgency": "critical", "complexity": "simple", "tier": None, "sentiment": "neutral"}
    one, many, all_ = (priority({**stopped, "impact": impact}, "fault", ()) for impact in AXES["impact"])
    assert (one, many, all_) == ("P2", "P1", "P0")


def test_IN_7_anger_of_a_valued_customer_counts_though_he_is_in_a_hurry_too() -> None:
    hurried = {"impact": "one_user", "urgency": "high", "complexity": "simple", "tier": "gold"}
    assert priority({**hurried, "sentiment": "strong_negative"}, "complaint", ()) == "P1"
