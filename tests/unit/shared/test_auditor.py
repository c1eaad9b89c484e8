"""What counts as unseen, when it is known, and how often it is said."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from datetime import timedelta

import pytest

from shared.auditor import Auditor, Pair, Published, Unseen
from shared.bus import Place
from shared.errors import Transient
from shared.metrics import Metrics
from shared.offsets import First
from tests.unit.shared.tally import T0

CASES = Pair("cases.v1", "routing")


class Broker:
    """Topics by their ends, what each reader has committed, and the offsets that hold markers only."""

    def __init__(self, **committed: Mapping[Place, int]) -> None:
        self.end: dict[Place, int] = {}
        self.committed, self.markers, self.looked = committed, set[Place](), list[Place]()

    async def ends(self, topics: Iterable[str]) -> dict[Place, int]:
        return {place: end for place, end in self.end.items() if place[0] in set(topics)}

    async def unread_from(self, reader: str, places: Iterable[Place]) -> dict[Place, int]:
        return {place: self.committed[reader].get(place, 0) for place in places}

    async def firsts(self, starts: Mapping[Place, int], ends: Mapping[Place, int]) -> dict[Place, First | None]:
        self.looked += starts
        return {
            place: None
            if place in self.markers
            else First(place, start, f"C-{place[1]}", T0 - timedelta(seconds=start))
            for place, start in starts.items()
        }


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def view(broker: Broker, clock: Clock, **readers: tuple[str, ...]) -> Published:
    return Published(readers or {"cases.v1": ("routing",)}, broker, after=timedelta(seconds=60), now=clock)


async def at(seen: Published, clock: Clock, moment: float) -> Mapping[Pair, Unseen] | None:
    """What is unseen then; None if it is not known."""
    clock.now = moment
    try:
        return await seen.unseen()
    except Transient:
        return None


async def test_a_record_is_counted_once_it_has_lain_there_for_a_minute_whatever_its_sender_stamped() -> None:
    broker, clock = Broker(routing={("cases.v1", 0): 5}), Clock()
    seen = view(broker, clock)
    broker.end = {("cases.v1", 0): 5}
    await at(seen, clock, 100)
    broker.end = {("cases.v1", 0): 8}

    assert await at(seen, clock, 110) is None, "nobody has looked for a minute yet"
    assert await at(seen, clock, 165) == {}
    found = await at(seen, clock, 170)

    assert found is not None
    assert {pair: one.records for pair, one in found.items()} == {CASES: 3}
    broker.committed["routing"] = {("cases.v1", 0): 8}
    assert await at(seen, clock, 175) == {}


async def test_all_partitions_of_a_topic_count_and_the_oldest_record_is_named() -> None:
    broker, clock = Broker(routing={("cases.v1", 1): 4}), Clock()
    broker.end = {("cases.v1", 0): 2, ("cases.v1", 1): 5, ("other.v1", 0): 9}
    seen = view(broker, clock)
    await at(seen, clock, 0)

    found = await at(seen, clock, 60)

    first = "1 of them on partition 1, from offset 4 on, of key C-1, written 2026-11-22T07:59:56.000Z"
    assert found == {CASES: Unseen(3, first)}


async def test_each_reader_is_measured_by_what_it_has_read_itself() -> None:
    broker, clock = Broker(routing={("cases.v1", 0): 2}, sla={}), Clock()
    broker.end = {("cases.v1", 0): 2}
    seen = view(broker, clock, **{"cases.v1": ("routing", "sla")})
    await at(seen, clock, 0)

    found = await at(seen, clock, 60)

    assert found is not None
    assert list(found) == [Pair("cases.v1", "sla")]


async def test_markers_are_no_records_and_a_reader_that_is_up_to_date_costs_no_look() -> None:
    broker, clock = Broker(routing={("cases.v1", 0): 7, ("cases.v1", 1): 3}), Clock()
    broker.end = {("cases.v1", 0): 8, ("cases.v1", 1): 3}
    broker.markers = {("cases.v1", 0)}
    seen = view(broker, clock)
    await at(seen, clock, 0)

    assert await at(seen, clock, 60) == {}
    assert broker.looked == [("cases.v1", 0)]


async def test_however_many_partitions_are_behind_only_some_are_looked_into_and_all_count() -> None:
    broker, clock = Broker(routing={}), Clock()
    broker.end = {("cases.v1", number): 1 for number in range(100)}
    seen = view(broker, clock)
    await at(seen, clock, 0)

    found = await at(seen, clock, 60)

    assert found is not None
    assert found[CASES].records == 100
    assert len(broker.looked) == 24


class Told:
    """A side that says what it is told to say."""

    pairs = (CASES,)

    def __init__(self) -> None:
        self.answer: Mapping[Pair, Unseen] | Exception = {}

    async def unseen(self) -> Mapping[Pair, Unseen]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def shown(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("switchboard_events_unseen", {"service": "intake", **CASES._asdict()})


async def test_what_is_not_known_is_shown_as_not_known() -> None:
    side, metrics = Told(), Metrics("intake")
    auditor = Auditor(side, metrics)
    side.answer = {CASES: Unseen(3, "somewhere")}
    await auditor.look()
    assert shown(metrics) == 3

    side.answer = Transient("away")
    with pytest.raises(Transient):
        await auditor.look()
    assert math.isnan(shown(metrics) or 0)

    side.answer = {}
    await auditor.look()
    assert shown(metrics) == 0


async def test_a_pair_is_named_in_the_log_once_a_minute_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    side, clock = Told(), Clock()
    auditor = Auditor(side, Metrics("intake"), clock)
    side.answer = {CASES: Unseen(3, "somewhere")}

    for clock.now in (100.0, 110.0, 159.0, 160.0):
        await auditor.look()
    side.answer = {}
    for _ in range(2):
        await auditor.look()

    assert [(r.levelno, r.getMessage()) for r in caplog.records] == [
        *[(logging.WARNING, "routing has not applied 3 records of cases.v1: somewhere")] * 2,
        (logging.WARNING, "routing has applied all of cases.v1 again"),
    ]
