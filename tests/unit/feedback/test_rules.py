"""What an operator may change is checked before it counts."""

import pytest
from pydantic import ValidationError

from services.feedback.domain.rules import Rules
from tests.unit.feedback.build import DAY, HOUR, RULES, documents


def broken(file: str, **changes) -> str:
    """The message an operator gets for such a change of a shipped file."""
    read = documents()
    read[file] |= changes
    with pytest.raises(ValidationError) as caught:
        Rules.parse(read)
    return str(caught.value)


def test_FB_1_the_shipped_rules_ask_after_an_hour_and_wait_two_weeks():
    surveys = RULES.surveys
    assert (surveys.ask_after, surveys.expires_after, surveys.correct_within) == (HOUR, 14 * DAY, 2 * DAY)


def test_FB_1_nobody_is_asked_later_than_a_day_after_closing():
    assert "within 24h of closing" in broken("surveys", ask_after="25h")


@pytest.mark.parametrize("text", ["0s", "1.5h", "-1d", "1 h", "h", "90", 90, "1w", "", "１h", "1h30m", None])
def test_a_duration_is_a_whole_number_and_its_unit(text):
    assert "a duration such as" in broken("surveys", expires_after=text)


def test_a_correction_ends_before_the_survey():
    assert "correct_within is longer" in broken("surveys", expires_after="1d")


def test_FB_1_rules_by_which_nobody_would_be_asked_are_refused():
    assert "ask_within is shorter" in broken("surveys", ask_within="30m")


def test_an_operators_older_files_are_still_read():
    read = documents()
    del read["surveys"]["ask_within"], read["surveys"]["questions"]["effort"]
    del read["improvements"]["language"], read["kpis"]["same_contact_within"]
    assert Rules.parse(read).model_dump() == RULES.model_dump()


def test_a_question_in_one_language_only_is_refused():
    questions = documents()["surveys"]["questions"] | {"speed": {"zh": "快吗"}}
    assert "questions.speed.en" in broken("surveys", questions=questions)


def test_FB_2_an_unknown_department_is_refused():
    assert "improvements.otherwise" in broken("improvements", otherwise="kitchen")


def test_FB_2_a_part_without_criteria_is_refused():
    criteria = documents()["improvements"]["criteria"]
    del criteria["speed"]
    assert "no criteria for speed" in broken("improvements", criteria=criteria)


def test_a_zone_that_is_none_is_refused():
    assert "is no time zone" in broken("kpis", zone="Asia/Gotham")
    assert "is no time zone" in broken("kpis", zone="../etc/passwd")


def test_a_misspelt_field_is_refused():
    assert "kpis.fewer" in broken("kpis", fewer=3)
