"""Time as the whole house reads it: aware, UTC, whole milliseconds (what MongoDB and the wire keep)."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], datetime]


def to_milliseconds(moment: datetime) -> datetime:
    """The same moment in UTC, cut to milliseconds."""
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    beyond = moment.microsecond % 1000
    return moment.replace(microsecond=moment.microsecond - beyond) if beyond else moment


def utc_now() -> datetime:
    return to_milliseconds(datetime.now(UTC))


@lru_cache(64)
def wire(moment: datetime) -> str:
    """`2026-11-22T08:00:00.000Z`, as on every record."""
    return to_milliseconds(moment).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
