"""Which clocks a case starts, stops and ends, by what intake decides."""

from typing import Any

import pytest

from services.sla.domain.fire import due
from services.sla.domain.follow import follow
from shared.decisions import Decision
from shared.events.cases import CaseAbsorbed, CaseCustomer, CaseMerged, Promise
from shared.events.sla import ClockStarted, TargetMet, TargetMissed
from tests.unit.sla.build import (
    IDS,
    NOON,
    RULES,
    SHIPPED,
    Story,
    at,
    closes,
    delays,
    notes,
    only,
    opened_event,
    plain,
    reclassifies,
    reopens,
    reprioritises,
    resolves,
    responds,
    resumes,
    says,
    waits_for,
    waits_for_customer,
)

MINUTE, HOUR = 60.0, 3600.0
INACTIVITY = 48 * 60


def test_SL_1_opening_promises_a_first_answer_a_solution_and_progress() -> None:
    decision = follow(None, NOON, event=opened_event(), at=NOON, rules=RULES)
    started = [(e.target, e.due_at) for e in decision.events if isinstance(e, ClockStarted)]
    assert started == [("first_response", at(10)), ("resolution", at(100)), ("inactivity", at(INACTIVITY))]
    assert due(decision.state) == at(5)


def test_SL_1_the_clocks_count_from_when_it_was_opened_not_from_when_we_read_it() -> None:
    late = follow(None, at(30), event=opened_event(), at=NOON, rules=RULES).state
    assert late == follow(None, NOON, event=opened_event(), at=NOON, rules=RULES).state


def test_SL_1_the_policy_and_its_version_are_told() -> None:
    story = Story(SHIPPED, customer=CaseCustomer(id="customer-1", tier="platinum"))
    assert story.clock("resolution").policy.model_dump() == {"id": "contract", "version": SHIPPED.policies.version}
    assert story.clock("resolution").limit_s == 16 * HOUR


def test_SL_1_a_first_answer_in_time_is_met_and_a_further_question_waits_for_the_next() -> None:
    story = Story()
    story.told()
    story.fact(4, responds()).fact(6, says()).fact(7, says()).fact(9, responds())
    assert story.lines() == ["met first_response", "started next_response", "met next_response"]


def test_SL_1_a_question_before_the_first_answer_waits_for_that_one() -> None:
    story = Story()
    story.told()
    assert story.fact(4, says()).lines() == []


def test_an_amendment_of_what_was_said_asks_for_no_answer() -> None:
    story = Story().fact(4, responds())
    story.told()
    assert story.fact(5, says(revision=2)).lines() == []
    assert story.fact(5, says(revision=2, joined_by="caller")).lines() != [], "a call that is told of once it is over"


@pytest.mark.parametrize("end", [resolves, closes])
def test_SL_1_a_solution_keeps_all_that_was_promised(end) -> None:
    story = Story().fact(2, responds(promise="回电", until=at(60))).fact(5, says())
    story.told()
    story.fact(9, end())
    assert sorted(story.lines()) == ["met next_response", "met promise", "met resolution"]
    assert due(story.state) is None


def test_a_solution_without_an_answer_is_the_first_answer_too() -> None:
    story = Story()
    story.told()
    assert story.fact(9, resolves()).lines() == ["met first_response", "met resolution"]


def test_closing_what_is_resolved_tells_nothing() -> None:
    story = Story().fact(9, resolves())
    story.told()
    assert story.fact(99, closes()).lines() == []


def test_SL_1_a_reopened_case_is_to_be_solved_a_second_time() -> None:
    story = Story().fact(9, resolves())
    story.told()
    started = story.fact(20, reopens(by="Z01")).told(ClockStarted)
    assert [(e.target, e.nth, e.due_at) for e in started] == [
        ("resolution", 2, at(120)),
        ("inactivity", 2, at(20 + INACTIVITY)),
    ]


def test_SL_1_a_customer_who_reopens_a_case_waits_for_an_answer_too() -> None:
    story = Story().fact(2, responds()).fact(9, resolves())
    story.told()
    started = story.fact(20, reopens(), says()).told(ClockStarted)
    assert [(e.target, e.due_at) for e in started if e.target != "inactivity"] == [
        ("next_response", at(30)),
        ("resolution", at(120)),
    ]


def test_SL_8_the_clock_stands_while_the_customer_has_the_ball() -> None:
    story = Story().fact(5, responds())
    story.told()
    story.fact(20, waits_for_customer())
    assert story.lines() == ["paused resolution", "paused inactivity"]
    assert story.until(10_000).lines() == []
    story.fact(5000, says(), resumes())
    assert story.lines() == ["started next_response", "resumed resolution", "resumed inactivity"]
    assert story.clock("resolution").due_at == at(5000 + 80)


def test_SL_8_a_third_party_stops_nothing_and_is_held_to_its_own_promise() -> None:
    story = Story().fact(5, responds())
    story.told()
    story.fact(20, waits_for("支付平台", at(80)))
    assert story.lines() == ["started promise"]
    missed = story.until(80).told(TargetMissed)
    assert [(e.target, e.party, e.at) for e in missed] == [("promise", "支付平台", at(80))]
    assert story.clock("resolution").due_at == at(100)


def test_SL_8_a_third_party_that_does_its_part_keeps_its_promise() -> None:
    story = Story().fact(5, responds()).fact(20, waits_for("支付平台", at(80)))
    story.told()
    assert story.fact(60, resumes("third_party", by="Z01")).lines() == ["met promise"]


def test_SL_8_waiting_for_a_third_party_after_the_customer_lets_the_clocks_run_again() -> None:
    story = Story().fact(5, responds()).fact(20, waits_for_customer())
    story.told()
    assert story.fact(30, waits_for("物流")).lines() == ["resumed resolution", "resumed inactivity"]


def test_SL_13_each_promise_is_watched_until_when_it_was_given() -> None:
    story = Story().fact(2, responds(promise="周二前回电", until=at(40)))
    story.fact(3, waits_for("支付平台", at(60)))
    missed = story.until(70).told(TargetMissed)
    assert [(e.promise, e.party, e.due_at) for e in missed if e.target == "promise"] == [
        ("周二前回电", None, at(40)),
        (None, "支付平台", at(60)),
    ]


def test_SL_13_coming_back_to_the_customer_keeps_what_was_promised_and_it_is_not_told_missed() -> None:
    story = Story().fact(2, responds(promise="下午回电", until=at(40))).fact(3, waits_for("支付平台", at(60)))
    story.told()
    story.fact(30, responds())
    assert story.lines() == ["met promise"]
    missed = story.until(70).told(TargetMissed)
    assert [e.party for e in missed if e.target == "promise"] == ["支付平台"]


def test_SL_13_an_answer_keeps_the_old_promise_and_not_the_one_it_makes() -> None:
    story = Story().fact(2, responds(promise="下午回电", until=at(40)))
    story.told()
    story.fact(30, responds(promise="周五前退款", until=at(90)))
    assert story.lines() == ["met promise", "started promise"]
    assert [clock.promise for clock in story.state.live_clocks if clock.target == "promise"] == ["周五前退款"]


@pytest.mark.parametrize(("done", "late_s", "corrected"), [(39, 0, True), (45, 5 * MINUTE, False)])
def test_SL_13_coming_back_after_the_miss_was_told_keeps_the_promise_late_or_corrects_it(
    done: float, late_s: float, corrected: bool
) -> None:
    story = Story().fact(2, responds(promise="下午回电", until=at(40))).until(40)
    story.told()
    (met,) = story.fact(done, responds(), read=46).told(TargetMet)
    assert (met.target, met.late_s, met.corrected) == ("promise", late_s, corrected)


def test_SL_2_an_answer_given_while_intake_could_not_hear_of_it_counts_as_of_when_it_was_given() -> None:
    story = Story().until(10)
    story.told()
    story.fact(25, responds(done=at(9)))
    (met,) = [e for e in story.events if isinstance(e, TargetMet)]
    assert (met.target, met.at, met.late_s, met.corrected) == ("first_response", at(9), 0, True)
    assert (story.state.history[-1].what, story.state.open_escalations) == ("escalated", ())


def test_SL_8_the_clock_stood_from_when_the_agent_began_to_wait() -> None:
    story = Story().fact(1, responds()).until(100)
    story.fact(120, waits_for_customer(done=at(90)))
    assert story.clock("resolution").used_s == 90 * MINUTE


def test_an_answer_dated_before_the_question_keeps_it_from_the_first_moment() -> None:
    """The clocks of desktops go behind ours; intake decides what follows what."""
    story = Story().fact(2, responds()).fact(20, says())
    story.told()
    (met,) = story.fact(21, responds(done=at(19))).told(TargetMet)
    assert (met.target, met.at, met.late_s) == ("next_response", at(20), 0)


def test_SL_13_word_of_a_delay_moves_the_promise() -> None:
    story = Story().fact(2, responds(promise="回电", until=at(40)))
    story.told()
    story.fact(30, delays(at(90)))
    assert story.lines() == ["resumed promise"]
    assert story.clock("promise").due_at == at(90)


def test_SL_8_word_of_a_delay_while_a_third_party_is_waited_for_moves_its_promise() -> None:
    story = Story().fact(2, responds(promise="回电", until=at(40))).fact(20, waits_for("顺丰", at(80)))
    story.fact(30, delays(at(90)))
    due = {clock.party: clock.due_at for clock in story.state.live_clocks if clock.target == "promise"}
    assert due == {None: at(40), "顺丰": at(90)}


def test_SL_13_word_of_a_delay_after_the_promise_broke_makes_a_new_one() -> None:
    story = Story().fact(2, responds(promise="回电", until=at(40))).until(40)
    story.told()
    story.fact(50, delays(at(90)))
    assert story.lines() == ["started promise"]
    assert (story.clock("promise").nth, story.clock("promise").promise) == (2, "回电")


def test_of_many_promises_at_a_time_the_one_due_last_makes_room() -> None:
    story = Story()
    for number in range(21):
        story.fact(2, waits_for(f"p{number}", at(1000 + number)))
    live = [clock.party for clock in story.state.live_clocks if clock.target == "promise"]
    assert len(live) == 20
    assert "p19" not in live
    assert "p20" in live


def test_SL_1_another_priority_moves_the_due_time_and_the_time_used_counts_on() -> None:
    story = Story().fact(5, responds())
    story.told()
    story.fact(4, reprioritises("P1"))
    assert story.lines() == ["resumed resolution"]
    assert story.clock("resolution").due_at == at(10)
    assert story.clock("resolution").used_s == 4 * MINUTE


def test_SL_1_more_time_used_than_the_new_priority_allows_is_due_at_once() -> None:
    story = Story().fact(5, responds()).fact(30, reprioritises("P0"))
    story.told()
    assert only(story.clock_at(30).lines(), "missed") == ["missed resolution"]


def test_SL_1_another_category_may_mean_another_policy() -> None:
    narrow = {"id": "money", "when": {"category": ["退换货"]}, "calendar": "always"}
    targets = {
        p: {"first_response": "5m", "next_response": "5m", "resolution": "50m"} for p in ("P0", "P1", "P2", "P3")
    }
    wide = RULES.policies.policies[0]
    rest = {"id": "plain", "calendar": "always", "targets": {p: _written(wide.targets[p]) for p in wide.targets}}
    story = Story(plain(policies=[narrow | {"targets": targets}, rest]))
    story.told()
    story.fact(2, reclassifies("退换货", "退货申请"))
    assert story.lines() == ["resumed first_response", "resumed resolution"]
    assert story.clock("resolution").policy.id == "money"
    assert story.clock("resolution").due_at == at(50)


def _written(limits):
    return {name: f"{getattr(limits, name)}s" for name in ("first_response", "next_response", "resolution")}


@pytest.mark.parametrize(
    "progress",
    [
        responds(),
        notes(),
        waits_for("物流"),
        resumes(by="Z01"),
        reclassifies("支付问题", "退款异常"),
    ],
    ids=lambda event: event.TYPE,
)
def test_SL_3_what_we_do_sets_inactivity_back_without_a_word(progress) -> None:
    story = Story()
    story.told()
    story.fact(600, progress)
    assert story.clock("inactivity").due_at == at(600 + INACTIVITY)
    assert only(story.lines(), "started inactivity", "resumed inactivity") == []


def test_SL_3_taking_a_case_over_is_progress() -> None:
    assert Story().assigned(600).clock("inactivity").due_at == at(600 + INACTIVITY)


@pytest.mark.parametrize(
    "said",
    [says(), resumes(), reclassifies("支付问题", "退款异常", by="rules"), reprioritises("P1")],
    ids=lambda event: event.TYPE,
)
def test_SL_3_a_customer_who_asks_again_does_not_set_it_back(said) -> None:
    assert Story().fact(47 * 60, said).clock("inactivity").due_at == at(INACTIVITY)


def test_SL_3_progress_after_the_miss_is_late_and_starts_the_next() -> None:
    story = Story().fact(1, responds()).until(1 + INACTIVITY)
    story.told()
    story.fact(INACTIVITY + 61, notes())
    met = story.told(TargetMet)
    assert [(e.target, e.nth, e.late_s, e.corrected) for e in met] == [("inactivity", 1, HOUR, False)]
    assert (story.clock("inactivity").nth, story.clock("inactivity").due_at) == (2, at(2 * INACTIVITY + 61))


def test_a_case_that_was_never_opened_here_is_not_watched() -> None:
    assert follow(None, NOON, event=responds(), at=NOON, rules=RULES) == Decision(None)


def test_SL_4_the_document_stays_small_whatever_is_said() -> None:
    story = Story(text="投诉" * 10_000)
    for minute in range(200):
        story.fact(minute / 100, responds("已处理" * 1000, promise="回电" * 1000, until=at(5000 + minute)))
        story.fact(minute / 100, waits_for("物流" * 1000, at(5000 + minute)))
    assert len(story.state.model_dump_json().encode()) < 56 * 1024
    assert len(story.state.history) == 50


MERGED = CaseMerged(**IDS, by="Z01", into="a", into_number="7KQ4-M2XD")


def test_IN_15_of_a_case_merged_in_time_nothing_is_told_and_nothing_runs_any_more() -> None:
    story = Story()
    story.told()
    assert story.fact(9, MERGED).lines() == []
    assert due(story.state) is None


def test_IN_15_what_was_missed_before_the_merger_stays_missed() -> None:
    story = Story().until(11)
    story.told()
    assert "met first_response" in story.fact(12, MERGED).lines()[0]
    assert due(story.state) is None


def absorbs(**more: Any) -> CaseAbsorbed:
    return CaseAbsorbed(**IDS, by="Z01", of="b", of_number="M7JX-HSCM", **more)


def test_IN_15_what_was_promised_in_the_merged_case_is_still_to_be_kept_in_the_one_that_goes_on() -> None:
    story = Story().fact(5, responds("收到"), absorbs(promise=Promise(what="今天回电", until=at(60))))
    made = story.clock("promise")
    assert (made.promise, made.due_at, made.state) == ("今天回电", at(60), "running")
    story.until(61)
    assert "missed promise" in story.lines()


def test_IN_15_whoever_got_no_answer_in_the_merged_case_waits_for_one_in_the_one_that_goes_on() -> None:
    story = Story().fact(5, responds("收到"))
    assert story.fact(6, absorbs()).state.live("next_response") is None
    assert story.fact(7, absorbs(unanswered=True)).state.live("next_response") is not None
