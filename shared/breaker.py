"""Stops a partition when errors are ours and many, instead of parking every key. Pure but for its memory."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

IN_A_ROW = 20
SHARE = 0.01
AT_LEAST = 500
WINDOW = timedelta(minutes=5)
Place = tuple[str, int]


@dataclass(slots=True)
class _Seen:
    row: int = 0
    recent: deque[tuple[datetime, bool]] = field(default_factory=deque)
    bugs: int = 0


@dataclass(slots=True)
class Breaker:
    """Open for a partition after more than 20 bugs in a row, or 1 % of at least 500 records in five minutes."""

    _seen: dict[Place, _Seen] = field(default_factory=dict)
    _open: set[Place] = field(default_factory=set)

    def saw(self, place: Place, bug: bool, now: datetime) -> None:
        seen = self._seen.setdefault(place, _Seen())
        seen.row = seen.row + 1 if bug else 0
        seen.recent.append((now, bug))
        seen.bugs += bug
        while seen.recent and seen.recent[0][0] < now - WINDOW:
            seen.bugs -= seen.recent.popleft()[1]
        if seen.row > IN_A_ROW or (len(seen.recent) >= AT_LEAST and seen.bugs >= SHARE * len(seen.recent)):
            self._open.add(place)

    def is_open(self, place: Place) -> bool:
        return place in self._open

    def open_places(self) -> frozenset[Place]:
        return frozenset(self._open)

    def close(self, place: Place) -> None:
        self._open.discard(place)
        self._seen.pop(place, None)
