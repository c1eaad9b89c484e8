"""What intake tells after the opening: another tier, thanks, what was tried, and what another case brings along."""

from typing import Any

import pytest

from services.sla.domain.watch import MAX_DESCRIPTION
from shared.events.base import EventData
from shared.events.cases import (
    CaseAbsorbed,
    CaseContactAdded,
    CaseCustomer,
    CaseFactsChecked,
    CaseReopened,
    CaseResponded,
    ContactRef,
)
from shared.events.escalations import EscalationRaised
from shared.events.sla import TargetMissed
from tests.unit.sla.build import (
    IDS,
    RULES,
    SHIPPED,
    Story,
    at,
    resolves,
    responds,
    resumes,
    waits_for,
    waits_for_customer,
)

HOUR = 3600.0


def added(**more: Any) -> CaseContactAdded:
    ref = ContactRef(source="mail", id="2")
    return CaseContactAdded(**IDS, **{"contact_id": "c-2", "contact": ref, "channel": "email", "text": "在吗", **more})


def absorbs(**more: Any) -> CaseAbsorbed:
    return CaseAbsorbed(**IDS, by="Z01", of="b", of_number="M7JX-HSCM", **more)


def checked(**more: Any) -> CaseFactsChecked:
    return CaseFactsChecked(**IDS, by="look-up", **more)


@pytest.mark.parametrize(
    "event",
    [added(tier="platinum", asks=False), absorbs(tier="platinum"), checked(tier="platinum")],
    ids=lambda e: e.TYPE,
)
def test_SL_1_a_tier_that_is_learned_later_means_the_policy_of_that_tier(event: EventData) -> None:
    story = Story(SHIPPED)
    assert (story.clock("resolution").policy.id, story.clock("resolution").limit_s) != ("contract", 16 * HOUR)
    story.fact(5, event)
    resolution = story.clock("resolution")
    assert (story.state.tier, resolution.policy.id, resolution.limit_s) == ("platinum", "contract", 16 * HOUR)


@pytest.mark.parametrize("event", [added(), absorbs(), checked()], ids=lambda e: e.TYPE)
def test_SL_1_an_event_that_names_no_tier_takes_none_away(event: EventData) -> None:
    story = Story(SHIPPED, customer=CaseCustomer(id="customer-1", tier="platinum")).fact(5, event)
    assert (story.state.tier, story.clock("resolution").policy.id) == ("platinum", "contract")


def test_SL_1_a_higher_tier_that_an_amendment_or_a_word_on_a_solved_case_tells_starts_no_clock() -> None:
    story = Story(SHIPPED).fact(2, responds()).fact(3, added(tier="platinum", revision=2))
    assert (story.state.tier, story.state.live("next_response")) == ("platinum", None)
    solved = Story(SHIPPED).fact(2, responds(), resolves()).fact(3, added(tier="platinum"))
    assert (solved.state.tier, solved.state.live_clocks) == ("platinum", ())


def test_SL_1_thanks_ask_for_no_answer_and_a_question_does() -> None:
    story = Story().fact(4, responds())
    story.told()
    assert story.fact(5, added(text="谢谢", asks=False)).lines() == []
    assert story.fact(6, added(text="还是不行")).lines() == ["started next_response"]


def test_SL_8_the_promise_of_a_third_party_is_watched_by_the_case_that_goes_on() -> None:
    story = Story().fact(5, responds()).fact(6, absorbs(party="支付平台", party_until=at(60)))
    made = story.clock("promise")
    assert (story.state.status, made.party, made.due_at) == ("waiting_third_party", "支付平台", at(60))
    story.told()
    assert story.fact(30, resumes("third_party", by="Z01")).lines() == ["met promise"]


def test_SL_8_a_third_partys_promise_that_came_with_a_merger_is_missed_by_name() -> None:
    story = (
        Story().fact(5, responds()).fact(6, waits_for("顺丰", at(50)), absorbs(party="支付平台", party_until=at(60)))
    )
    missed = [event.party for event in story.until(61).told(TargetMissed) if event.target == "promise"]
    assert missed == ["顺丰", "支付平台"], "each is held to its own"


def test_SL_8_one_that_has_promised_nothing_any_more_is_waited_for_all_the_same() -> None:
    story = Story().fact(5, absorbs(party=""))
    assert (story.state.status, [c for c in story.state.clocks if c.target == "promise"]) == ("waiting_third_party", [])


def test_SL_8_an_answer_that_is_owed_stands_while_the_customer_has_the_ball_in_both_cases() -> None:
    story = Story().fact(5, responds()).fact(6, waits_for_customer(), absorbs(unanswered=True))
    assert story.clock("next_response").state == "paused"
    assert story.fact(500, resumes()).clock("next_response").due_at == at(510)


def escalated(story: Story) -> EscalationRaised:
    raised: EscalationRaised = story.until(11).told(EscalationRaised)[0]
    return raised


def test_SL_4_an_escalation_tells_what_self_service_and_agents_have_tried() -> None:
    story = Story(tried=("长按复位键",))
    story.fact(1, added(tried=("换网线",))).fact(2, CaseReopened(**IDS, by="customer", tried=("清了纸",)))
    assert escalated(story).tried == ("长按复位键", "换网线", "清了纸")


def test_SL_4_what_was_tried_comes_before_what_was_said_of_it() -> None:
    answer = CaseResponded(**IDS, by="Z01", first=True, text="还是不行，已转厂家", tried=("重启",))
    assert Story().fact(1, answer).state.tried == ("重启", "还是不行，已转厂家")


def test_SL_4_an_escalation_tells_what_the_merged_case_was_about_and_what_was_tried_there() -> None:
    story = Story().fact(1, absorbs(subject="退款", text="退款没到账", tried=("重新提交",)))
    raised = escalated(story)
    assert raised.description == "发票抬头错误，请更正\n退款\n退款没到账"
    assert raised.tried == ("重新提交",)


@pytest.mark.parametrize(("own", "other"), [("甲" * 5000, "乙" * 5000), ("甲" * 5000, "乙"), ("甲", "乙" * 5000)])
def test_SL_4_of_two_long_descriptions_neither_takes_the_others_place(own: str, other: str) -> None:
    described = Story(RULES, text=own).fact(1, absorbs(text=other)).state.description
    assert len(described.encode()) <= MAX_DESCRIPTION
    assert described.startswith("甲")
    assert described.endswith("乙")
    assert len(described.encode()) > MAX_DESCRIPTION - 8
