"""What follows when a case is over: the survey, and the improvement that a bad answer leads to."""

from datetime import timedelta
from typing import Any

from services.notify.domain import deliver, tell_feedback
from services.notify.domain.casefile import Casefile
from shared.events.feedback import ImprovementChanged, ImprovementOpened, SurveyExpired, SurveyRequested
from tests.unit.notify.build import CASE, NOW, NUMBER, RULES, delivered, staffed, waiting, words

URL = "https://service.example/s/3fA9-x_y"
IDS = {"case_id": CASE, "number": NUMBER}


def asked(state: Casefile):
    event = SurveyRequested(**IDS, survey_id="survey-1", url=URL, expires_at=NOW + timedelta(days=7))
    return tell_feedback.survey(state, NOW, event=event, cause="event-5", rules=RULES)


def expired(state: Casefile, survey: str = "survey-1"):
    return tell_feedback.expired(state, NOW, event=SurveyExpired(**IDS, survey_id=survey))


def improve(state: Casefile, **changes: Any):
    body = {
        **IDS, "improvement_id": "i1", "survey_id": "survey-1", "person": "Z01", "supervisor": "S02",
        "department": "payment", "due_at": NOW, "criteria": ("一周内无同类投诉",),
        "why": ("attitude", "speed", "taste"),
    }  # fmt: skip
    event = ImprovementOpened(**body | changes)
    return tell_feedback.improvement(state, NOW, event=event, cause="event-6", rules=RULES)


def change(state: Casefile, cause: str = "event-7", **changes: Any):
    body = {
        **IDS, "improvement_id": "i1", "person": "Z02", "supervisor": "S02", "department": "payment", "due_at": NOW,
        "by": "陈主管", "note": "Z01 休假",
    }  # fmt: skip
    event = ImprovementChanged(**body | changes)
    return tell_feedback.changed(state, NOW, event=event, cause=cause, rules=RULES)


def test_NT_1_the_customer_gets_the_link_of_the_survey_whole_and_until_when_it_works():
    state = asked(staffed()).state
    assert waiting(state) == [("survey", "+8613800138000")]
    assert URL in words(state, "survey")
    assert "11月29日 16:00" in words(state, "survey")


def test_NT_6_a_survey_is_asked_for_once():
    once = delivered(asked(staffed()).state)
    assert asked(once).state is once


def test_a_link_that_nobody_can_answer_any_more_is_not_sent():
    decision = expired(asked(staffed()).state)
    assert decision.state.messages == ()
    assert [event.why for event in decision.events] == ["superseded"]


def test_what_became_of_a_survey_says_which_one_and_of_other_messages_nothing():
    assert [event.about for event in expired(asked(staffed()).state).events] == ["survey-1"]
    assert [event.about for event in change(change(staffed()).state, "event-8").events] == ["", ""]


def test_a_link_of_another_survey_or_on_its_way_is_left_alone():
    state = asked(staffed()).state
    assert expired(state, "survey-2").state is state
    taken = deliver.take(state, NOW, by="me", rules=RULES).state
    assert expired(taken).state is taken


def test_NT_4_an_improvement_is_told_to_the_supervisor_and_the_person_responsible():
    state = improve(staffed()).state
    assert waiting(state) == [("improvement", "S02"), ("improvement", "Z01")]
    for told in (NUMBER, "支付部", "责任人：Z01", "11月22日 16:00", "服务态度、处理速度、taste", "一周内无同类投诉"):
        assert told in words(state, "improvement")


def test_NT_4_an_improvement_without_a_supervisor_goes_to_the_one_of_the_case_or_of_the_pool():
    assert waiting(improve(staffed(), supervisor=None, person=None).state) == [("improvement", "S01")]
    nobody = staffed().model_copy(update={"supervisor": ""})
    assert waiting(improve(nobody, supervisor=None, person=None).state) == [("improvement", "pool:payments.zh")]


def test_NT_4_an_improvement_in_new_hands_is_told_to_them_and_to_the_supervisor():
    state = change(staffed()).state
    assert waiting(state) == [("improvement_changed", "S02"), ("improvement_changed", "Z02")]
    for told in (NUMBER, "支付部", "责任人：Z02", "11月22日 16:00", "陈主管", "Z01 休假"):
        assert told in words(state, "improvement_changed")
    assert waiting(change(staffed(), person=None, supervisor=None).state) == [("improvement_changed", "S01")]


def test_NT_4_each_change_is_told_and_one_that_still_waits_gives_way_to_the_next():
    once = change(staffed()).state
    decision = change(once, "event-8", person="Z03")
    assert waiting(decision.state) == [("improvement_changed", "S02"), ("improvement_changed", "Z03")]
    assert [event.why for event in decision.events] == ["superseded"] * 2
    assert change(delivered(once)).events == ()
