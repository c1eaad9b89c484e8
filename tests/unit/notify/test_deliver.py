"""NT-6: never the same message twice; retry; the second provider; and honesty where nobody knows."""

from datetime import datetime

import pytest

from services.notify.domain import deliver, tell, tell_targets
from services.notify.domain.casefile import Casefile, Message
from shared.decisions import Decision, Refused
from shared.events.notifications import NotificationFailed, NotificationSent, NotificationUnknown
from tests.unit.notify.build import NOW, after, opened, reminder_event, resolved_event, with_providers

RULES = with_providers("first", "second", tries=2, lease_s=30)
CANNOT_TELL: frozenset[str] = frozenset()
RECOGNISES = frozenset({"first", "second"})


def take(state: Casefile, now: datetime = NOW, by: str = "me") -> Casefile:
    return deliver.take(state, now, by=by, rules=RULES).state


def the(state: Casefile) -> Message:
    (message,) = state.messages
    return message


def failed(
    state: Casefile, failure: deliver.Failure, now: datetime = NOW, *, recognising: frozenset[str] = CANNOT_TELL
) -> Decision[Casefile]:
    message = the(state)
    return deliver.failed(
        state, now, id_=message.id, attempt=message.attempt, failure=failure, why="because", rules=RULES,
        recognising=recognising,
    )  # fmt: skip


def waiting() -> Casefile:
    return opened(RULES)


def sending() -> Casefile:
    return take(waiting())


def unknown() -> Casefile:
    return deliver.recover(sending(), after(30), recognising=CANNOT_TELL).state


def test_NT_6_a_taken_message_is_in_one_hand_with_a_lease():
    state = sending()
    message = the(state)
    assert (message.state, message.attempt, message.provider) == ("sending", 1, "first")
    assert deliver.in_hand(state, "me") == (message,)
    assert deliver.in_hand(state, "other") == ()
    assert deliver.due(state) == after(30)


def test_NT_6_nobody_takes_what_another_has():
    state = sending()
    assert deliver.take(state, after(29), by="other", rules=RULES).state is state


def test_NT_6_the_messages_to_one_recipient_are_sent_one_after_the_other():
    state = tell.resolved(waiting(), NOW, event=resolved_event(), cause="event-2", rules=RULES).state
    state = take(state)
    assert [m.state for m in state.messages] == ["sending", "queued"]
    first = state.messages[0]
    state = deliver.sent(state, NOW, id_=first.id, attempt=1, provider="first").state
    assert the(take(state)).template == "resolved"


def test_NT_6_sent_is_told_and_leaves_the_list():
    message = the(sending())
    decision = deliver.sent(sending(), after(1), id_=message.id, attempt=1, provider="first")
    (event,) = decision.events
    assert isinstance(event, NotificationSent)
    assert (event.notification_id, event.provider, event.attempt) == (message.id, "first", 1)
    assert (event.template.id, event.template.version, event.cause) == ("received", 2, "event-1")
    assert decision.state.messages == ()
    assert decision.state.finished[-1].state == "sent"
    assert deliver.due(decision.state) is None


def test_NT_6_a_temporary_failure_is_tried_again_after_its_pause():
    decision = failed(sending(), "temporary", after(2))
    assert decision.events == ()
    message = the(decision.state)
    assert (message.state, message.next_at, message.provider) == ("queued", after(3), "first")
    assert deliver.pending(decision.state, after(2)) == ()
    assert the(take(decision.state, after(3))).attempt == 2


def test_NT_6_after_enough_bad_answers_the_second_provider_is_asked_at_once():
    state = take(failed(sending(), "temporary").state, after(1))
    state = failed(state, "temporary", after(1)).state
    message = the(state)
    assert (message.provider, message.tries, message.next_at) == ("second", 0, after(1))
    assert the(take(state, after(1))).provider == "second"


def test_NT_6_a_permanent_failure_goes_to_the_second_provider_and_then_fails():
    state = failed(sending(), "permanent").state
    assert the(state).provider == "second"
    decision = failed(take(state), "permanent")
    (event,) = decision.events
    assert isinstance(event, NotificationFailed)
    assert (event.provider, event.attempt, event.why) == ("second", 2, "because")
    assert decision.state.finished[-1].state == "failed"


def test_NT_6_what_was_not_tried_costs_no_try():
    message = the(failed(sending(), "untried", after(1)).state)
    assert (message.state, message.tries, message.next_at) == ("queued", 0, after(1))


def test_NT_6_an_open_answer_is_unknown_where_repeats_are_not_recognised():
    decision = failed(sending(), "open")
    (event,) = decision.events
    assert isinstance(event, NotificationUnknown)
    assert event.why == "because"
    assert deliver.due(decision.state) is None
    assert deliver.pending(decision.state, after(9999)) == ()


def test_NT_6_an_open_answer_is_asked_again_where_repeats_are_recognised_and_only_there():
    state = failed(sending(), "open", recognising=RECOGNISES).state
    state = take(state, after(1))
    assert the(state).provider == "first"
    decision = failed(state, "permanent", after(1), recognising=RECOGNISES)
    assert [type(e) for e in decision.events] == [NotificationUnknown]


def test_NT_6_a_message_left_behind_is_unknown_where_repeats_are_not_recognised():
    decision = deliver.recover(sending(), after(30), recognising=CANNOT_TELL)
    assert the(decision.state).state == "unknown"
    assert [type(e) for e in decision.events] == [NotificationUnknown]


def test_NT_6_a_message_left_behind_is_sent_again_where_repeats_are_recognised():
    state = deliver.recover(sending(), after(30), recognising=RECOGNISES).state
    assert the(state).state == "queued"
    message = the(take(state, after(30)))
    assert (message.attempt, message.provider) == (2, "first")


def test_NT_6_nothing_is_recovered_before_its_lease_has_ended():
    state = sending()
    assert deliver.recover(state, after(29.999), recognising=CANNOT_TELL).state is state


def test_NT_6_one_look_recovers_and_takes():
    decision = deliver.pick_up(sending(), after(30), by="other", rules=RULES, recognising=RECOGNISES)
    (message,) = deliver.in_hand(decision.state, "other")
    assert message.attempt == 2


def test_NT_6_an_unknown_message_does_not_hold_up_the_next():
    state = tell.resolved(unknown(), NOW, event=resolved_event(), cause="event-2", rules=RULES).state
    state = take(state)
    assert [(m.template, m.state) for m in state.messages] == [("received", "unknown"), ("resolved", "sending")]


def test_NT_6_the_answer_to_an_attempt_that_is_over_changes_nothing():
    state = take(failed(sending(), "temporary").state, after(1))
    message = the(state)
    late = deliver.sent(state, after(2), id_=message.id, attempt=1, provider="first")
    assert late.state is state
    worse = deliver.failed(
        state, after(2), id_=message.id, attempt=1, failure="permanent", why="", rules=RULES, recognising=CANNOT_TELL
    )
    assert worse.state is state


def test_NT_6_the_answer_counted_twice_changes_nothing():
    message = the(sending())
    once = deliver.sent(sending(), NOW, id_=message.id, attempt=1, provider="first").state
    again = deliver.sent(once, after(1), id_=message.id, attempt=1, provider="first")
    assert again.state is once
    assert again.events == ()


def test_NT_6_a_late_answer_settles_an_unknown_message():
    message = the(unknown())
    decision = deliver.sent(unknown(), after(60), id_=message.id, attempt=1, provider="first")
    assert [type(e) for e in decision.events] == [NotificationSent]


def test_NT_6_a_provider_that_is_no_longer_named_is_replaced_if_it_certainly_has_not_got_the_message():
    others = with_providers("third")
    state = deliver.take(waiting(), NOW, by="me", rules=others).state
    assert the(state).provider == "third"
    left = deliver.recover(sending(), after(30), recognising=RECOGNISES).state
    decision = deliver.take(left, after(30), by="me", rules=others)
    assert [type(e) for e in decision.events] == [NotificationUnknown]


def test_NT_6_a_person_says_that_it_was_sent():
    message = the(unknown())
    decision = deliver.settle(unknown(), after(99), id_=message.id, sent=True, by="Chen")
    (event,) = decision.events
    assert isinstance(event, NotificationSent)
    assert event.why == "settled by Chen"
    again = deliver.settle(decision.state, after(100), id_=message.id, sent=True, by="Chen")
    assert again.state is decision.state


def test_NT_6_a_person_says_that_it_was_not_sent_and_so_it_is_sent_now():
    message = the(unknown())
    decision = deliver.settle(unknown(), after(99), id_=message.id, sent=False, by="Chen")
    assert decision.events == ()
    state = take(decision.state, after(99))
    assert (the(state).state, the(state).attempt) == ("sending", 2)


@pytest.mark.parametrize("sent", [True, False])
def test_NT_6_only_an_unknown_message_is_settled(sent: bool):
    message = the(sending())
    with pytest.raises(Refused) as refused:
        deliver.settle(sending(), NOW, id_=message.id, sent=sent, by="Chen")
    assert (refused.value.code, refused.value.status) == ("not_unknown", 409)
    assert "this one is sending" in refused.value.message


def test_NT_6_a_message_nobody_knows_is_not_found():
    with pytest.raises(Refused) as refused:
        deliver.settle(waiting(), NOW, id_="no", sent=True, by="Chen")
    assert refused.value.status == 404


def two_recipients(state: Casefile | None = None) -> Casefile:
    """The customer waits for "received", the agent for a reminder."""
    event = reminder_event(0.5)
    return tell_targets.reminder(state or waiting(), NOW, event=event, cause="event-5", rules=RULES).state


def states(state: Casefile) -> list[tuple[str, str]]:
    return [(message.template, message.state) for message in state.messages]


def test_NT_6_recipients_do_not_wait_for_each_other():
    retrying = failed(sending(), "temporary", after(2)).state
    state = take(two_recipients(retrying), after(2))
    assert states(state) == [("received", "queued"), ("reminder", "sending")]
    assert deliver.due(state) == after(3)
    both = take(two_recipients())
    assert states(both) == [("received", "sending"), ("reminder", "sending")]
    assert len(deliver.in_hand(both, "me")) == 2


def test_NT_6_what_is_looked_at_next_is_due_first():
    state = deliver.take(two_recipients(), NOW, by="me", rules=RULES, busy=()).state
    received, reminder = state.messages
    state = deliver.failed(
        state, after(1), id_=reminder.id, attempt=1, failure="temporary", why="", rules=RULES, recognising=()
    ).state
    assert deliver.due(state) == after(2)
    assert [m.id for m in deliver.heads(state)] == [received.id, reminder.id]


def test_NT_6_a_busy_provider_does_not_hide_the_message_of_another():
    state = two_recipients()
    received = state.messages[0].model_copy(update={"provider": "second"})
    state = deliver.take(state.changed(received), NOW, by="me", rules=RULES, busy=("second",)).state
    assert states(state) == [("received", "queued"), ("reminder", "sending")]


def test_NT_6_one_look_recovers_all_that_was_left_behind_and_says_so():
    left = take(two_recipients())
    decision = deliver.recover(left, after(30), recognising=CANNOT_TELL)
    assert states(decision.state) == [("received", "unknown"), ("reminder", "unknown")]
    assert [type(e) for e in decision.events] == [NotificationUnknown] * 2
    assert decision.note is not None
    assert [part["data"]["id"] for part in decision.note.data["lines"]] == [m.id for m in left.messages]
    assert deliver.recover(left, after(30), recognising=CANNOT_TELL, busy=("first",)).state is left
