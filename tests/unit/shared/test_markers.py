"""Offsets that are no records: stepped over, once it is certain that they are none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shared.bus import Bus, Place
from shared.markers import MOST, Markers
from shared.metrics import Metrics
from shared.offsets import First
from shared.ownership import Ownership
from tests.unit.shared.memory import MemoryQuarantine, MemoryStops
from tests.unit.shared.tally import T0

PLACE: Place = ("work.v1", 3)


class Partition:
    """One partition for its consumer and for whoever looks into it: where it begins and ends, and where records lie."""

    def __init__(self, end: int, *records: int, begin: int = 0) -> None:
        self.begin, self.end, self.records = begin, end, records
        self.looked, self.committed = 0, dict[Place, int]()
        self.meanwhile: Callable[[], None] = lambda: None

    def assignment(self) -> set[Place]:
        return {PLACE}

    def lag(self, place: Place, next_offset: int | None) -> int:
        return self.end - (next_offset or 0)

    async def commit(self, offsets: Mapping[Place, int]) -> None:
        self.committed.update(offsets)

    async def firsts(self, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[Place, First | None]:
        self.looked += 1
        self.meanwhile()
        record = next((r for r in self.records if starts[PLACE] <= r < ends[PLACE]), None)
        return {PLACE: None if record is None else First(PLACE, record, "C-1", T0)}

    async def begins(self, places: Iterable[Place]) -> dict[Place, int]:
        return {PLACE: self.begin}

    async def ends(self, topics: Iterable[str]) -> dict[Place, int]:
        return {PLACE: self.end}

    async def unread_from(self, reader: str, places: Iterable[Place]) -> dict[Place, int]:
        return {PLACE: 0}


async def looked_at(
    partition: Partition, start: int, times: int = 2, meanwhile: Mapping[Place, int] | None = None
) -> Ownership:
    """After `times` looks at a partition on which everything before `start` is applied, and more during a look."""
    ownership = Ownership([PLACE[0]])
    ownership.assign([PLACE])
    ownership.applied({PLACE: start}, ())
    bus: Any = Bus({}, MemoryQuarantine(), MemoryStops(), metrics=Metrics("test"), ownership=ownership)  # type: ignore[arg-type]
    partition.meanwhile = lambda: ownership.applied(meanwhile or {}, ())
    markers = Markers(bus, partition)
    for _ in range(times):
        await markers.look(partition)  # type: ignore[arg-type]
    return ownership


async def test_what_is_no_record_is_stepped_over_and_committed() -> None:
    partition = Partition(6)

    ownership = await looked_at(partition, 5)

    assert ownership.next_offset(PLACE) == 6
    assert partition.committed == {PLACE: 6}


async def test_a_record_that_was_not_applied_is_never_stepped_over() -> None:
    partition = Partition(7, 5)

    ownership = await looked_at(partition, 5)

    assert (ownership.next_offset(PLACE), partition.committed) == (5, {})
    assert partition.looked == 1


async def test_nobody_is_asked_about_what_has_only_just_come_nor_about_many() -> None:
    just_come, many = Partition(6), Partition(6 + MOST)

    await looked_at(just_come, 5, times=1)
    await looked_at(many, 5)

    assert (just_come.looked, many.looked) == (0, 0)


async def test_what_a_topic_deleted_before_it_was_read_holds_no_timer_up_for_ever() -> None:
    partition = Partition(500, begin=500)

    ownership = await looked_at(partition, 100)

    assert (ownership.next_offset(PLACE), partition.committed) == (500, {PLACE: 500})


async def test_where_something_is_left_nothing_is_stepped_over() -> None:
    partition = Partition(500, 499, begin=499)

    ownership = await looked_at(partition, 100)

    assert (ownership.next_offset(PLACE), partition.committed) == (100, {})


async def test_what_was_applied_during_a_look_is_not_taken_back() -> None:
    partition = Partition(6)

    ownership = await looked_at(partition, 5, meanwhile={PLACE: 9})

    assert (ownership.next_offset(PLACE), partition.committed) == (9, {})
