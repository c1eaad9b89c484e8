"""What a person must look at first goes to manual review (RT-2): what is complex, and what is uncertain."""

from typing import Any

import pytest

from services.intake.domain.case import Case
from services.intake.domain.review import COMPLEX
from services.intake.domain.rules import Rules
from services.intake.domain.settle_category import UNCERTAIN
from shared.events.cases import CaseReclassified
from tests.unit.intake.given import NOW, RULES, arrive, contact, did, opened

S7 = "要求退货，并保留追究法律责任，还涉及数据丢失"


def with_review(*priorities: str) -> Rules:
    complexity = RULES.words.complexity.model_copy(update={"review": priorities})
    return RULES.model_copy(update={"words": RULES.words.model_copy(update={"complexity": complexity})})


def says_more(case: Case, text: str, **fields: Any) -> tuple[Case, list[CaseReclassified]]:
    decision = arrive(case, contact(text, id="c2", **fields), NOW)
    return decision.state, [event for event in decision.events if isinstance(event, CaseReclassified)]


@pytest.mark.parametrize("text", [S7, "warranty, I was sent back and forth between several departments"])
def test_RT_2_S7_a_complex_matter_goes_to_review_first(text: str) -> None:
    (event, *_) = arrive(None, contact(text)).events
    assert event.review == opened(text).review == COMPLEX  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["咨询保修政策", "保留追究法律责任", "机器坏了", "where is my parcel"])
def test_RT_2_what_is_simple_and_certain_goes_straight_to_its_group(text: str) -> None:
    assert opened(text).review is None


def test_IN_7_RT_2_what_is_p0_takes_the_fast_lane_however_complex_it_is() -> None:
    case = opened("充电器冒烟起火，我要起诉你们")
    assert (case.priority, case.priority_reason.complexity, case.review) == ("P0", "complex", None)


def test_RT_2_the_rules_say_at_which_priorities_a_complex_matter_is_reviewed() -> None:
    assert arrive(None, contact(S7), rules=with_review()).state.review is None
    assert arrive(None, contact(S7), rules=with_review("P1")).state.review == COMPLEX


def test_RT_2_a_matter_that_becomes_complex_goes_to_review_and_says_so() -> None:
    case, (told,) = says_more(opened("要求退货"), S7)
    assert (case.review, told.review, told.to) == (COMPLEX, COMPLEX, case.category)


def test_RT_2_a_complex_matter_stays_in_review_whatever_else_the_customer_says() -> None:
    case, told = says_more(opened(S7), "请尽快处理")
    assert (case.review, told) == (COMPLEX, [])


def test_RT_2_complexity_outlives_the_doubt_about_the_category() -> None:
    unsure = opened("反反复复").changed(review=COMPLEX, category_confidence=0.0)
    assert says_more(unsure, "重复扣款，请退款")[0].review == COMPLEX
    assert says_more(unsure.changed(review=UNCERTAIN), "重复扣款，请退款")[0].review is None


def test_RT_2_a_person_who_has_looked_ends_the_review_for_good() -> None:
    looked = did(opened(S7), "reclassified", category=["投诉建议", "处理不力"]).state
    assert looked.review is None
    assert says_more(looked, S7)[0].review is None
