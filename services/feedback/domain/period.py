"""From when until when figures are counted: months, days and moments, in the zone of the rules."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.decisions import Refused

LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Span:
    """`start` belongs to it, `end` doesn't. Both aware, in `zone`."""

    start: datetime
    end: datetime
    zone: str

    @property
    def days(self) -> list[date]:
        """Every day that it touches."""
        first, last = self.start.date(), (self.end - timedelta(microseconds=1)).date()
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def month_of(text: str, now: datetime, zone: str) -> Span:
    """`2026-11`. Raises Refused: `invalid` (422), `month_to_come` (404)."""
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
    if found is None or not 1971 <= int(found[1]) <= 9990:
        raise Refused("invalid", f"month: one such as 2026-11 is wanted, not {text[:20]!r}", field="month", status=422)
    span = _month(int(found[1]), int(found[2]), zone)
    if span.start > now:
        raise Refused("month_to_come", f"{text} has not begun; there is nothing to report", field="month", status=404)
    return span


def month_at(now: datetime, zone: str) -> Span:
    """The month in which this moment lies."""
    there = now.astimezone(ZoneInfo(zone))
    return _month(there.year, there.month, zone)


def month_before(span: Span) -> Span:
    return month_at(span.start - timedelta(days=1), span.zone)


def span_of(from_: str | None, to: str | None, now: datetime, zone: str) -> Span:
    """Dates (`to` with the whole of its day) or moments (`to` is the end); what is not said is this month's.

    Raises Refused `invalid` (422) that names the field.
    """
    month = month_at(now, zone)
    start = _moment(from_, "from", zone) if from_ else month.start
    end = _end(to, zone) if to else month.end
    if start >= end:
        raise Refused("invalid", "from: it lies after the end", field="from", status=422)
    if end - start > LONGEST:
        raise Refused("invalid", f"from: more than {LONGEST.days} days before the end", field="from", status=422)
    return Span(start, end, zone)


def _month(year: int, month: int, zone: str) -> Span:
    here = ZoneInfo(zone)
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return Span(datetime(year, month, 1, tzinfo=here), datetime(*following, 1, tzinfo=here), zone)


def _end(text: str, zone: str) -> datetime:
    end = _moment(text, "to", zone)
    return _midnight(end.date() + timedelta(days=1), zone) if _is_date(text) else end


def _moment(text: str, field: str, zone: str) -> datetime:
    try:
        moment = _midnight(date.fromisoformat(text), zone) if _is_date(text) else datetime.fromisoformat(text)
        if moment.tzinfo is not None and 1971 <= moment.year <= 9990:
            return moment.astimezone(ZoneInfo(zone))
    except ValueError:
        pass
    message = f"{field}: a date such as 2026-11-01 or a moment with its zone is wanted, not {text[:40]!r}"
    raise Refused("invalid", message, field=field, status=422)


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))
