"""IN-10: recording and transcript of a call come in any order and form, and none takes away what another said."""

from itertools import permutations
from typing import Any

import pytest

from services.intake.domain.case import Case
from shared.decisions import Decision
from tests.unit.intake.given import arrive, contact, refusal
from tests.unit.intake.test_phone import told

WORDS = {"transcript": "我被重复扣款了，请尽快退款"}
RECORDED = {"recording": "https://rec.example/1.mp3"}
TRANSCRIBED = told(state="transcribed", **WORDS)
LATE = told(state="recorded", **RECORDED)


def played(*forms: Any) -> tuple[Case, list[Decision[Case]]]:
    case, decisions = None, []
    for form in forms:
        decisions.append(arrive(case, form))
        case = decisions[-1].state
    assert case is not None
    return case, decisions


def recordings(decisions: list[Decision[Case]]) -> list[str]:
    voices = (decision.note.data["voice"] for decision in decisions if decision.note)
    return [voice["recording"]["url"] for voice in voices if "recording" in voice]


@pytest.mark.parametrize("forms", list(permutations([told(), told(state="ended"), TRANSCRIBED, LATE])))
def test_IN_10_in_whatever_order_a_calls_forms_come_its_words_and_its_recording_are_kept(forms: Any) -> None:
    case, decisions = played(*forms)
    assert case.text == WORDS["transcript"]
    assert case.category[:2] == ("支付问题", "退款异常")
    assert recordings(decisions) == [RECORDED["recording"]]


def test_IN_10_the_recording_of_a_call_that_joined_a_case_leaves_its_words_the_latest() -> None:
    case = arrive(None, contact("开不了机")).state
    case = arrive(arrive(case, TRANSCRIBED).state, LATE).state
    assert case.latest == WORDS["transcript"]


def test_IN_12_a_form_without_words_leaves_the_mood_that_was_read_from_them() -> None:
    angry = told(state="transcribed", transcript="退款拖了一个月，态度恶劣，再也不买了")
    case, _ = played(angry, LATE)
    assert case.sentiment is not None
    assert case.sentiment.label == "strong_negative"


def test_IN_10_what_the_caller_chose_stays_until_something_better_is_said() -> None:
    case, _ = played(told(subject="退款"), told(state="missed"))
    assert case.subject == "退款"
    assert played(told(), told(state="missed"))[0].subject == "未接来电"


def test_IN_10_a_form_that_knows_more_is_the_higher_revision() -> None:
    forms = [told(state=state, **more) for state in ("ended", "recorded", "transcribed")
             for more in ({}, RECORDED, WORDS, {**RECORDED, **WORDS})]  # fmt: skip
    assert len({form.revision for form in forms}) == len(forms)
    both = told(state="recorded", **RECORDED, **WORDS)
    assert both.revision > max(TRANSCRIBED.revision, LATE.revision)


def test_IN_10_the_same_parts_again_change_nothing() -> None:
    case, _ = played(TRANSCRIBED, LATE)
    for form in (TRANSCRIBED, LATE, told()):
        assert arrive(case, form).state is case


def test_a_call_put_through_without_its_times_is_told_to_count_its_forms() -> None:
    case, _ = played(told(), told(state="answered", agent="Z01"))
    again = told(state="answered", agent="Z02")
    assert (refused := refusal(lambda: arrive(case, again))).code == "identity_reused"
    assert (refused.field, refused.status) == ("revision", 422)
    counted, _ = played(told(revision=1), told(state="answered", agent="Z01", revision=2))
    assert arrive(counted, told(state="answered", agent="Z02", revision=3)).state.contacts[0].revision == 3
