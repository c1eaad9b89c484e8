"""Stops a partition when errors are ours and many, instead of parking every key. Pure but for its memory."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

IN_A_ROW = 20
SHARE = 0.01
AT_LEAST = 500
WINDOW = timedelta(minutes=5)
STEP = timedelta(seconds=1)
Place = tuple[str, int]
TIMERS = "timers"
"""Stands for a topic: the timers of a shard have none, and stop by themselves as `timers/<shard>`."""


@dataclass(slots=True)
class _Step:
    """What was seen within one second."""

    began: datetime
    records: int = 0
    bugs: int = 0


@dataclass(slots=True)
class _Seen:
    row: int = 0
    recent: deque[_Step] = field(default_factory=deque)
    records: int = 0
    bugs: int = 0

    def add(self, bug: bool, now: datetime) -> None:
        self.row = self.row + 1 if bug else 0
        if not self.recent or now - self.recent[-1].began >= STEP:
            self.recent.append(_Step(now))
        self._count(self.recent[-1], 1, int(bug))
        while self.recent[0].began < now - WINDOW:
            old = self.recent.popleft()
            self.records, self.bugs = self.records - old.records, self.bugs - old.bugs

    def _count(self, step: _Step, records: int, bugs: int) -> None:
        step.records, step.bugs = step.records + records, step.bugs + bugs
        self.records, self.bugs = self.records + records, self.bugs + bugs


@dataclass(slots=True)
class Breaker:
    """Open for a partition after more than 20 bugs in a row, or 1 % of at least 500 records in five minutes."""

    _seen: dict[Place, _Seen] = field(default_factory=dict)
    _open: set[Place] = field(default_factory=set)

    def saw(self, place: Place, bug: bool, now: datetime) -> None:
        seen = self._seen.setdefault(place, _Seen())
        seen.add(bug, now)
        if seen.row > IN_A_ROW or (seen.records >= AT_LEAST and seen.bugs >= SHARE * seen.records):
            self._open.add(place)

    def is_open(self, place: Place) -> bool:
        return place in self._open

    def open_places(self) -> frozenset[Place]:
        return frozenset(self._open)

    def set_open(self, places: Iterable[Place]) -> None:
        """Exactly these are open. One that is closed by this begins to count anew."""
        before, self._open = self._open, set(places)
        for place in before - self._open:
            self._seen.pop(place, None)
