"""FB-1: each closing is asked about once, within a day, and not for ever."""

from services.feedback.domain.ask import due
from services.feedback.domain.outcome import MOST_SURVEYS
from shared.events.feedback import SurveyExpired, SurveyRequested
from shared.ids import named
from tests.unit.feedback.build import (
    CASE,
    CLOSED,
    DAY,
    GOOD,
    HOUR,
    NOW,
    REOPENED,
    after,
    answered,
    asked,
    closed,
    link,
    tick,
)


def test_FB_1_the_customer_is_asked_an_hour_after_closing():
    case = closed()
    assert due(case) == NOW + HOUR
    assert tick(case, NOW + HOUR / 2).state is case
    decision = tick(case, NOW + HOUR)
    (event,) = decision.events
    assert isinstance(event, SurveyRequested)
    assert (event.survey_id, event.url) == (named("survey", CASE, 1), link(CASE, 1))
    assert event.expires_at == NOW + HOUR + 14 * DAY
    assert decision.state.surveys[0].agent.agent_id == "Z01"


def test_FB_1_what_was_closed_long_ago_is_not_asked_about_any_more():
    case = closed()
    assert tick(case, NOW + 3 * DAY).events != ()
    decision = tick(case, NOW + 3 * DAY + HOUR)
    assert (decision.events, decision.note, decision.state.surveys, due(decision.state)) == ((), None, (), None)


def test_FB_1_a_survey_still_expires_when_the_next_closing_is_too_old_to_ask_about():
    case = after(REOPENED, CLOSED, state=asked(), at=NOW + DAY)
    decision = tick(case, NOW + 30 * DAY)
    assert [type(event) for event in decision.events] == [SurveyExpired]
    assert due(decision.state) is None


def test_FB_1_a_reopening_before_that_cancels_it():
    case = after(REOPENED, state=closed())
    assert due(case) is None
    assert tick(case, NOW + DAY).state is case


def test_FB_1_each_closing_is_asked_about_under_its_own_id_up_to_a_few():
    case = asked()
    for nth in range(2, MOST_SURVEYS + 3):
        case = tick(after(REOPENED, CLOSED, state=case), NOW + nth * HOUR).state
    assert [survey.id for survey in case.surveys] == [named("survey", CASE, n + 1) for n in range(MOST_SURVEYS)]


def test_FB_1_a_drill_is_never_asked_about():
    assert due(closed(drill=True)) is None


def test_FB_1_an_unanswered_survey_expires_once():
    case = asked()
    decision = tick(case, case.surveys[0].expires_at)
    assert [type(event) for event in decision.events] == [SurveyExpired]
    assert due(decision.state) is None
    assert tick(decision.state, NOW + 99 * DAY).state is decision.state


def test_FB_1_an_answered_survey_does_not_expire():
    case = answered(GOOD).state
    assert due(case) is None
    assert tick(case, NOW + 99 * DAY).events == ()


def test_FB_1_what_falls_due_together_is_done_together():
    case = after(REOPENED, CLOSED, state=asked(), at=NOW + 14 * DAY)
    assert [type(e) for e in tick(case, NOW + 15 * DAY).events] == [SurveyExpired, SurveyRequested]
