"""Summary and core demand, corrected by the agent (IN-16, IN-17)."""

import pytest

from services.intake.domain.case import Case
from services.intake.domain.correct_summary import MAX_SUMMARY
from tests.unit.intake.given import arrive, contact, did, opened, refusal

OWN = "客户两次被扣款，等财务退款"


def summarised(case: Case, **said: str) -> Case:
    return did(case, "summarised", **said).state


def test_IN_16_an_agents_words_stand_instead_of_what_was_known_when_he_wrote_them() -> None:
    case = summarised(opened("重复扣款，订单 A20261121-553"), text=OWN)
    assert (case.summary, case.summary_by) == (OWN, "Z01")


def test_IN_16_what_becomes_known_later_is_appended_and_only_that() -> None:
    case = summarised(opened("重复扣款，订单 A20261121-553"), text=OWN)
    joined = arrive(case, contact("还没有到账。谢谢", id="c2")).state
    assert joined.summary == f"{OWN} | 最新: 还没有到账。"
    resolved = did(joined, "resolved", result="已退款", cause="软件").state
    assert resolved.summary == f"{OWN} | 最新: 还没有到账。 | 原因: software | 结果: 已退款"


def test_IN_16_the_event_says_what_it_was_and_what_it_is_and_who_and_why() -> None:
    case = opened("重复扣款")
    (event,) = did(case, "summarised", text=OWN, reason="客户更正").events
    assert (event.TYPE, event.by, event.was, event.to, event.why) == (
        "case.summarised", "Z01", case.summary, OWN, "客户更正",
    )  # fmt: skip


def test_IN_16_a_second_correction_replaces_the_first() -> None:
    case = summarised(summarised(opened("重复扣款"), text=OWN), text="财务已受理")
    assert case.summary == "财务已受理"


@pytest.mark.parametrize("said", ["compensation", "补偿", "Compensation"])
def test_IN_17_the_core_demand_is_corrected_by_code_or_name(said: str) -> None:
    case = summarised(opened("重复扣款，请退款"), demand=said)
    assert case.demand == "compensation"
    assert "诉求: 补偿" in case.summary
    assert arrive(case, contact("我要退款", id="c2")).state.demand == "compensation"


def test_IN_17_a_demand_that_nobody_configured_is_refused_naming_those_there_are() -> None:
    refused = refusal(lambda: summarised(opened(), demand="a miracle"))
    assert (refused.code, refused.field, refused.status) == ("unknown_demand", "demand", 422)
    assert "refund" in refused.message


@pytest.mark.parametrize("text", [None, "  "])
def test_IN_16_a_correction_says_something(text: str | None) -> None:
    refused = refusal(lambda: did(opened(), "summarised", text=text))
    assert (refused.code, refused.field) == ("missing_field", "text")


def test_IN_16_a_long_correction_is_cut_and_stays_whole_in_the_timeline() -> None:
    decision = did(opened(), "summarised", text="长" * 5000)
    assert decision.state.summary == "长" * MAX_SUMMARY
    assert decision.note is not None
    assert decision.note.text == "长" * 5000
