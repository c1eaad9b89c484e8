"""A demo on the stores of another judges what it asked itself, not what the other left (`demo/totals.py`)."""

from demo.totals import problems
from tests.unit.demo.seen import event
from tests.unit.demo.test_totals import ALL_WELL, outside

GONE = "http://127.0.0.1:8104/s/abc: 410"


def test_a_survey_of_a_run_before_that_is_over_by_now_is_no_fault() -> None:
    seen = outside(*ALL_WELL)
    seen.turned_away["case of yesterday"] = GONE
    assert problems(seen) == []


def test_a_survey_asked_in_this_run_has_to_be_taken() -> None:
    asked = event("feedback.v1", "survey.requested", "c1", 1, survey_id="s1")
    seen = outside(*ALL_WELL, asked)
    seen.turned_away["c1"] = GONE
    assert f"1 customers could not answer their survey; for instance {GONE}" in problems(seen)
