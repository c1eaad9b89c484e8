"""Working time: how much of the time between two moments counts.

    calendar.worked(start, end) -> seconds          calendar.due_after(start, seconds) -> moment

Each undoes the other, exactly, over nights, holidays, days worked in exchange and changes of the clock. Moments are in
UTC.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Span = tuple[int, int]
"""From, to; seconds on the wall clock since midnight, at most 86,400."""
Hours = tuple[Span, ...]
Worked = tuple[tuple[datetime, datetime], ...]
DAY = timedelta(days=1)
NOTHING = timedelta(0)


@dataclass(frozen=True, eq=False)
class Calendar:
    """`week`: the hours of Monday to Sunday; None where all time counts. `days`: dates with hours of their own."""

    zone: ZoneInfo
    week: tuple[Hours, ...] | None
    days: dict[date, Hours] = field(default_factory=dict)
    _known: dict[date, Worked] = field(default_factory=dict, init=False)
    """What was worked out before; a promise every second asks for the same few days."""

    def worked(self, start: datetime, end: datetime) -> float:
        """Seconds of working time from `start` to `end`; none if the end comes first."""
        if end <= start:
            return 0.0
        if self.week is None:
            return (end - start).total_seconds()
        day, last, total = self._day(start), self._day(end), NOTHING
        while day <= last:
            for opens, closes in self._worked_on(day):
                total += max(NOTHING, min(closes, end) - max(opens, start))
            day += DAY
        return total.total_seconds()

    def due_after(self, start: datetime, seconds: float) -> datetime:
        """The first moment at which so much working time has passed since `start`; `start` itself for none."""
        left = timedelta(seconds=max(0.0, seconds))
        if self.week is None or not left:
            return start + left
        day = self._day(start)
        while True:
            for opens, closes in self._worked_on(day):
                begins = max(opens, start)
                if begins + left <= closes:
                    return begins + left
                left -= max(NOTHING, closes - begins)
            day += DAY

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _worked_on(self, day: date) -> Worked:
        if day not in self._known:
            self._known[day] = self._work_out(day)
        return self._known[day]

    def _work_out(self, day: date) -> Worked:
        """The hours of a day as moments. What the clocks skip is not worked, what they repeat is."""
        assert self.week is not None
        found: list[tuple[datetime, datetime]] = []
        for opens, closes in self.days.get(day, self.week[day.weekday()]):
            begins = max(self._moment(day, opens), found[-1][1] if found else datetime.min.replace(tzinfo=UTC))
            if begins < (ends := self._moment(day, closes)):
                found.append((begins, ends))
        return tuple(found)

    def _moment(self, day: date, seconds: int) -> datetime:
        wall = datetime(day.year, day.month, day.day, tzinfo=self.zone) + timedelta(seconds=seconds)
        return wall.astimezone(UTC)


ALWAYS = Calendar(ZoneInfo("UTC"), None)
