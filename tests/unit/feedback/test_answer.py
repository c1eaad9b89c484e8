"""FB-1, FB-2: an answer counts once, may be corrected for a while, and opens at most one improvement."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.feedback.domain.answer import Answers, answer, csat_of, rounded
from shared.decisions import Refused
from shared.events.feedback import ImprovementOpened, Scores, SurveyAnswered
from tests.unit.feedback.build import BAD, DAY, GOOD, HOUR, NOW, RULES, answered, asked, tick


def kinds(decision) -> list[type]:
    return [type(event) for event in decision.events]


def test_FB_1_a_good_answer_is_counted_and_opens_nothing():
    decision = answered(GOOD)
    (event,) = decision.events
    assert isinstance(event, SurveyAnswered)
    assert (event.csat, event.bad, event.revision, event.agent_id, event.team) == (4.5, False, 1, "Z01", "支付组")
    assert decision.state.improvements == ()


def test_FB_2_a_bad_answer_opens_one_improvement_with_all_that_is_needed():
    event = answered(BAD).events[1]
    assert isinstance(event, ImprovementOpened)
    assert (event.person, event.supervisor, event.department) == ("Z01", "S01", "frontline")
    assert event.due_at == NOW + DAY + 5 * DAY
    assert event.why == ("attitude", "speed", "solved")
    assert len(event.criteria) == 3
    assert "复盘" in event.criteria[0]
    assert event.words == BAD.words


def test_FB_2_an_improvement_is_written_in_the_language_of_the_staff():
    abroad = asked(language="en")
    assert answered(BAD, abroad).events[1].criteria == answered(BAD).events[1].criteria
    rules = RULES.model_copy(update={"improvements": RULES.improvements.model_copy(update={"language": "en"})})
    opened = answer(asked(), NOW + DAY, nth=1, given=BAD, rules=rules).events[1]
    assert "coached" in opened.criteria[0]


def test_FB_7_how_easy_it_was_is_kept_and_is_no_star():
    event = answered(Answers(attitude=5, speed=4, effort=1, solved=True)).events[0]
    assert (event.scores.effort, event.csat, event.bad) == (1, 4.5, False)


def test_FB_2_one_bad_part_is_enough():
    base = {"attitude": 5, "speed": 5, "clarity": 5, "solved": True}
    for part in ({"attitude": 2}, {"speed": 1}, {"clarity": 2}, {"solved": False}):
        assert kinds(answered(Answers(**base | part))) == [SurveyAnswered, ImprovementOpened], part
    assert kinds(answered(Answers(**base | {"speed": 3}))) == [SurveyAnswered]


def test_FB_1_the_same_answers_again_change_nothing_even_late():
    case = answered(BAD).state
    assert answered(BAD, case, NOW + 30 * DAY).state is case


def test_FB_1_other_answers_correct_it_for_two_days():
    case = answered(GOOD).state
    corrected = answered(BAD, case, NOW + 3 * DAY - HOUR)
    assert kinds(corrected) == [SurveyAnswered, ImprovementOpened]
    assert corrected.events[0].revision == 2
    with pytest.raises(Refused) as refused:
        answered(BAD, case, NOW + 3 * DAY)
    assert (refused.value.code, refused.value.status) == ("answered_already", 410)


def test_FB_2_a_correction_opens_no_second_improvement():
    case = answered(GOOD, answered(BAD).state).state
    again = answered(BAD, case)
    assert kinds(again) == [SurveyAnswered]
    assert len(again.state.improvements) == 1


@pytest.mark.parametrize("fired", [True, False])
def test_FB_1_it_can_not_be_answered_after_its_time(fired: bool):
    case = asked()
    over = case.surveys[0].expires_at
    with pytest.raises(Refused) as refused:
        answered(GOOD, tick(case, over).state if fired else case, over)
    assert (refused.value.code, refused.value.status) == ("survey_over", 410)


def test_FB_1_a_survey_that_is_not_kept_is_over():
    for state, nth in ((None, 1), (asked(), 2)):
        with pytest.raises(Refused, match="no longer kept"):
            answer(state, NOW, nth=nth, given=GOOD, rules=RULES)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"attitude": True}, "attitude"),
        ({"attitude": "5"}, "attitude"),
        ({"clarity": 0}, "clarity"),
        ({"solved": 1}, "solved"),
        ({"recommend": 11}, "recommend"),
        ({"words": "长" * 2001}, "words"),
        ({"effort": 6}, "effort"),
        ({"price": 1}, "price"),
    ],
)
def test_FB_1_what_no_page_offers_is_no_answer(told: dict, field: str):
    with pytest.raises(ValidationError) as caught:
        Answers.model_validate({"attitude": 5, "speed": 5, "solved": True} | told)
    assert [fault["loc"] for fault in caught.value.errors()] == [(field,)]


def test_FB_1_margins_and_line_ends_of_a_form_are_not_words():
    said = Answers(attitude=5, speed=5, solved=True, words="  a\r\nb " + " " * 3000)
    assert said.words == "a\nb"


def test_csat_is_the_mean_of_the_stars_that_were_given_and_halves_round_up():
    assert csat_of(Scores(attitude=5, speed=4, effort=1, recommend=0)) == 4.5
    assert csat_of(Scores(solved=True)) is None
    assert [rounded(x) for x in (1.0, 2.49, 2.5, 4.5)] == [1, 2, 3, 5]


STARS = st.integers(1, 5)
ANSWERS = st.builds(
    Answers,
    attitude=STARS,
    speed=STARS,
    clarity=st.none() | STARS,
    solved=st.booleans(),
    words=st.sampled_from(["", "x"]),
)


@settings(max_examples=60)
@given(st.lists(ANSWERS, min_size=1, max_size=6))
def test_FB_2_whatever_a_customer_answers_in_turn_there_is_one_improvement_if_one_was_bad(told: list[Answers]):
    case, events = asked(), []
    for said in told:
        decision = answered(said, case)
        case, events = decision.state, [*events, *decision.events]
    revisions = [event.revision for event in events if isinstance(event, SurveyAnswered)]
    opened = [event for event in events if isinstance(event, ImprovementOpened)]
    assert revisions == list(range(1, len(revisions) + 1))
    assert len(opened) == any(event.bad for event in events if isinstance(event, SurveyAnswered))
    assert case.surveys[0].scores == told[-1].scores
