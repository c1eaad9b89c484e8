"""What the clock does by itself, and what facts that are read late take back."""

import pytest
from bson import encode

from services.sla.domain.fire import due, fire
from services.sla.domain.rules import PRIORITIES
from shared.decisions import Decision
from shared.events.escalations import EscalationRaised, EscalationWithdrawn
from shared.events.sla import ClockPaused, TargetMet, TargetMissed, TargetReminder
from tests.unit.sla.build import (
    RULES,
    SHIPPED,
    Story,
    at,
    delays,
    line_of,
    notes,
    only,
    plain,
    resolves,
    responds,
    resumes,
    says,
    waits_for,
    waits_for_customer,
)

INACTIVITY = 48 * 60


def test_SL_2_the_agent_and_his_supervisor_are_reminded_at_each_share() -> None:
    story = Story().assigned(1).fact(1, responds())
    story.told()
    reminders = story.until(95).told(TargetReminder)
    assert [(e.target, e.share, e.at) for e in reminders] == [
        ("resolution", 0.5, at(50)),
        ("resolution", 0.75, at(75)),
        ("resolution", 0.9, at(90)),
    ]
    assert {(e.agent_id, e.supervisor, e.due_at) for e in reminders} == {("Z01", "S01", at(100))}


def test_SL_2_after_a_stop_only_the_highest_share_is_reminded_of() -> None:
    story = Story().fact(1, responds())
    story.told()
    assert story.clock_at(80).lines() == ["reminder resolution 0.75"]
    assert story.clock_at(95).lines() == ["reminder resolution 0.9"]


def test_SL_2_what_is_missed_is_not_reminded_of_any_more() -> None:
    story = Story().fact(1, responds())
    story.told()
    assert only(story.clock_at(101).lines(), "reminder", "missed") == ["missed resolution"]


def test_SL_2_a_breach_is_recorded_with_how_late_and_calls_the_front_line() -> None:
    story = Story().assigned(1).fact(1, responds())
    story.told()
    missed, raised = story.clock_at(102).told()
    assert isinstance(missed, TargetMissed)
    assert (missed.target, missed.late_s, missed.due_at, missed.agent_id) == ("resolution", 120, at(100), "Z01")
    assert isinstance(raised, EscalationRaised)
    assert (raised.topic, raised.level, raised.escalation_id) == ("escalations.frontline.v1", 1, missed.escalation_id)


def test_what_fell_due_during_a_stop_happens_in_the_order_in_which_it_fell_due() -> None:
    story = Story()
    story.fact(1, responds(promise="回电", until=at(30))).fact(5, says())
    story.told()
    assert only(story.clock_at(200).lines(), "missed") == [
        "missed next_response",
        "missed promise",
        "missed resolution",
    ]


def test_when_nothing_is_due_the_state_stays_the_very_same() -> None:
    state = Story().state
    decision = fire(state, at(1), rules=RULES)
    assert decision == Decision(state)
    assert decision.state is state


def test_fired_again_it_tells_nothing_twice() -> None:
    story = Story().clock_at(101)
    story.told()
    assert story.clock_at(101).told() == []


def test_SL_3_forty_eight_hours_without_progress_escalate_although_the_customer_asked_again() -> None:
    """S6."""
    story = Story().assigned(0).fact(0, responds())
    story.fact(47 * 60, says("怎么还没处理？"))
    story.until(INACTIVITY)
    missed = next(e for e in story.told(TargetMissed) if e.target == "inactivity")
    assert (missed.at, missed.late_s) == (at(INACTIVITY), 0)


def test_SL_4_unanswered_it_climbs_through_three_levels_and_stops_there() -> None:
    story = Story().fact(1, responds()).until(100)
    story.told()
    lines = only(story.until(10_000).lines(), "raised", "level_raised", "missed escalation")
    assert lines[:5] == [
        "missed escalation", "level_raised payment 2", "missed escalation", "level_raised management 3",
        "missed escalation",
    ]  # fmt: skip
    climbed = [call.at for call in story.state.escalations[0].calls]
    assert climbed == [at(100), at(110), at(130)]
    assert story.state.escalations[0].due_at is None


def test_SL_4_a_level_says_why_it_is_called_and_carries_what_was_tried() -> None:
    story = Story(category=("投诉建议", "法律与维权")).fact(1, responds("已致歉")).until(100)
    story.told()
    story.until(110)
    called = next(e for e in story.events if e.TYPE == "escalation.level_raised")
    assert (called.department, called.why, called.tried) == ("legal", "not acknowledged by frontline", ("已致歉",))
    assert called.description == "发票抬头错误，请更正"
    assert [line.what for line in called.history] == ["opened", "responded", "escalated"]
    assert called.due_at == at(130)
    assert called.contacts[0].reach == "legal-duty@switchboard.example"


def test_each_miss_has_one_escalation_of_its_own() -> None:
    story = Story().clock_at(20, 150)
    raised = story.told(EscalationRaised)
    assert [e.target for e in raised] == ["first_response", "resolution"]
    assert len({e.escalation_id for e in raised}) == 2


def test_no_reminder_and_no_miss_once_it_is_solved() -> None:
    story = Story().fact(3, resolves())
    story.told()
    assert due(story.state) is None
    assert story.until(100_000).told() == []


def test_an_answer_in_time_that_is_read_late_takes_the_miss_back() -> None:
    story = Story().clock_at(10, 25)
    story.told()
    story.fact(9, responds(), read=26)
    (met,) = [e for e in story.events if isinstance(e, TargetMet)]
    assert (met.target, met.corrected, met.late_s, met.at) == ("first_response", True, 0, at(9))
    withdrawn = story.told(EscalationWithdrawn)
    assert [(e.department, e.why) for e in withdrawn] == [("frontline", "in_time"), ("payment", "in_time")]
    assert story.state.open_escalations == ()


def test_an_answer_that_was_late_meets_it_late_and_calls_off_what_nobody_took_up() -> None:
    story = Story().clock_at(10)
    story.told()
    story.fact(15, responds())
    assert [(e.target, e.corrected, e.late_s) for e in story.events if isinstance(e, TargetMet)] == [
        ("first_response", False, 300)
    ]
    assert [e.why for e in story.events if isinstance(e, EscalationWithdrawn)] == ["done_late"]
    assert story.state.open_escalations == ()


def test_a_late_answer_does_not_call_off_what_a_department_has_taken_up() -> None:
    story = Story().clock_at(10).reply(11, "frontline", "acknowledged").fact(15, responds())
    assert [e.acknowledged for e in story.state.open_escalations] == [True]


def asked_often(times: int) -> Story:
    """Each question is answered late; the front line has taken up the call of each, and says much of it."""
    targets = {p: {"first_response": "10m", "next_response": "10m", "resolution": "90d"} for p in PRIORITIES}
    rules = plain(policies=[{"id": "patient", "calendar": "always", "targets": targets}])
    story = Story(rules, text="发票抬头错误" * 500).fact(1, responds())
    for number in range(1, times + 1):
        story.fact(number * 60, says("怎么还没处理" * 100)).clock_at(number * 60 + 10)
        for said in range(6):
            story.reply(number * 60 + 11 + said / 10, "frontline", "progress", by="李主管", text="已接手" * 100)
        story.fact(number * 60 + 12, responds("已处理" * 100))
    return story


def test_SL_5_what_departments_look_into_after_the_fact_does_not_pile_up() -> None:
    story = asked_often(10)
    before = story.state.open_escalations
    assert len(before) == 10
    story.told()
    story.fact(2000, says()).clock_at(2010)
    assert [(e.escalation_id, e.why) for e in story.events if isinstance(e, EscalationWithdrawn)] == [
        (before[0].id, "done_late")
    ]
    assert story.state.open_escalations[:-1] == before[1:]
    assert [len(one.replies) for one in story.state.escalations] == [1, *[3] * 9, 0]


def test_what_a_given_up_promise_set_going_ends_as_overtaken_when_there_is_too_much() -> None:
    story = Story().fact(1, responds())
    for number in range(11):
        story.fact(2 + number, waits_for("仓库", at(2.2 + number))).clock_at(2.5 + number)
        story.fact(2.6 + number, delays(at(500)))
    assert len(story.state.open_escalations) == 10
    ended = [e.why for e in story.told(EscalationWithdrawn)]
    assert ended == ["overtaken"]


def test_a_call_whose_promise_is_still_to_be_kept_is_never_ended_to_make_room() -> None:
    story = Story().fact(1, responds())
    for number in range(15):
        story.fact(2, waits_for(f"仓库{number}", at(20 + number)))
    story.clock_at(60)
    assert len(story.state.open_escalations) == 15


def test_the_document_stays_small_however_often_an_answer_is_late() -> None:
    story = asked_often(50)
    assert len(encode(story.state.model_dump())) < 64 * 1024


def test_SL_4_the_levels_have_their_time_in_the_calendar_of_what_was_missed() -> None:
    """By the shipped rules, opened on Tuesday at 20:00 in Shanghai: an hour from nine on; the front line has an hour
    more, until eleven, and the department two, of which the midday break is none."""
    story = Story(SHIPPED).until(60 * 15)
    assert [(call.at, call.due_at) for call in story.escalation.calls] == [
        (at(60 * 14), at(60 * 15)),
        (at(60 * 15), at(60 * 18.5)),
    ]


def test_SL_4_silence_at_night_is_to_be_answered_at_night() -> None:
    story = Story(SHIPPED).fact(0, responds()).until(INACTIVITY)
    silence = next(e for e in story.state.open_escalations if e.target == "inactivity")
    assert silence.due_at == at(INACTIVITY + 60)  # Thursday 21:00


def test_an_answer_after_the_due_time_tells_the_miss_too_if_the_timer_was_behind() -> None:
    story = Story()
    story.told()
    story.fact(15, responds())
    assert story.lines() == [
        "missed first_response",
        "raised frontline 1",
        "met first_response",
        "withdrawn frontline 1",
    ]
    assert story.state.open_escalations == ()


def test_a_solution_withdraws_what_was_called_for() -> None:
    story = Story().fact(1, responds()).clock_at(100, 115)
    story.told()
    story.fact(120, resolves())
    met, *withdrawn = [e for e in story.told() if isinstance(e, (TargetMet, EscalationWithdrawn))]
    assert (met.target, met.late_s) == ("resolution", 1200)
    assert [(e.topic, e.why) for e in withdrawn] == [
        ("escalations.frontline.v1", "done_late"),
        ("escalations.payment.v1", "done_late"),
    ]


def test_SL_8_a_clock_that_stood_before_it_ran_out_was_not_missed() -> None:
    """Intake had said so in time; we read it after the timer."""
    story = Story().fact(1, responds()).clock_at(100)
    story.told()
    story.fact(90, waits_for_customer(), read=101)
    events = story.told()
    assert [line_of(e) for e in events] == [
        "met resolution corrected", "withdrawn frontline 1", "paused resolution", "paused inactivity",
    ]  # fmt: skip
    paused = next(e for e in events if isinstance(e, ClockPaused))
    assert (paused.target, paused.nth) == ("resolution", 2)
    story.fact(200, resumes())
    assert story.clock("resolution").due_at == at(210)


def test_SL_8_waiting_that_began_after_it_ran_out_does_not_undo_the_miss() -> None:
    story = Story().fact(1, responds())
    story.told()
    story.fact(105, waits_for_customer())
    assert only(story.clock_at(106).lines(), "missed", "paused resolution") == ["missed resolution"]


@pytest.mark.parametrize("minute", [9.9, 10])
def test_whatever_is_in_time_to_the_moment_is_in_time(minute: float) -> None:
    story = Story()
    story.told()
    assert story.fact(minute, responds()).lines() == ["met first_response"]


def test_SL_13_a_promise_that_had_run_out_when_it_was_made_is_missed_at_once() -> None:
    story = Story().fact(5, responds(promise="回电", until=at(3)))
    story.told()
    assert only(story.clock_at(6).lines(), "missed") == ["missed promise"]


def test_changed_reminders_are_those_that_count_from_then_on() -> None:
    story = Story().fact(1, responds())
    story.told()
    story.rules = plain(reminders=[0.8])
    assert story.clock_at(50).lines() == []
    assert due(story.state) == at(80)


def test_SL_1_working_time_only_counts_the_hours_of_the_calendar() -> None:
    story = Story(SHIPPED)  # Tuesday 20:00 in Shanghai
    (reminder, *_) = story.until(60 * 24).told(TargetReminder)
    assert (reminder.target, reminder.at) == ("first_response", at(60 * 13.5))  # half of an hour after nine


def test_SL_4_a_call_speaks_the_language_of_our_staff_whichever_the_customer_speaks() -> None:
    (called,) = Story(SHIPPED, language="es").until(60 * 14).told(EscalationRaised)
    assert (called.language, called.why) == ("es", "首次响应已超时")
    assert called.ask.startswith("请确认")


def test_a_drill_is_marked_as_one() -> None:
    story = Story(drill=True).clock_at(10)
    assert [e.drill for e in story.told(EscalationRaised)] == [True]


def test_the_timeline_says_in_one_line_what_was_missed() -> None:
    note = fire(Story().state, at(150), rules=RULES).note
    assert note is not None
    assert (note.kind, note.text) == ("missed", "first_response, resolution")


def test_the_same_story_gives_the_same_escalation() -> None:
    ids = {Story().clock_at(10).escalation.id for _ in range(2)}
    assert len(ids) == 1


def test_SL_8_a_third_party_is_reminded_of_as_one() -> None:
    story = Story().fact(1, responds()).fact(2, waits_for("顺丰", at(62)))
    story.told()
    promised = [e for e in story.until(40).told(TargetReminder) if e.target == "promise"]
    assert [(e.share, e.party) for e in promised] == [(0.5, "顺丰")]


def test_SL_3_a_note_in_time_that_is_read_late_takes_the_inactivity_back() -> None:
    story = Story().fact(0, responds()).until(INACTIVITY)
    before = len(story.state.open_escalations)
    story.told()
    story.fact(INACTIVITY - 1, notes(), read=INACTIVITY + 1)
    assert "met inactivity corrected" in story.lines()
    assert len(story.state.open_escalations) == before - 1
