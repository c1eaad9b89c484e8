"""FB-7: how cases are counted, and that what is counted adds up."""

from dataclasses import asdict

import pytest

from services.feedback.domain.figures import Sums, facts, figures, is_first_contact
from tests.unit.feedback.build import DAY, NOW, REOPENED, RESOLVED, after, assigned_event, closed, opened_event
from tests.unit.feedback.test_follow import ANSWERED, added


def test_FB_7_solved_with_one_contact_by_one_agent_is_first_contact_resolution():
    assert is_first_contact(closed())
    assert is_first_contact(after(opened_event(), RESOLVED))
    assert is_first_contact(after(opened_event(), added(), assigned_event(), ANSWERED, added(), RESOLVED))


@pytest.mark.parametrize(
    "case",
    [
        after(opened_event(), assigned_event()),
        after(added(), RESOLVED, state=after(opened_event(), assigned_event(), ANSWERED), at=NOW + DAY),
        after(opened_event(), assigned_event("Z01"), assigned_event("Z02"), RESOLVED),
        after(REOPENED, RESOLVED, state=closed()),
    ],
    ids=["open", "came back", "two agents", "reopened"],
)
def test_FB_7_anything_more_is_not(case):
    assert not is_first_contact(case)


def test_a_drill_counts_nowhere():
    assert facts(closed(drill=True)) == {}


def test_a_case_that_nobody_had_counts_for_nobody():
    counted = facts(after(opened_event()))
    assert (counted["agent"], counted["team"], counted["resolved"], counted["kept"]) == ("", "", False, None)


def test_nothing_is_divided_by_nothing():
    shown = asdict(figures(Sums()))
    assert {name for name, value in shown.items() if value is not None} == {
        "taken", "resolved", "first_contact", "promised", "surveys", "answers",
    }  # fmt: skip


def test_rates_are_shares_of_what_they_are_about():
    sums = Sums(
        taken=8, resolved=4, first_contact=3, promised=5, kept=4, resolve_mid=(10, 20), respond_mid=(7,), asked=4,
        answered=2, stars=7.5, satisfied=1, effort=8, efforts=3, rated=2,
        promoters=1, detractors=1,
    )  # fmt: skip
    shown = figures(sums)
    assert (shown.resolution_rate, shown.fcr, shown.sla_kept, shown.response_rate) == (0.5, 0.75, 0.8, 0.5)
    assert (shown.csat, shown.csat_share, shown.ces, shown.nps) == (3.75, 0.5, 2.67, 0.0)
    assert (shown.time_to_resolve_s, shown.first_response_s) == (15, 7)


def test_sums_come_from_what_the_store_counted_of_cases_and_surveys():
    sums = Sums.of({"_id": None, "taken": 2, "resolve_mid": [3], "name": "x"}, {"asked": 1, "answered": 1})
    assert (sums.taken, sums.resolve_mid, sums.asked) == (2, (3,), 1)
