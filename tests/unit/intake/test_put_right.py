"""A person puts right what the rules took a case for, and his word stands (IN-5, IN-7, IN-18, IN-19)."""

from typing import Any

import pytest

from services.intake.domain.absorb import absorbed
from services.intake.domain.case import Case
from services.intake.domain.reclassify import BY_PERSON
from shared.events.cases import CaseClosed, CaseReclassified, CaseReprioritised
from tests.unit.intake.given import HOUR, NOW, RULES, arrive, contact, did, opened, refusal, types

DETECTOR = "有人投诉烟感器冒烟，想问怎么拆"
WHY = "only asks about a product"


def put_right(**fields: Any) -> Case:
    return did(opened(DETECTOR), "reclassified", reason=WHY, **fields).state


def says(case: Case, text: str) -> Case:
    return arrive(case, contact(text, id="c2"), NOW + HOUR).state


def test_IN_19_an_agent_says_of_which_kind_a_case_is_and_its_category_stays_with_the_rules() -> None:
    before = opened(DETECTOR)
    assert (before.kind, before.priority) == ("complaint", "P0")
    decision = did(before, "reclassified", kind="question")
    (event,) = decision.events
    assert isinstance(event, CaseReclassified)
    assert (event.TYPE, event.kind, event.was, event.to) == (
        "case.reclassified", "question", before.category, before.category,
    )  # fmt: skip
    after = decision.state
    assert (after.kind, after.kind_by, after.category_by, after.priority) == ("question", "Z01", "rules", "P0")


def test_IN_7_an_agent_sets_a_priority_with_his_reason_and_all_follow_it() -> None:
    decision = did(opened(DETECTOR), "reclassified", priority="P3", reason=WHY)
    (event,) = decision.events
    assert isinstance(event, CaseReprioritised)
    assert (event.TYPE, event.was, event.to, event.by, event.why) == ("case.reprioritised", "P0", "P3", "Z01", WHY)
    assert event.priority_reason.rule == BY_PERSON
    assert (decision.state.priority, decision.state.priority_by) == ("P3", "Z01")


def test_all_three_in_one_are_told_as_two_changes() -> None:
    decision = did(
        opened(DETECTOR), "reclassified", category=["产品咨询", "其他咨询"], kind="question", priority="P3", reason=WHY
    )
    assert types(decision) == ["case.reclassified", "case.reprioritised"]
    state = decision.state
    assert (state.category, state.kind, state.priority) == (("产品咨询", "其他咨询"), "question", "P3")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"priority": "P3"}, "reason"),
        ({}, "category"),
        ({"reason": WHY}, "category"),
        ({"category": ["支付问题"]}, "category"),
    ],
)
def test_what_is_lacking_is_named(fields: dict[str, Any], field: str) -> None:
    refused = refusal(lambda: did(opened(DETECTOR), "reclassified", **fields))
    assert (refused.code, refused.field) == ("missing_field", field)


def test_IN_19_the_kind_that_a_person_gave_stays_whatever_is_said_later() -> None:
    assert says(put_right(kind="question"), "我要投诉").kind == "question"
    assert says(opened("机器坏了"), "我要投诉").kind == "complaint"


def test_IN_7_what_is_said_later_may_raise_the_priority_that_a_person_set_and_never_lowers_it() -> None:
    raised = says(put_right(priority="P3"), "现在起火了")
    assert (raised.priority, raised.priority_by) == ("P0", "rules")
    thanked = says(put_right(priority="P3"), "谢谢")
    assert (thanked.kind, thanked.priority, thanked.priority_by) == ("complaint", "P3", "Z01")
    high = did(opened("请问怎么换电池"), "reclassified", priority="P1", reason="a big customer").state
    assert says(high, "谢谢，不急").priority == "P1"


def test_IN_7_the_same_words_in_a_new_revision_do_not_raise_it_again() -> None:
    lowered = put_right(priority="P3")
    assert arrive(lowered, contact(DETECTOR, revision=2), NOW + HOUR).state.priority == "P3"


def test_IN_18_what_is_said_when_a_resolved_case_is_closed_is_kept_and_told() -> None:
    solved = did(opened("机器坏了"), "resolved", result="换了主板", cause="软件").state
    decision = did(solved, "closed", cause="硬件", evidence=["主板烧毁照片"], measure="批次召回")
    event = decision.events[-1]
    assert isinstance(event, CaseClosed)
    told = (event.resolution, event.cause, event.evidence, event.measure)
    assert told == ("换了主板", "hardware", ("主板烧毁照片",), "批次召回")
    state = decision.state
    assert (state.resolution, state.cause, state.evidence, state.measure) == told


def test_IN_18_a_closing_that_says_nothing_tells_what_the_solving_said() -> None:
    solved = did(
        opened("机器坏了"), "resolved", result="换了主板", cause="硬件", evidence=["照片"], measure="召回"
    ).state
    event = did(solved, "closed").events[-1]
    assert isinstance(event, CaseClosed)
    assert (event.resolution, event.cause, event.evidence, event.measure) == ("换了主板", "hardware", ("照片",), "召回")


def test_IN_19_the_kind_that_a_person_gave_stays_when_a_complaint_is_merged_into_it() -> None:
    complaint = opened("我要投诉")
    kinds = [absorbed(case, complaint, NOW, RULES).kind for case in (put_right(kind="question"), opened("机器坏了"))]
    assert kinds == ["question", "complaint"]
