"""NT-1, NT-6, NT-7, NT-8: each milestone is told once, with what the customer has to know."""

import pytest

from services.notify.domain import deliver, tell
from services.notify.domain.casefile import Casefile
from services.notify.domain.rules import Rules
from shared.events.assignments import CaseUnassigned
from shared.events.cases import CaseNoted, CaseWaiting, Reach
from shared.events.notifications import NotificationSuppressed
from tests.unit.notify.build import (
    CASE,
    NOW,
    NUMBER,
    RULES,
    added_event,
    after,
    assigned_event,
    delivered,
    documents,
    opened,
    opened_event,
    queued_event,
    resolved_event,
)


def assigned(state: Casefile | None, agent: str = "Z01", *, cause: str = "event-2"):
    return tell.assigned(state, NOW, event=assigned_event(agent), cause=cause, rules=RULES)


def resolved(state: Casefile | None, *, cause: str = "event-3"):
    return tell.resolved(state, NOW, event=resolved_event(), cause=cause, rules=RULES)


def test_NT_8_received_states_number_expected_time_and_way_of_contact():
    (message,) = opened().messages
    assert message.template == "received"
    assert message.language == "zh"
    assert (message.channel, message.to) == ("sms", "+8613800138000")
    for told in (NUMBER, "预计处理周期 1 个工作日", "沟通方式：短信"):
        assert told in message.text


@pytest.mark.parametrize(
    ("priority", "zh", "en"),
    [
        ("P0", "2 小时", "2 hours"),
        ("P1", "8 小时", "8 hours"),
        ("P2", "1 个工作日", "1 working day"),
        ("P3", "3 个工作日", "3 working days"),
    ],
)
def test_NT_8_the_expected_time_follows_the_priority_and_is_in_working_time(priority: str, zh: str, en: str):
    (message,) = opened(priority=priority).messages
    assert f"预计处理周期 {zh}，" in message.text
    (message,) = opened(priority=priority, language="en").messages
    assert f"Expected handling time: {en}." in message.text


def test_NT_7_assigned_opens_with_agent_number_and_team():
    message = assigned(opened()).state.messages[-1]
    assert message.template == "assigned"
    for told in ("工号 Z01", "部门：支付组", "很高兴为您服务"):
        assert told in message.text


def test_NT_1_resolved_tells_the_result():
    message = resolved(opened()).state.messages[-1]
    assert message.template == "resolved"
    assert "已退款" in message.text


def test_NT_6_the_same_event_again_tells_nothing():
    once = opened()
    again = tell.opened(once, after(60), event=opened_event(), cause="event-1", rules=RULES)
    assert again.state.messages == once.messages
    assert again.events == ()


def test_NT_6_the_same_event_again_after_it_was_sent_tells_nothing():
    done = delivered(opened())
    again = tell.opened(done, after(60), event=opened_event(), cause="event-1", rules=RULES)
    assert again.state.messages == ()
    assert again.state.finished == done.finished


def test_NT_6_a_case_reopened_and_resolved_again_is_told_again():
    once = delivered(resolved(opened()).state)
    again = resolved(once, cause="event-9").state
    assert [m.template for m in again.messages] == ["resolved"]
    assert again.messages[0].id not in once.told


def test_NT_7_the_same_agent_is_not_introduced_twice():
    once = delivered(assigned(opened()).state)
    again = assigned(once, cause="event-7").state
    assert again.messages == ()


def test_NT_7_another_agent_is_introduced():
    once = delivered(assigned(opened()).state)
    again = assigned(once, "Z02", cause="event-7").state
    assert "工号 Z02" in again.messages[0].text


def test_NT_7_an_introduction_that_is_no_longer_true_is_not_sent():
    once = assigned(opened()).state
    decision = assigned(once, "Z02", cause="event-7")
    assert [m.template for m in decision.state.messages] == ["received", "assigned"]
    assert "工号 Z02" in decision.state.messages[-1].text
    (event,) = decision.events
    assert isinstance(event, NotificationSuppressed)
    assert (event.why, event.notification_id) == ("superseded", once.messages[-1].id)


def test_NT_7_an_introduction_on_its_way_is_left_alone():
    state = assigned(delivered(opened())).state
    state = deliver.take(state, NOW, by="me", rules=RULES).state
    decision = assigned(state, "Z02", cause="event-7")
    assert decision.events == ()
    assert [m.state for m in decision.state.messages] == ["sending", "queued"]


@pytest.mark.parametrize("reach", [Reach(), Reach(phone="none"), Reach(email="a@b\r\nBcc: x@y")])
def test_NT_1_a_customer_who_left_no_way_is_counted_not_told(reach: Reach):
    decision = tell.opened(None, NOW, event=opened_event(reach=reach), cause="event-1", rules=RULES)
    assert decision.state.messages == ()
    (event,) = decision.events
    assert isinstance(event, NotificationSuppressed)
    assert (event.channel, event.why) == ("none", "no_way_to_reach")
    assert deliver.due(decision.state) is None


def test_a_drill_sends_not_one_message_to_a_customer():
    state, events = opened(drill=True), []
    for decide in (assigned, resolved):
        decision = decide(state)
        state, events = decision.state, [*events, *decision.events]
    assert state.messages == ()
    assert [event.why for event in events] == ["drill", "drill"]


def test_NT_1_a_case_first_seen_when_it_is_assigned_is_no_error():
    decision = assigned(None)
    assert decision.state.number == NUMBER
    assert [event.why for event in decision.events] == ["no_way_to_reach"]


def test_NT_1_a_later_contact_brings_a_way_to_reach_and_the_channel_to_answer_on():
    state = tell.contact_added(
        opened(reach=Reach(phone="+8613800138000")), NOW, event=added_event(reach=Reach(email="w@example.com")),
        cause="event-a", rules=RULES,
    ).state  # fmt: skip
    message = resolved(state).state.messages[-1]
    assert (message.channel, message.to) == ("email", "w@example.com")
    assert state.reach.phone == "+8613800138000"


def test_NT_1_an_amended_contact_does_not_move_the_conversation():
    state = opened()
    added = tell.contact_added(state, NOW, event=added_event(revision=2), cause="event-a", rules=RULES)
    assert added.state is state


def test_NT_1_what_a_late_opening_says_does_not_replace_newer_ways_to_reach():
    early = tell.contact_added(
        None, NOW, event=added_event(reach=Reach(email="new@example.com")), cause="event-a", rules=RULES
    ).state
    late = tell.opened(early, NOW, event=opened_event(), cause="event-1", rules=RULES).state
    assert late.reach.email == "new@example.com"
    assert late.reach.phone == "+8613800138000"


@pytest.mark.parametrize(
    ("language", "spoken"), [("zh", "zh"), ("zh-CN", "zh"), ("en_US", "en"), ("es", "en"), ("", "zh")]
)
def test_NT_5_the_customer_is_told_in_his_language_or_the_nearest_we_speak(language: str, spoken: str):
    (message,) = opened(language=language).messages
    assert message.language == spoken


def test_NT_6_a_case_with_many_turns_stays_small():
    state = opened()
    for turn in range(2000):
        state = delivered(resolved(state, cause=f"event-{turn}").state)
    assert len(state.finished) == 20
    assert len(state.model_dump_json()) < 40_000


def test_NT_6_the_log_keeps_every_word_with_its_cause():
    decision = tell.opened(None, NOW, event=opened_event(), cause="event-1", rules=RULES)
    assert decision.note is not None
    (message,) = decision.state.messages
    assert decision.note.kind == "notification.queued"
    assert decision.note.data["text"] == message.text
    assert decision.note.data["cause"] == "event-1"


def waits(*, on: str = "third_party", party: str | None = "支付平台", until: bool = True) -> CaseWaiting:
    return CaseWaiting(case_id=CASE, number=NUMBER, by="Z01", on=on, party=party, promise_at=NOW if until else None)


def delays(why: str, remedy: str | None = None, kind: str = "delay") -> CaseNoted:
    return CaseNoted(case_id=CASE, number=NUMBER, by="Z01", kind=kind, why=why, remedy=remedy, promise_at=after(3600))


def noted(event: CaseNoted, **case):
    return tell.noted(delivered(opened(**case)), NOW, event=event, cause="event-4", rules=RULES)


@pytest.mark.parametrize(
    ("language", "event", "told"),
    [
        ("zh", waits(), "正在等待支付平台处理，预计 11月22日 16:00 前有结果"),
        ("zh", waits(party=None, until=False), "正在等待第三方处理，我们"),
        ("en", waits(party="the bank"), "waiting for the bank; an answer is expected by 22 Nov 16:00 (GMT+8)."),
        ("en", waits(party=None, until=False), "waiting for a third party."),
    ],
)
def test_NT_10_the_customer_hears_which_third_party_is_waited_for_and_until_when(language, event, told):
    state = tell.waiting(opened(language=language), NOW, event=event, cause="event-4", rules=RULES).state
    assert told in state.messages[-1].text


def test_NT_10_a_customer_who_is_waited_for_himself_is_not_told_so():
    state = opened()
    assert tell.waiting(state, NOW, event=waits(on="customer"), cause="event-4", rules=RULES).state is state


@pytest.mark.parametrize(
    ("event", "reason", "remedy"),
    [
        (delays("parts", "temporary"), "配件缺货", "临时替代方案"),
        (delays("第三方"), "第三方处理延迟", "我们会持续催办，一有进展立即告知您"),
        (delays("备件缺货", "compensation"), "配件缺货", "补偿"),
        (delays(" Technical ", "上门取件"), "技术难点", "上门取件"),
        (delays("台风", "补偿"), "台风", "补偿"),
    ],
)
def test_NT_9_reasons_and_remedies_are_told_by_name_and_other_words_as_they_are(event, reason, remedy):
    (message,) = noted(event).state.messages
    assert f"原因：{reason}。补救措施：{remedy}。新的预计时间：11月22日 17:00。" in message.text


@pytest.mark.parametrize("why", ["台风", "parts", "technical", "ours"])
def test_NT_9_where_nobody_offers_a_remedy_none_is_promised(why: str):
    (message,) = noted(delays(why)).state.messages
    assert "补救措施" not in message.text


def test_NT_9_the_operator_may_offer_a_remedy_for_a_reason():
    read = documents()
    read["terms"]["reasons"]["parts"]["remedy"] = "compensation"
    state = tell.noted(delivered(opened()), NOW, event=delays("parts"), cause="event-4", rules=Rules.parse(read)).state
    assert "补救措施：补偿。" in state.messages[0].text


def test_NT_2_a_delay_is_told_in_english_too():
    (message,) = noted(delays("配件缺货", "temporary"), language="en").state.messages
    assert "Reason: a spare part is out of stock. What we do about it: a temporary solution." in message.text
    assert "New time: 22 Nov 17:00 (GMT+8)." in message.text


def test_an_internal_remark_is_not_told():
    assert noted(delays("x", kind="note")).state.messages == ()


def test_RT_13_who_has_the_case_is_followed():
    state = tell.queued(opened(), NOW, event=queued_event(), cause="event-q", rules=RULES).state
    state = tell.assigned(state, NOW, event=assigned_event(supervisor="S01"), cause="event-2", rules=RULES).state
    assert (state.agent_id, state.supervisor, state.pool) == ("Z01", "S01", "payments.zh")
    left = CaseUnassigned(case_id=CASE, number=NUMBER, agent_id="Z01", why="offline")
    other = left.model_copy(update={"agent_id": "Z09"})
    assert tell.unassigned(state, NOW, event=other).state is state
    state = tell.unassigned(state, NOW, event=left).state
    assert (state.agent_id, state.supervisor, state.pool) == ("", "", "payments.zh")


def test_NT_7_an_agent_who_gets_the_case_back_is_not_introduced_twice():
    once = delivered(assigned(opened()).state)
    back = tell.queued(once, NOW, event=queued_event(), cause="event-q", rules=RULES).state
    again = assigned(back, cause="event-7").state
    assert (again.messages, again.agent_id) == ((), "Z01")
