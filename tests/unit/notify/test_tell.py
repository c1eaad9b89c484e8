"""NT-1, NT-6, NT-7, NT-8: each milestone is told once, with what the customer has to know."""

import pytest

from services.notify.domain import deliver, tell
from services.notify.domain.casefile import Casefile
from shared.events.cases import Reach
from shared.events.notifications import NotificationSuppressed
from tests.unit.notify.build import (
    NOW,
    NUMBER,
    RULES,
    added_event,
    after,
    assigned_event,
    opened,
    opened_event,
    resolved_event,
)


def assigned(state: Casefile | None, agent: str = "Z01", *, cause: str = "event-2"):
    return tell.assigned(state, NOW, event=assigned_event(agent), cause=cause, rules=RULES)


def resolved(state: Casefile | None, *, cause: str = "event-3"):
    return tell.resolved(state, NOW, event=resolved_event(), cause=cause, rules=RULES)


def delivered(state: Casefile) -> Casefile:
    """Everything that waits has been sent."""
    while deliver.pending(state, NOW):
        state = deliver.take(state, NOW, by="me", rules=RULES).state
        (message,) = deliver.in_hand(state, "me")
        state = deliver.sent(state, NOW, id_=message.id, attempt=message.attempt, provider=message.provider).state
    return state


def test_NT_8_received_states_number_expected_time_and_way_of_contact():
    (message,) = opened().messages
    assert message.template == "received"
    assert message.language == "zh"
    assert (message.channel, message.to) == ("sms", "+8613800138000")
    for told in (NUMBER, "预计处理周期 24 小时", "沟通方式：短信"):
        assert told in message.text


def test_NT_8_the_expected_time_follows_the_priority():
    (message,) = opened(priority="P0").messages
    assert "预计处理周期 2 小时" in message.text


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
        opened(reach=Reach(phone="+8613800138000")), NOW, event=added_event(reach=Reach(email="w@example.com"))
    ).state
    message = resolved(state).state.messages[-1]
    assert (message.channel, message.to) == ("email", "w@example.com")
    assert state.reach.phone == "+8613800138000"


def test_NT_1_an_amended_contact_does_not_move_the_conversation():
    state = opened()
    added = tell.contact_added(state, NOW, event=added_event(revision=2))
    assert added.state is state


def test_NT_1_what_a_late_opening_says_does_not_replace_newer_ways_to_reach():
    early = tell.contact_added(None, NOW, event=added_event(reach=Reach(email="new@example.com"))).state
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
