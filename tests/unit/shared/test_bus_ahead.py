"""What runs ahead of its causes rests for a moment, so that less is written twice."""

from collections.abc import Sequence
from typing import Any

import pytest

from shared.bus import MANY_WAIT, Bus, Door
from shared.metrics import Metrics
from shared.ownership import Ownership
from tests.unit.shared.memory import MemoryConsumer, MemoryQuarantine, MemoryStops, MemoryStore
from tests.unit.shared.tally import Raw, TestClock, change_for
from tests.waiting import eventually

TOPIC = "numbers.v1"
AHEAD, BESIDE = (TOPIC, 0), (TOPIC, 1)


def number(sequence: int, offset: int, partition: int) -> Raw:
    """The first or a later one of a key of its own; a later one waits for the first."""
    subject = f"k{partition}-{offset}"
    told = {
        "ce_type": "number.added", "ce_subject": subject, "ce_id": f"{subject}/{sequence}",
        "ce_time": "2026-11-22T08:00:00Z", "ce_sequence": str(sequence),
    }  # fmt: skip
    headers = tuple((name, value.encode()) for name, value in told.items())
    return Raw(TOPIC, partition, offset, key=subject.encode(), value=b'{"n": 1}', headers=headers)


def house(records: Sequence[Raw]) -> tuple[Bus, MemoryConsumer]:
    store: Any = MemoryStore(TestClock(), reads=[TOPIC], interpret=change_for)
    quarantine, stops, consumer = MemoryQuarantine(), MemoryStops(), MemoryConsumer(records)
    ownership = Ownership([TOPIC])
    ownership.assign(consumer.assigned)
    bus = Bus(
        {TOPIC: [Door(store, change_for)]}, quarantine, stops, metrics=Metrics("test"), ownership=ownership  # type: ignore[arg-type]
    )  # fmt: skip
    return bus, consumer


async def test_a_partition_that_runs_ahead_of_its_causes_rests_and_then_goes_on() -> None:
    waiting = [number(2, offset, 0) for offset in range(MANY_WAIT)]
    bus, consumer = house([*waiting, *(number(1, offset, 1) for offset in range(MANY_WAIT))])
    await bus.process(consumer.poll(), consumer)
    assert consumer.committed == {AHEAD: MANY_WAIT, BESIDE: MANY_WAIT}
    assert consumer.paused == {AHEAD}
    await eventually(lambda: not consumer.paused)


@pytest.mark.parametrize(("waiting", "flowing"), [(MANY_WAIT - 1, 0), (MANY_WAIT, MANY_WAIT)])
async def test_where_a_few_wait_or_as_many_flow_nothing_rests(waiting: int, flowing: int) -> None:
    sequences = [2] * waiting + [1] * flowing
    bus, consumer = house([number(sequence, offset, 0) for offset, sequence in enumerate(sequences)])
    await bus.process(consumer.poll(), consumer)
    assert consumer.committed == {AHEAD: waiting + flowing}
    assert consumer.paused == set()
