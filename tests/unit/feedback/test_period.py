"""FB-6, FB-7: months and days begin where the house is, not in Greenwich."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback.domain.period import month_at, month_before, month_of, span_of
from shared.decisions import Refused

ZONE = "Asia/Shanghai"
NOW = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)  # the first of December in Shanghai


def utc(span) -> tuple[str, str]:
    return span.start.astimezone(UTC).isoformat(), span.end.astimezone(UTC).isoformat()


def test_a_month_begins_at_midnight_of_the_zone():
    assert utc(month_of("2026-11", NOW, ZONE)) == ("2026-10-31T16:00:00+00:00", "2026-11-30T16:00:00+00:00")
    assert month_at(NOW, ZONE).start.month == 12
    assert month_before(month_of("2026-01", NOW, ZONE)).start.isoformat() == "2025-12-01T00:00:00+08:00"
    assert len(month_of("2024-02", NOW, ZONE).days) == 29


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "0000-01", "9999-12", "2026-Q1", "", "２０２６-01"])
def test_FB_6_what_is_no_month_is_refused(text: str):
    with pytest.raises(Refused) as refused:
        month_of(text, NOW, ZONE)
    assert (refused.value.code, refused.value.status, refused.value.field) == ("invalid", 422, "month")


def test_FB_6_a_month_to_come_is_refused_and_one_that_has_just_begun_is_not():
    assert month_of("2026-12", NOW, ZONE)
    with pytest.raises(Refused, match="has not begun") as refused:
        month_of("2027-01", NOW, ZONE)
    assert refused.value.code == "month_to_come"


def test_FB_7_dates_are_whole_days_and_moments_are_moments():
    days = span_of("2026-11-01", "2026-11-02", NOW, ZONE)
    assert utc(days) == ("2026-10-31T16:00:00+00:00", "2026-11-02T16:00:00+00:00")
    moments = span_of("2026-11-01T00:00:00Z", "2026-11-01T01:00:00+00:00", NOW, ZONE)
    assert utc(moments) == ("2026-11-01T00:00:00+00:00", "2026-11-01T01:00:00+00:00")
    assert span_of(None, None, NOW, ZONE) == month_at(NOW, ZONE)


@pytest.mark.parametrize(
    ("from_", "to", "field"),
    [
        ("yesterday", None, "from"),
        ("2026-11-01T00:00:00", None, "from"),
        (None, "2026-02-30", "to"),
        ("2026-11-02", "2026-11-01", "from"),
        ("2020-01-01", "2026-11-01", "from"),
        ("0001-01-01", None, "from"),
        (None, "9999-12-31", "to"),
    ],
)
def test_FB_7_a_period_that_is_none_is_refused_by_its_field(from_, to, field: str):
    with pytest.raises(Refused) as refused:
        span_of(from_, to, NOW, ZONE)
    assert (refused.value.status, refused.value.field) == (422, field)


@given(st.text(max_size=30))
def test_whatever_is_asked_for_is_a_span_or_refused(text: str):
    try:
        span = span_of(text, None, NOW, ZONE)
    except Refused:
        return
    assert span.start < span.end
