"""NT-3: the customer is kept informed while a case is escalated; the agent reads what the department says."""

from typing import Any

import pytest

from services.notify.domain import tell_escalation
from services.notify.domain.casefile import Casefile
from shared.events.escalations import EscalationLevelRaised, EscalationRaised
from shared.events.sla import EscalationAnswered
from tests.unit.notify.build import CASE, NOW, NUMBER, RULES, after, delivered, opened, staffed, waiting, words

IDS = {"case_id": CASE, "number": NUMBER, "escalation_id": "escalation-1"}
CUSTOMER = "+8613800138000"


def call(level: int = 1, department: str = "frontline", **changes: Any) -> EscalationRaised:
    body = {**IDS, "level": level, "department": department, "priority": "P2", "target": "inactivity"}
    kind = EscalationRaised if level == 1 else EscalationLevelRaised
    return kind(**body | {"due_at": NOW} | changes)  # type: ignore[return-value]


def answer(said: str = "progress", **changes: Any) -> EscalationAnswered:
    body = {**IDS, "level": 2, "department": "technical", "answer": said, "by": "赵工", "stands": 2}
    return EscalationAnswered(**body | changes)


def raised(state: Casefile, event: EscalationRaised, cause: str = "event-7"):
    return tell_escalation.raised(state, NOW, event=event, cause=cause, rules=RULES)


def answered(state: Casefile, event: EscalationAnswered, cause: str = "event-8"):
    return tell_escalation.answered(state, NOW, event=event, cause=cause, rules=RULES)


def test_NT_3_the_customer_hears_of_each_level_once():
    state = staffed()
    for number, (level, department) in enumerate([(1, "frontline"), (2, "technical"), (2, "legal"), (3, "management")]):
        state = raised(state, call(level, department), f"event-{number}").state
    assert waiting(state) == [("escalated", CUSTOMER)] * 3
    assert [name in m.text for m, name in zip(state.messages, ("客服主管", "技术专家团队", "管理层"), strict=True)]
    assert "legal" not in str([m.text for m in state.messages])


def test_NT_3_a_level_told_is_not_told_again_whichever_department_is_called_for_it():
    once = delivered(raised(staffed(), call(2, "technical")).state)
    again = raised(once, call(2, "legal"), "event-9")
    assert (again.state, again.events) == (once, ())


def test_NT_2_a_broken_promise_is_told_as_a_delay_and_not_a_second_time_as_an_escalation():
    assert waiting(raised(staffed(), call(1, target="promise")).state) == []
    assert waiting(raised(staffed(), call(2, "technical", target="promise")).state) == [("escalated", CUSTOMER)]


@pytest.mark.parametrize("said", ["acknowledged", "progress", "resolved", "refused"])
def test_NT_4_the_agent_reads_what_the_department_said(said: str):
    state = answered(staffed(), answer(said, text="已复现，是驱动问题")).state
    assert waiting(state)[0] == ("escalation_answered", "Z01")
    for told in ("技术部", "赵工", "已复现，是驱动问题"):
        assert told in words(state, "escalation_answered")


def test_NT_4_without_an_agent_the_supervisors_of_the_pool_read_it():
    state = staffed().model_copy(update={"agent_id": ""})
    assert waiting(answered(state, answer("acknowledged")).state) == [("escalation_answered", "pool:payments.zh")]


@pytest.mark.parametrize(("said", "told"), [("progress", "正在处理"), ("resolved", "解决方案")])
def test_NT_3_the_customer_hears_of_progress_and_solution_but_no_internal_word(said: str, told: str):
    state = answered(staffed(), answer(said, text="研发说是老问题", fix_at=after(3600), responsible="研发")).state
    text = words(state, "escalation_progress")
    assert told in text
    assert "11月22日 17:00" in text
    assert not any(word in text for word in ("研发", "老问题", "赵工"))


@pytest.mark.parametrize("said", ["acknowledged", "refused"])
def test_NT_3_an_acknowledgement_or_a_refusal_is_ours_alone(said: str):
    state = answered(staffed(), answer(said, delays=said == "refused", fix_at=after(60))).state
    assert waiting(state) == [("escalation_answered", "Z01")]


def test_SL_14_a_fix_after_the_promise_starts_a_notice_of_delay_once_for_each_new_date():
    state = answered(staffed(), answer("progress", delays=True, fix_at=after(3600)), "event-8").state
    assert [template for template, _ in waiting(state)] == ["escalation_answered", "delay"]
    assert "原因：技术难点。补救措施：临时替代方案。新的预计时间：11月22日 17:00。" in words(state, "delay")
    state = answered(state, answer("progress", delays=True, fix_at=after(3600)), "event-9").state
    state = answered(state, answer("progress", delays=True, fix_at=after(7200)), "event-10").state
    assert [template for template, to in waiting(state) if to == CUSTOMER] == ["delay", "delay"]


@pytest.mark.parametrize(
    ("department", "reason"), [("production", "配件缺货"), ("logistics", "第三方"), ("rnd", "技术难点")]
)
def test_NT_9_the_reason_of_the_delay_follows_the_department(department: str, reason: str):
    event = answer("progress", department=department, delays=True, fix_at=after(60))
    assert f"原因：{reason}" in words(answered(staffed(), event).state, "delay")


def test_a_drill_tells_nobody_of_its_escalations():
    state = opened(drill=True)
    decisions = [raised(state, call()), answered(state, answer("resolved"))]
    assert [decision.state.messages for decision in decisions] == [(), ()]
    assert {event.why for decision in decisions for event in decision.events} == {"drill"}
