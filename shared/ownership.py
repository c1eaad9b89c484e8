"""Which shards this replica owns, and up to which moment it has applied what is on their topics.

A shard is a partition number; the case-keyed topics have equally many, and the range assignor gives one replica the
same number of all of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from shared.codec import Record

Place = tuple[str, int]
Horizon = Callable[[Place], datetime | None]
"""Until when the consumer knows that nothing more is on a partition that it has not been handed; None if unknown."""


class Ownership:
    """Kept by the bus, asked by timers and sweepers. `keyed`: the case-keyed topics that this service reads."""

    def __init__(self, keyed: Iterable[str]) -> None:
        self.keyed = tuple(keyed)
        self._assigned: set[Place] = set()
        self.shards: frozenset[int] = frozenset()
        """Of which this replica owns every keyed topic's partition."""
        self._applied: dict[Place, datetime] = {}
        self._next: dict[Place, int] = {}
        self.horizon: Horizon = lambda _: None
        self.generation = 0
        """Of the assignment; an answer to what was asked under an earlier one is no answer any more."""

    def assign(self, places: Iterable[Place]) -> None:
        self.generation += 1
        self._assigned = set(places)
        self.shards = self._whole()
        self._applied.clear()
        self._next.clear()

    def revoke(self) -> None:
        self.assign(())

    def applied(self, ends: Mapping[Place, int], records: Sequence[Record]) -> None:
        """The records up to these offsets have been applied."""
        self._next.update(ends)
        for record in records:
            moment = datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)
            self._has_applied((record.topic, record.partition), moment)

    def _has_applied(self, place: Place, moment: datetime) -> None:
        """It never goes back: what was applied stays applied while new records are on their way."""
        self._applied[place] = max(moment, self._applied.get(place, moment))

    def begins(self, offsets: Mapping[Place, int], generation: int) -> None:
        """Where reading went on after the assignment, for partitions of which nothing has been applied since.

        `generation`: when that was asked. What was committed before another assignment came may be long applied.
        """
        if generation != self.generation:
            return
        for place, offset in offsets.items():
            if place in self._assigned:
                self._next.setdefault(place, offset)

    @property
    def unknown(self) -> list[Place]:
        """Owned partitions of which the next offset is not known yet."""
        return sorted(self._assigned - self._next.keys())

    @property
    def places(self) -> list[Place]:
        return sorted(self._assigned)

    def next_offset(self, place: Place) -> int | None:
        return self._next.get(place)

    def _whole(self) -> frozenset[int]:
        if not self.keyed:
            return frozenset()
        owned = [frozenset(p for topic, p in self._assigned if topic == name) for name in self.keyed]
        return frozenset.intersection(*owned)

    def applied_until(self, shard: int) -> datetime | None:
        """Everything written to the shard's partitions before this moment has been applied; None if not known yet."""
        moments = [self._until((topic, shard)) for topic in self.keyed]
        known = [moment for moment in moments if moment is not None]
        return min(known) if known and len(known) == len(moments) else None

    def _until(self, place: Place) -> datetime | None:
        if (moment := self.horizon(place)) is not None:
            self._has_applied(place, moment)
        return self._applied.get(place)
