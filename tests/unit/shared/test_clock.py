from datetime import UTC, datetime, timedelta, timezone

from shared.clock import to_milliseconds, utc_now, wire


def test_moments_are_utc_and_cut_to_milliseconds() -> None:
    shanghai = datetime(2026, 11, 22, 16, 0, 0, 123_999, timezone(timedelta(hours=8)))
    assert to_milliseconds(shanghai) == datetime(2026, 11, 22, 8, 0, 0, 123_000, UTC)
    assert to_milliseconds(shanghai).tzinfo is UTC


def test_now_is_what_the_database_can_keep() -> None:
    assert utc_now().microsecond % 1000 == 0
    assert utc_now().tzinfo is UTC


def test_the_wire_shows_milliseconds_even_if_they_are_none() -> None:
    assert wire(datetime(2026, 11, 22, 8, tzinfo=UTC)) == "2026-11-22T08:00:00.000Z"
    assert wire(datetime(2026, 11, 22, 16, 0, 0, 1_999, timezone(timedelta(hours=8)))) == "2026-11-22T08:00:00.001Z"
