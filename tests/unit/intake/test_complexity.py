"""Complexity counts for the priority (IN-7)."""

import pytest

from services.intake.domain.prioritise import prioritise
from services.intake.domain.understand import understand
from shared.events.cases import PriorityReason
from tests.unit.intake.given import RULES, contact, opened


def priority(text: str) -> tuple[str, PriorityReason]:
    said = understand(contact(text), RULES)
    return prioritise(said.gravity, tier=None, feeling=None, kind="question", rules=RULES)


@pytest.mark.parametrize("text", ["保修涉及多个部门", "warranty, I was sent back and forth"])
def test_IN_7_a_matter_that_goes_round_comes_before_an_ordinary_one(text: str) -> None:
    level, reason = priority(text)
    assert (level, reason.rule, reason.complexity) == ("P2", "complex-matter", "complex")


def test_IN_7_risks_of_several_kinds_make_a_matter_complex() -> None:
    assert priority("要求退货，并保留追究法律责任，还涉及数据丢失")[1].complexity == "complex"
    assert priority("保留追究法律责任")[1].complexity == "simple"


def test_IN_7_a_complex_matter_of_a_business_comes_before_one_of_a_single_user() -> None:
    level, reason = priority("我司的保修涉及多个部门")
    assert (level, reason.rule) == ("P1", "complex-business-case")


def test_IN_7_an_ordinary_question_is_simple_and_says_so() -> None:
    assert opened("咨询保修政策").priority_reason.complexity == "simple"
    assert opened("咨询保修政策").priority == "P3"


def test_a_reason_of_the_version_before_names_no_complexity() -> None:
    assert (
        PriorityReason.model_validate({"rule": "ordinary", "impact": "one_user", "urgency": "normal"}).complexity
        is None
    )
