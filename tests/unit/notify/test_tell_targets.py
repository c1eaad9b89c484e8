"""SL-2, NT-2, NT-4: who has the ball is reminded in time, and a broken promise is told to the customer."""

from typing import Any

import pytest

from services.notify.domain import deliver, log, tell, tell_targets
from services.notify.domain.casefile import Casefile
from shared.events.cases import Reach
from shared.events.notifications import NotificationSuppressed
from shared.events.sla import TargetMet, TargetMissed, TargetReminder
from tests.unit.notify.build import (
    NOW,
    NUMBER,
    RULES,
    after,
    delivered,
    met_event,
    missed_event,
    queued_event,
    reminder_event,
    staffed,
    waiting,
    words,
)

CUSTOMER = "+8613800138000"


def reminded(state: Casefile, event: TargetReminder, cause: str = "event-5"):
    return tell_targets.reminder(state, NOW, event=event, cause=cause, rules=RULES)


def missed(state: Casefile, event: TargetMissed, cause: str = "event-6"):
    return tell_targets.missed(state, NOW, event=event, cause=cause, rules=RULES)


def met(state: Casefile, event: TargetMet):
    return tell_targets.met(state, NOW, event=event)


@pytest.mark.parametrize(("share", "desks"), [(0.5, ["Z01"]), (0.75, ["Z01"]), (0.9, ["Z01", "S01"])])
def test_SL_2_the_agent_is_reminded_and_towards_the_end_his_supervisor_too(share: float, desks: list[str]):
    state = reminded(staffed(), reminder_event(share)).state
    assert waiting(state) == [("reminder", desk) for desk in desks]
    assert {(m.channel, m.language) for m in state.messages} == {("desk", "zh")}


def test_SL_2_a_reminder_says_what_is_due_when_and_how_much_time_is_left():
    text = words(reminded(staffed(), reminder_event(0.75)).state, "reminder")
    for told in (NUMBER, "解决", "75%", "11月22日 16:00"):
        assert told in text


def test_NT_4_without_an_agent_the_supervisors_of_the_pool_are_reminded_once():
    event = reminder_event(0.9, agent_id=None, supervisor=None)
    assert waiting(reminded(staffed(), event).state) == [("reminder", "pool:payments.zh")]


def test_NT_4_the_pool_is_the_one_that_the_case_waits_in_where_the_alarm_names_none():
    state = tell.queued(staffed(), NOW, event=queued_event("returns.en"), cause="event-q", rules=RULES).state
    event = missed_event(agent_id=None, supervisor=None, pool=None)
    assert waiting(missed(state, event).state) == [("missed", "pool:returns.en")]


def test_NT_4_what_nobody_can_be_told_is_counted():
    state = staffed().model_copy(update={"pool": ""})
    decision = reminded(state, reminder_event(0.5, agent_id=None, pool=None))
    assert [event.why for event in decision.events] == ["no_way_to_reach"]


def test_SL_2_a_miss_is_told_to_agent_and_supervisor_with_how_late():
    state = missed(staffed(), missed_event(3 * 3600.0)).state
    assert waiting(state) == [("missed", "Z01"), ("missed", "S01")]
    assert "3 小时" in words(state, "missed")


def test_SL_2_a_reminder_that_still_waits_gives_way_to_the_next_one():
    once = reminded(staffed(), reminder_event(0.5)).state
    decision = reminded(once, reminder_event(0.75), "event-6")
    assert ["75%" in m.text for m in decision.state.messages] == [True]
    assert [(type(e), e.why) for e in decision.events] == [(NotificationSuppressed, "superseded")]


@pytest.mark.parametrize("over", [met, missed])
def test_SL_2_a_reminder_that_still_waits_is_not_sent_once_the_target_is_met_or_missed(over):
    event = met_event() if over is met else missed_event()
    state = over(reminded(staffed(), reminder_event(0.9)).state, event).state
    assert [m.template for m in state.messages if m.template == "reminder"] == []
    assert [f.why for f in state.finished[-2:]] == ["superseded"] * 2


@pytest.mark.parametrize("how", [{"late_s": 60.0}, {"corrected": True}])
def test_SL_2_a_miss_that_still_waits_is_not_told_once_the_target_is_met(how: dict[str, Any]):
    decision = met(missed(staffed(), missed_event(target="promise")).state, met_event(target="promise", **how))
    assert decision.state.messages == ()
    assert [(e.template.id, e.why) for e in decision.events] == [
        ("missed", "superseded"), ("missed", "superseded"), ("delay", "superseded"),
    ]  # fmt: skip


def test_SL_2_a_time_limit_is_called_one():
    state = missed(staffed(), missed_event(3 * 3600.0)).state
    assert [m.subject for m in state.messages] == [f"【工单 {NUMBER}】解决时限已超时"] * 2
    assert reminded(staffed(), reminder_event(0.5)).state.messages[0].subject == f"【工单 {NUMBER}】解决时限已用 50%"


def test_SL_2_another_target_or_another_turn_of_it_leaves_the_reminder_alone():
    state = reminded(staffed(), reminder_event(0.5)).state
    for event in (met_event(target="first_response"), met_event(nth=2)):
        assert met(state, event).state is state


def test_SL_2_a_reminder_that_a_provider_may_have_is_left_alone():
    state = reminded(staffed(), reminder_event(0.5)).state
    state = deliver.take(state, NOW, by="me", rules=RULES).state
    assert met(state, met_event()).state is state


def test_NT_6_the_same_alarm_again_tells_nobody_twice():
    once = delivered(missed(staffed(), missed_event(target="promise")).state)
    again = missed(once, missed_event(target="promise"))
    assert again.state is once
    assert again.events == ()


@pytest.mark.parametrize(
    ("party", "told"),
    [
        ("支付平台", "原因：第三方处理延迟。补救措施：我们会持续催办，一有进展立即告知您。"),
        (None, "原因：处理时间超出预期。"),
    ],
)
def test_NT_2_a_broken_promise_is_told_to_the_customer_with_what_is_known_of_it(party: str | None, told: str):
    state = missed(staffed(), missed_event(target="promise", party=party, promise="今天内退款")).state
    assert waiting(state) == [("missed", "Z01"), ("missed", "S01"), ("delay", CUSTOMER)]
    assert words(state, "delay").endswith(told)
    assert "今天内退款" in words(state, "missed")


def test_NT_2_in_english_too():
    state = missed(staffed(language="en"), missed_event(target="promise", party="the bank")).state
    assert "Reason: a third party is late. What we do about it: we keep pressing them and tell you at once." in words(
        state, "delay"
    )


def test_NT_2_another_miss_is_not_told_to_the_customer():
    assert CUSTOMER not in [to for _, to in waiting(missed(staffed(), missed_event()).state)]


def test_SL_4_a_level_that_did_not_acknowledge_is_named_as_the_house_calls_it():
    text = words(missed(staffed(), missed_event(target="escalation", party="technical")).state, "missed")
    assert "升级确认" in text
    assert "技术部" in text


def test_a_drill_reminds_nobody():
    decision = missed(reminded(staffed(drill=True), reminder_event(0.9)).state, missed_event(target="promise"))
    assert decision.state.messages == ()
    assert {event.why for event in decision.events} == {"drill"}


def test_NT_4_staff_are_not_told_where_no_provider_serves_their_desks():
    rules = RULES.limited_to({"smtp"})
    decision = tell_targets.reminder(staffed(), NOW, event=reminder_event(0.5), cause="event-5", rules=rules)
    assert [event.why for event in decision.events] == ["no_way_to_reach"]


def test_NT_6_the_log_keeps_every_one_of_several_messages():
    once = reminded(staffed(), reminder_event(0.9, target="promise"))
    then = missed(once.state, missed_event(target="promise"))
    lines = [{"key": "case", "at": d.note.at, "kind": d.note.kind, "by": d.note.by, "data": d.note.data}
             for d in (once, then) if d.note]  # fmt: skip
    shown = log.read(lines, then.state)
    assert [(m["template"]["id"], m["to"], m["state"]) for m in shown] == [
        ("reminder", "Z01", "suppressed"), ("reminder", "S01", "suppressed"),
        ("missed", "Z01", "queued"), ("missed", "S01", "queued"), ("delay", CUSTOMER, "queued"),
    ]  # fmt: skip
    assert all(m["text"] for m in shown)


def test_NT_6_a_case_whose_messages_cannot_leave_stays_small_and_counts_what_it_cannot_keep():
    state, refused = staffed(reach=Reach(phone=CUSTOMER, name="王" * 60)), 0
    for nth in range(500):
        event = missed_event(target="promise", nth=nth, promise="很" * 600, party="长" * 600)
        decision = missed(state, event, f"event-{nth}")
        state, refused = decision.state, refused + len(decision.events)
    assert 5 <= len(state.messages) <= 40
    assert refused == 1500 - len(state.messages)
    assert {f.why for f in state.finished[-3:]} == {"too_many_waiting"}
    assert len(state.model_dump_json().encode()) < 60_000
    assert delivered(state, after(1)).messages == ()
