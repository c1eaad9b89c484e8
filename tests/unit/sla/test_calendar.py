"""SL-1: working time, with holidays and time zones."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.sla.domain.calendar import ALWAYS, Calendar
from tests.unit.sla.build import SHIPPED

BUSINESS = SHIPPED.calendar("business")
SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
HOUR = 3600
NIGHT = ((0, 6 * HOUR), (22 * HOUR, 24 * HOUR))
CALENDARS = {
    "always": ALWAYS,
    "business": BUSINESS,
    "night shift": Calendar(BERLIN, (NIGHT,) * 7),
    "in the skipped hour": Calendar(BERLIN, (((7200, 9000), (9000, 9900), (10800, 14400)),) * 7),
    "sundays": Calendar(NEW_YORK, ((),) * 6 + (((0, 86_400),),), {date(2026, 11, 1): ()}),
}
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
)
SECONDS = st.integers(1, 40 * 86_400 * 1000).map(lambda milliseconds: milliseconds / 1000)
NAMES = st.sampled_from(sorted(CALENDARS))


def shanghai(*when: int) -> datetime:
    return datetime(*when, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[misc,arg-type]


@given(NAMES, MOMENTS, SECONDS)
@example("in the skipped hour", datetime(2026, 3, 29, tzinfo=UTC), 7200.0)
@example("night shift", datetime(2026, 10, 24, 21, tzinfo=UTC), 9 * 3600.0)
def test_SL_1_what_is_worked_until_it_is_due_is_what_was_given(name: str, start: datetime, seconds: float) -> None:
    calendar = CALENDARS[name]
    due_at = calendar.due_after(start, seconds)
    assert calendar.worked(start, due_at) == pytest.approx(seconds, abs=1e-6)


@given(NAMES, MOMENTS, SECONDS)
def test_SL_1_a_moment_before_it_is_due_something_is_left(name: str, start: datetime, seconds: float) -> None:
    calendar = CALENDARS[name]
    before = calendar.due_after(start, seconds) - timedelta(milliseconds=1)
    assert calendar.worked(start, before) < seconds


@given(NAMES, st.lists(MOMENTS, min_size=3, max_size=3))
def test_SL_1_time_adds_up(name: str, moments: list[datetime]) -> None:
    calendar = CALENDARS[name]
    first, middle, last = sorted(moments)
    parts = calendar.worked(first, middle) + calendar.worked(middle, last)
    assert calendar.worked(first, last) == pytest.approx(parts, abs=1e-6)


@given(NAMES, MOMENTS, MOMENTS)
def test_nothing_is_worked_backwards(name: str, one: datetime, other: datetime) -> None:
    first, last = sorted((one, other))
    assert CALENDARS[name].worked(last, first) == 0


def test_SL_1_a_working_day_of_seven_and_a_half_hours_goes_over_the_night() -> None:
    assert BUSINESS.due_after(shanghai(2026, 11, 24, 10), 7.5 * HOUR) == shanghai(2026, 11, 25, 10)


def test_SL_1_the_lunch_break_does_not_count() -> None:
    assert BUSINESS.due_after(shanghai(2026, 11, 24, 11, 30), HOUR) == shanghai(2026, 11, 24, 14)


def test_SL_1_what_comes_at_the_weekend_begins_on_monday() -> None:
    assert BUSINESS.due_after(shanghai(2026, 11, 28, 15), HOUR) == shanghai(2026, 11, 30, 10)


def test_SL_1_chinese_new_year_is_free_and_the_days_in_exchange_are_worked() -> None:
    saturday_in_exchange, back_at_work = shanghai(2026, 2, 14, 9), shanghai(2026, 2, 24, 9)
    assert BUSINESS.worked(saturday_in_exchange, back_at_work) == 7.5 * HOUR
    assert BUSINESS.due_after(shanghai(2026, 2, 14, 17), 2 * HOUR) == back_at_work + timedelta(hours=1)


def test_SL_1_the_night_in_which_the_clock_goes_forward_is_an_hour_shorter() -> None:
    night = CALENDARS["night shift"]
    evening = datetime(2026, 3, 28, 22, tzinfo=BERLIN).astimezone(UTC)
    assert night.worked(evening, evening + timedelta(days=1)) == pytest.approx(
        7 * HOUR + HOUR
    )  # and 22-23 the next day
    assert night.due_after(evening, 7 * HOUR) == datetime(2026, 3, 29, 6, tzinfo=BERLIN)


def test_SL_1_the_night_in_which_the_clock_goes_back_is_an_hour_longer() -> None:
    night = CALENDARS["night shift"]
    evening = datetime(2026, 10, 24, 22, tzinfo=BERLIN).astimezone(UTC)
    assert night.due_after(evening, 9 * HOUR) == datetime(2026, 10, 25, 6, tzinfo=BERLIN)


def test_SL_1_hours_that_the_clock_skips_do_not_count_twice() -> None:
    before, after = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC)
    assert CALENDARS["in the skipped hour"].worked(before, after) == HOUR


def test_no_time_is_over_at_once() -> None:
    saturday = shanghai(2026, 11, 28, 12)
    assert BUSINESS.due_after(saturday, 0) == saturday
    assert BUSINESS.due_after(saturday, -5) == saturday


def test_ten_thousand_due_times_take_less_than_a_second() -> None:
    start = shanghai(2026, 11, 24, 10)
    began = time.perf_counter()
    for number in range(10_000):
        BUSINESS.due_after(start + timedelta(seconds=number), 22.5 * HOUR)
    assert time.perf_counter() - began < 1
