"""The clock's door: on time, and never before its cause."""

import asyncio
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from shared.decisions import Decision
from shared.errors import Transient
from shared.fold import Change, fold
from shared.metrics import Metrics
from shared.ownership import Ownership
from shared.timers import LOOK_AHEAD, MANY, Timed, Timers
from tests.unit.shared.memory import MemoryStore
from tests.unit.shared.tally import T0, Counted, Tally, TestClock, fail
from tests.waiting import eventually

TOPIC = "numbers.v1"
MINUTE = timedelta(minutes=1)


def set_alarm(state: Tally | None, now: datetime, *, at: datetime) -> Decision[Tally]:
    return Decision((state or Tally()).model_copy(update={"alarm_at": at}))


def ring(state: Tally, now: datetime) -> Decision[Tally]:
    if state.alarm_at is None or state.alarm_at > now:
        return Decision(state)
    rung = state.model_copy(update={"alarm_at": None, "steps": (*state.steps, "rang")})
    return Decision(rung, (Counted(total=len(rung.steps)),))


class Tower:
    """Timers over one store in memory, with a clock that stands until it is moved."""

    def __init__(self, fire: Any = ring, clock: Any = None) -> None:
        self.clock = clock or TestClock()
        self.store = MemoryStore(self.clock, due=lambda state: state.alarm_at)
        self.ownership = Ownership([TOPIC])
        self.ownership.assign([(TOPIC, shard) for shard in range(12)])
        self.ownership.horizon = lambda _: self.clock()
        self.heard: list[Any] = []
        self.metrics = Metrics("test")
        self.timers = Timers(
            [Timed(self.store, fire)], self.ownership, self.hear, metrics=self.metrics, clock=self.clock
        )  # type: ignore[arg-type]

    async def hear(self, outcomes: Any) -> None:
        self.heard += [(o.key, o.status) for o in outcomes]

    def alarm(self, key: str, at: datetime) -> int:
        document = self.store.document(key)
        document.shard = sum(map(ord, key)) % 12
        fold(document, Change(key, partial(set_alarm, at=at), "set"), self.clock(), self.store._folding)
        return document.shard

    def rang(self, key: str) -> int:
        state = self.store.document(key).state
        return len(state.steps) if state else 0


async def test_what_is_due_fires_once() -> None:
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    assert [await tower.timers.look(), await tower.timers.look()] == [1, 0]
    assert tower.rang("a") == 1
    assert tower.heard == [("a", "applied")]


async def test_what_is_not_due_yet_stays() -> None:
    tower = Tower()
    tower.alarm("a", T0 + MINUTE)
    await tower.timers.look()
    assert tower.rang("a") == 0
    tower.clock.forward(minutes=1)
    await tower.timers.look()
    assert tower.rang("a") == 1


async def test_it_sleeps_until_the_very_moment() -> None:
    began = time.monotonic()
    tower = Tower(clock=lambda: T0 + timedelta(seconds=time.monotonic() - began))
    tower.ownership.horizon = lambda _: T0 + MINUTE
    tower.alarm("a", T0 + timedelta(milliseconds=120))
    assert timedelta(milliseconds=120) < LOOK_AHEAD
    await tower.timers.look()
    assert 0.12 <= time.monotonic() - began < 1.0
    assert tower.rang("a") == 1
    assert tower.metrics.timer_lateness_seconds._sum.get() < 0.5


async def test_timers_wait_until_the_backlog_before_them_is_applied() -> None:
    """No false miss after a pause: a fact that was told in time is applied before the clock speaks."""
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    tower.ownership.horizon = lambda _: T0 - 2 * MINUTE
    await tower.timers.look()
    assert tower.rang("a") == 0
    tower.ownership.horizon = lambda _: T0 - MINUTE
    await tower.timers.look()
    assert tower.rang("a") == 1


async def test_nothing_fires_before_it_is_known_what_is_on_the_topics() -> None:
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    tower.ownership.horizon = lambda _: None
    await tower.timers.look()
    assert tower.rang("a") == 0


async def test_only_the_owner_of_a_shard_fires() -> None:
    tower = Tower()
    shard = tower.alarm("a", T0 - MINUTE)
    tower.ownership.assign([(TOPIC, other) for other in range(12) if other != shard])
    await tower.timers.look()
    assert tower.rang("a") == 0


async def test_one_shards_backlog_does_not_hold_up_the_timers_of_the_others() -> None:
    tower = Tower()
    behind = tower.alarm("b0", T0 - 5 * MINUTE)
    for i in range(MANY + 5):
        tower.store.document(f"many-{i}")
        tower.alarm(f"many-{i}", T0 - 5 * MINUTE)
        tower.store.document(f"many-{i}").shard = behind
    tower.alarm("a", T0 - MINUTE)
    tower.store.document("a").shard = (behind + 1) % 12
    tower.ownership.horizon = lambda place: T0 - 9 * MINUTE if place[1] == behind else T0
    await tower.timers.look()
    assert (tower.rang("a"), tower.rang("b0")) == (1, 0)


async def test_a_timer_that_fails_parks_its_key_and_is_left_alone_then() -> None:
    tower = Tower(fire=fail)
    tower.alarm("a", T0 - MINUTE)
    assert [await tower.timers.look() for _ in range(3)] == [1, 0, 0]
    assert tower.store.document("a").parked


async def test_parked_keys_do_not_crowd_out_the_others() -> None:
    tower = Tower(fire=lambda state, now: fail(state, now) if state.total else ring(state, now))
    for i in range(MANY):
        tower.alarm(f"bad-{i}", T0 - 5 * MINUTE)
        document = tower.store.document(f"bad-{i}")
        document.state = document.state.model_copy(update={"total": 1})  # type: ignore[union-attr]
    tower.alarm("a", T0 - MINUTE)
    await tower.timers.look()
    await tower.timers.look()
    assert tower.rang("a") == 1


async def test_a_document_that_is_gone_is_nothing_to_fire() -> None:
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    await tower.timers._fire(tower.timers._timed[0], [type("Due", (), {"key": "gone", "at": T0})()])  # type: ignore[list-item]
    assert tower.heard == [("gone", "unchanged")]


async def test_timers_outlive_a_database_that_is_away() -> None:
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    failures = iter([Transient("away")])

    def trouble(_: Any) -> None:
        if error := next(failures, None):
            raise error

    tower.store.trouble = trouble
    running = asyncio.create_task(tower.timers.run())
    try:
        await eventually(lambda: tower.rang("a") == 1)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
