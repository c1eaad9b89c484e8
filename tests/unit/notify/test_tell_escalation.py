"""NT-3: the customer is kept informed while a case is escalated; the agent reads what the department says."""

from typing import Any

import pytest

from services.notify.domain import deliver, tell_escalation, tell_targets
from services.notify.domain.casefile import Casefile
from services.notify.domain.rules import Rules
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.sla import EscalationAnswered
from tests.unit.notify.build import (
    CASE,
    NOW,
    NUMBER,
    RULES,
    after,
    delivered,
    documents,
    met_event,
    missed_event,
    opened,
    staffed,
    waiting,
    words,
)

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


def withdrawn(state: Casefile, level: int = 1, department: str = "frontline"):
    event = EscalationWithdrawn(**IDS, level=level, department=department, why="made good")
    return tell_escalation.withdrawn(state, NOW, event=event)


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


def levels(state: Casefile) -> list[str]:
    return [name for m in state.messages for name in ("客服主管", "技术专家团队", "管理层") if name in m.text]


def test_NT_3_several_escalations_of_one_level_are_told_once_while_one_is_open():
    state = delivered(raised(staffed(), call(2, "technical")).state)
    state = raised(state, call(1, escalation_id="escalation-2"), "event-8").state
    state = raised(state, call(2, "legal", escalation_id="escalation-2"), "event-9").state
    assert waiting(state) == []
    state = raised(state, call(3, "management", escalation_id="escalation-2"), "event-10").state
    assert levels(state) == ["管理层"]


@pytest.mark.parametrize("over", ["withdrawn", "resolved"])
def test_NT_3_a_level_is_told_again_once_no_other_escalation_is_open(over: str):
    state = delivered(raised(staffed(), call()).state)
    state = withdrawn(state).state if over == "withdrawn" else answered(state, answer("resolved", stands=0)).state
    state = raised(delivered(state), call(escalation_id="escalation-2"), "event-9").state
    assert levels(state) == ["客服主管"]


def test_NT_3_an_escalation_that_is_over_before_it_was_told_is_not_told():
    state = raised(staffed(), call()).state
    decision = withdrawn(raised(state, call(2, "technical"), "event-8").state)
    assert waiting(decision.state) == []
    assert [(e.template.id, e.why) for e in decision.events] == [("escalated", "superseded")] * 2


def test_NT_3_a_level_that_is_called_off_is_not_told_while_the_lower_one_stands():
    state = raised(staffed(), call()).state
    state = raised(state, call(2, "technical"), "event-8").state
    state = withdrawn(state, level=2, department="technical").state
    assert levels(state) == ["客服主管"]
    assert levels(raised(state, call(2, "technical"), "event-9").state) == ["客服主管", "技术专家团队"]


def test_NT_3_a_level_on_which_another_escalation_stands_is_still_told():
    state = raised(staffed(), call()).state
    state = raised(state, call(escalation_id="escalation-2"), "event-8").state
    assert levels(withdrawn(state).state) == ["客服主管"]


def test_NT_3_a_message_on_its_way_is_left_alone():
    state = deliver.take(raised(staffed(), call()).state, NOW, by="me", rules=RULES).state
    assert levels(withdrawn(state).state) == ["客服主管"]


def test_NT_3_of_what_was_missed_raised_met_and_withdrawn_at_once_nobody_hears():
    event = missed_event(target="inactivity", escalation_id="escalation-1")
    state = tell_targets.missed(staffed(), NOW, event=event, cause="event-6", rules=RULES).state
    state = raised(state, call()).state
    assert len(waiting(state)) == 3
    state = tell_targets.met(state, NOW, event=met_event(target="inactivity", late_s=60.0)).state
    assert waiting(withdrawn(state).state) == []


def test_NT_3_a_case_that_is_escalated_for_ever_stays_small():
    state = staffed()
    for nth in range(500):
        state = raised(state, call(escalation_id=f"escalation-{nth}"), f"event-{nth}").state
    assert len(state.escalations) == 50
    assert levels(state) == ["客服主管"]


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
    assert "原因：处理时间超出预期。新的预计时间：11月22日 17:00。" in words(state, "delay")
    state = answered(state, answer("progress", delays=True, fix_at=after(3600)), "event-9").state
    state = answered(state, answer("progress", delays=True, fix_at=after(7200)), "event-10").state
    assert [template for template, to in waiting(state) if to == CUSTOMER] == ["delay", "delay"]


@pytest.mark.parametrize(("department", "reason"), [("production", "配件缺货"), ("rnd", "处理时间超出预期")])
def test_NT_9_the_reason_of_a_departments_delay_is_ours_unless_the_operator_names_one(department: str, reason: str):
    read = documents()
    read["terms"]["delays"] = {"production": "parts"}
    event = answer("progress", department=department, delays=True, fix_at=after(60))
    state = tell_escalation.answered(staffed(), NOW, event=event, cause="event-8", rules=Rules.parse(read)).state
    assert f"原因：{reason}。" in words(state, "delay")


def test_a_drill_tells_nobody_of_its_escalations():
    state = opened(drill=True)
    decisions = [raised(state, call()), answered(state, answer("resolved"))]
    assert [decision.state.messages for decision in decisions] == [(), ()]
    assert {event.why for decision in decisions for event in decision.events} == {"drill"}
