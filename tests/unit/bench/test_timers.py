"""The benchmark of timers: watches that fall due when it is said, and an order that is counted by partition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from bench.timers import _inversions
from bench.watches import PARTITIONS, kept, ready, timers
from shared.ids import case_number, partition_of

T0 = datetime(2026, 11, 24, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BODY: dict[str, Any] = {
    "_id": "one", "v": 7, "shard": 3, "due": T0, "ix": {"number": "AAAA-AAAA", "open": []},
    "state": {"case_id": "one", "number": "AAAA-AAAA", "clocks": [{"due_at": T0, "since": T0 - SECOND}]},
}  # fmt: skip


def test_timers_are_spread_evenly_and_their_cases_differ() -> None:
    made = list(timers("a", 4, T0, 2 * SECOND))
    assert [moment - T0 for _, moment in made] == [0 * SECOND, SECOND / 2, SECOND, SECOND * 1.5]
    assert len({key for key, _ in [*made, *timers("b", 4, T0, SECOND)]}) == 8


def test_a_watch_that_fires_is_its_own_case_with_all_its_moments_moved() -> None:
    ((key, moment),) = timers("a", 1, T0 + 9 * SECOND, SECOND)
    body = ready(BODY, (key, moment))
    assert (body["_id"], body["due"], body["shard"]) == (key, moment, partition_of(key, PARTITIONS))
    assert body["state"]["clocks"] == [{"due_at": moment, "since": moment - SECOND}]
    assert (body["state"]["case_id"], body["ix"]["number"]) == (key, case_number(key))


def test_a_watch_that_only_waits_is_found_at_its_moment() -> None:
    ((key, moment),) = timers("a", 1, T0 + 9 * SECOND, SECOND)
    assert kept(BODY, (key, moment)) == {**BODY, "_id": key, "due": moment, "shard": partition_of(key, PARTITIONS)}


@pytest.mark.parametrize(
    ("lying", "inversions"), [([(0, 1), (0, 2), (1, 0), (1, 5)], 0), ([(0, 1), (1, 0), (0, 3), (0, 2), (1, 9)], 1)]
)
def test_order_is_counted_by_partition(lying: list[tuple[int, int]], inversions: int) -> None:
    records = [
        SimpleNamespace(partition=partition, value=orjson.dumps({"due_at": T0 + second * SECOND}))
        for partition, second in lying
    ]
    assert _inversions(records) == inversions
