"""FB-1: the page in both languages; a form is read as strictly as JSON."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from pydantic import ValidationError

from services.feedback import pages
from services.feedback.surveys import answers_of, faults_of, from_form
from tests.unit.feedback.build import RULES

QUESTIONS = RULES.surveys.questions


def html(answer) -> str:
    return bytes(answer.body).decode()


@pytest.mark.parametrize(
    ("wanted", "spoken", "language"),
    [(None, "zh", "zh"), (None, "zh-TW", "zh"), (None, "fr", "en"), ("en", "zh", "en"), ("zh-CN", "en", "zh")],
)
def test_FB_1_the_page_speaks_the_language_of_the_case_unless_another_is_chosen(wanted, spoken, language):
    assert pages.language_of(wanted, spoken) == language


def test_FB_1_every_field_has_its_label_and_every_choice_its_group():
    page = html(pages.survey("en", QUESTIONS, "7KQ4-M2XD"))
    assert page.count("<fieldset") == page.count("<legend>") == 6
    assert '<label class="legend" for="words">' in page
    assert page.count('name="attitude"') == 5
    assert page.count('name="recommend"') == 11
    assert page.count('name="effort"') == 5
    assert 'aria-label="1 very hard"' in page
    assert 'lang="en"' in page
    assert "width=device-width" in page
    assert "7KQ4-M2XD" in page


def test_FB_1_the_only_style_that_the_headers_allow_is_the_one_in_the_page():
    answer = pages.survey("zh", QUESTIONS, "7KQ4-M2XD")
    (style,) = re.findall(r"<style>(.*?)</style>", html(answer), re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script|<img|<link|style=|https?://", html(answer))


def test_FB_1_what_was_entered_is_shown_as_text():
    entered = {"attitude": "2", "words": '</textarea><b>"'}
    page = html(pages.survey("zh", QUESTIONS, "n", entered=entered, wrong={"solved": "missing", '"><b>': "range"}))
    assert "<b>&#34;" not in page
    assert "&lt;/textarea&gt;" in page
    assert 'value="2" aria-label="2 较差" required checked' in page
    assert 'aria-describedby="solved-fault"' in page


def test_FB_1_a_form_means_what_its_fields_say():
    told = {"attitude": "5", "speed": "4", "clarity": "", "solved": "no", "recommend": "10", "words": " 好 "}
    assert answers_of(from_form(told | {"effort": "2"})).effort == 2
    answers = answers_of(from_form(told))
    assert (answers.attitude, answers.clarity, answers.solved, answers.recommend) == (5, None, False, 10)
    assert answers.words == "好"


@pytest.mark.parametrize(
    ("told", "faults"),
    [
        ({}, {"solved": "missing", "attitude": "missing", "speed": "missing"}),
        (
            {"attitude": "6", "speed": "x", "solved": "maybe"},
            {"solved": "range", "attitude": "range", "speed": "range"},
        ),
        ({"attitude": "٣", "speed": "1", "solved": "yes"}, {"attitude": "range"}),
        ({"attitude": "1", "speed": "1", "solved": "yes", "words": "x" * 2001}, {"words": "long"}),
    ],
)
def test_FB_1_every_field_at_fault_is_named(told: dict[str, str], faults: dict[str, str]):
    with pytest.raises(ValidationError) as caught:
        answers_of(from_form(told))
    assert faults_of(caught.value) == faults


STRANGE = {"copy": "1", "json": "1", "model_config": "1", "utm_source": "sms"}


def test_FB_1_fields_that_are_not_ours_are_passed_over():
    told = {"attitude": "5", "speed": "4", "solved": "yes"}
    assert answers_of(from_form(told | STRANGE)) == answers_of(from_form(told))


def test_FB_1_a_page_names_only_fields_that_it_has():
    page = html(pages.survey("en", QUESTIONS, "n", entered=STRANGE, wrong=dict.fromkeys(STRANGE, "range")))
    assert not any(name in page for name in STRANGE)
