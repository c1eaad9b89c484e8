"""How a case is solved: cause with evidence, what was tried, all in one command (IN-18, IN-19, RT-15)."""

from typing import Any

import pytest

from services.intake.domain.case import MAX_TRIED, Case
from services.intake.domain.rules import EvidenceNeeded, Rules
from services.intake.domain.work import decide_work
from shared.events.work import Work
from tests.unit.intake.given import NOW, RULES, did, opened, refusal, types

FAULT = "一体机E500开不了机，序列号SN88210"
NEEDED = EvidenceNeeded(category=("技术故障",), kinds=("fault",))


def strict(*needed: EvidenceNeeded) -> Rules:
    lifecycle = RULES.lifecycle.model_copy(update={"evidence_needed_for": needed})
    return RULES.model_copy(update={"lifecycle": lifecycle})


def resolved(case: Case, rules: Rules, **said: Any) -> Case:
    work = Work.model_validate({"id": "w1", "agent_id": "Z01", "case_id": case.case_id, "result": "已修好", **said})
    return decide_work(case, NOW, work=work, verb="resolved", rules=rules).state


@pytest.mark.parametrize(("said", "field"), [({}, "cause"), ({"cause": "硬件"}, "evidence")])
def test_IN_18_where_the_rules_ask_for_it_a_fault_is_solved_with_cause_and_evidence(
    said: dict[str, Any], field: str
) -> None:
    refused = refusal(lambda: resolved(opened(FAULT), strict(NEEDED), **said))
    assert (refused.code, refused.field, refused.status) == ("missing_field", field, 422)


def test_IN_18_with_both_it_is_kept_under_the_name_by_which_it_is_counted() -> None:
    case = resolved(opened(FAULT), strict(NEEDED), cause="硬件兼容性", evidence=["主板测试 3 号", "客户原话：冒烟"])
    assert (case.cause, case.evidence) == ("hardware", ("主板测试 3 号", "客户原话：冒烟"))


def test_IN_18_other_kinds_and_categories_need_none() -> None:
    assert resolved(opened("咨询保修政策"), strict(NEEDED)).status == "resolved"
    assert resolved(opened("重复扣款，支付了两次"), strict(NEEDED)).status == "resolved"
    assert resolved(opened(FAULT), RULES).status == "resolved"


def test_IN_16_what_was_tried_in_vain_stands_on_the_case_and_in_its_summary() -> None:
    case = did(opened(FAULT), "noted", text="远程指导", tried=["重启", "更换电源线"]).state
    assert case.tried == ("重启", "更换电源线")
    assert "已试: 更换电源线" in case.summary


def test_IN_16_a_solution_that_did_not_hold_has_been_tried() -> None:
    case = did(did(opened(FAULT), "resolved", result="重装系统").state, "reopened", reason="又坏了").state
    assert (case.tried, case.resolution) == (("重装系统",), None)


def test_a_case_remembers_a_bounded_number_of_attempts() -> None:
    case = did(opened(FAULT), "noted", text="试过很多", tried=[f"第{n}次" for n in range(50)]).state
    assert case.tried == tuple(f"第{n}次" for n in range(50 - MAX_TRIED, 50))


def test_RT_15_a_fault_is_solved_and_closed_in_the_first_contact_in_one_command() -> None:
    said = {"result": "已更换主板", "cause": "硬件", "evidence": ["测试"], "remote": {"channel": "todesk"}}
    link = {"remote": said["remote"] | {"recording": "https://files.example/1"}}
    decision = did(opened(FAULT), "closed", **said | link)
    assert types(decision) == ["case.resolved", "case.closed"]
    assert (decision.state.status, decision.state.cause, decision.state.reopened) == ("closed", "hardware", 0)


def test_RT_15_a_complaint_too_and_only_with_result_and_measure() -> None:
    complaint = opened("投诉客服态度恶劣")
    assert complaint.kind == "complaint"
    assert types(did(complaint, "closed", result="已道歉", measure="培训")) == ["case.resolved", "case.closed"]
    assert refusal(lambda: did(complaint, "closed", result="已道歉")).field == "measure"


SHIPPED = ("技术故障", "产品咨询", "退换货", "投诉建议", "物流查询", "账户异常", "支付问题")


@pytest.mark.parametrize("name", SHIPPED)
def test_IN_19_the_shipped_tree_has_the_categories_in_both_languages_with_a_second_level(name: str) -> None:
    (top,) = [top for top in RULES.categories.categories if top.name == name]
    assert top.en.isascii()
    assert top.children
    assert all(second.en.isascii() and not second.name.isascii() for second in top.children)


@pytest.mark.parametrize(
    "text", ["我要投诉：退款一直不到账", "I want to complain about my refund", "快递太慢，投诉你们"]
)
def test_IN_19_a_complaint_is_a_kind_of_its_own_whatever_the_category(text: str) -> None:
    case = opened(text)
    assert case.kind == "complaint"
    assert case.category[0] in SHIPPED
