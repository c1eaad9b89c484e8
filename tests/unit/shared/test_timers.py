"""The clock's door: on time, and never before its cause."""

import asyncio
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from shared.breaker import IN_A_ROW, TIMERS
from shared.bus import Bus, TimersGate
from shared.decisions import Decision
from shared.errors import Transient
from shared.fold import Change, fold
from shared.metrics import Metrics
from shared.ownership import Ownership
from shared.timers import LOOK_AHEAD, PAGE, PUT_OFF, Timed, Timers, _Due
from tests.unit.shared.memory import AlwaysOpen, MemoryConsumer, MemoryQuarantine, MemoryStops, MemoryStore
from tests.unit.shared.tally import T0, Counted, Tally, TestClock, fail, nothing
from tests.waiting import eventually

TOPIC = "numbers.v1"
MINUTE = timedelta(minutes=1)


def set_alarm(state: Tally | None, now: datetime, *, at: datetime, total: int) -> Decision[Tally]:
    return Decision((state or Tally()).model_copy(update={"alarm_at": at, "total": total}))


def ring(state: Tally, now: datetime) -> Decision[Tally]:
    if state.alarm_at is None or state.alarm_at > now:
        return Decision(state)
    rung = state.model_copy(update={"alarm_at": None, "steps": (*state.steps, "rang")})
    return Decision(rung, (Counted(total=len(rung.steps)),))


def ring_every_minute(state: Tally, now: datetime) -> Decision[Tally]:
    if state.alarm_at is None or state.alarm_at > now:
        return Decision(state)
    rung = state.model_copy(update={"alarm_at": state.alarm_at + MINUTE, "steps": (*state.steps, "rang")})
    return Decision(rung, (Counted(total=len(rung.steps)),))


class Noting:
    """Rings, and notes at which moments it was asked to."""

    def __init__(self) -> None:
        self.moments: list[datetime] = []

    def __call__(self, state: Tally, now: datetime) -> Decision[Tally]:
        self.moments.append(now)
        return ring(state, now)


class SlowClock(TestClock):
    """Each look at it takes 10 ms."""

    def __call__(self) -> datetime:
        self.forward(milliseconds=10)
        return super().__call__()


def raising(*errors: Exception | None) -> Any:
    """One after the other, then none."""
    coming = iter(errors)

    def trouble(_: Any) -> None:
        if error := next(coming, None):
            raise error

    return trouble


def unless_without(key: str) -> Any:
    def trouble(changes: Any) -> None:
        if any(change.key == key for change in changes):
            raise ValueError(f"{key} can't be written")

    return trouble


async def stand_still(*_: Any) -> Any:
    await asyncio.Event().wait()


async def ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for answer in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(answer, asyncio.CancelledError)


class Tower:
    """Timers over one store in memory, with a clock that stands until it is moved."""

    def __init__(self, fire: Any = ring, clock: Any = None, gate: Any = None) -> None:
        self.clock = clock or TestClock()
        self.store = MemoryStore(self.clock, due=lambda state: state.alarm_at)
        self.ownership = Ownership([TOPIC])
        self.ownership.assign([(TOPIC, shard) for shard in range(12)])
        self.ownership.horizon = lambda _: self.clock()
        self.heard: list[Any] = []
        self.metrics = Metrics("test")
        self.stops, self.consumer = MemoryStops(), MemoryConsumer([])
        self.bus = Bus({}, MemoryQuarantine(), self.stops, metrics=self.metrics, ownership=self.ownership)  # type: ignore[arg-type]
        self.gate = gate or TimersGate(self.bus, lambda: self.consumer)
        self.timers = Timers(
            [Timed(self.store, fire)], self.ownership, self.hear, self.gate, metrics=self.metrics, clock=self.clock
        )  # type: ignore[arg-type]

    async def hear(self, outcomes: Any) -> None:
        self.heard += [(o.key, o.status) for o in outcomes]

    @property
    def fired(self) -> list[str]:
        return [key for key, status in self.heard if status == "applied"]

    def alarm(self, key: str, at: datetime, total: int = 0) -> int:
        document = self.store.document(key)
        document.shard = sum(map(ord, key)) % 12
        change = Change(key, partial(set_alarm, at=at, total=total), "set")
        fold(document, change, self.clock(), self.store._folding)
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
    for i in range(PAGE + 5):
        tower.store.document(f"many-{i}")
        tower.alarm(f"many-{i}", T0 - 5 * MINUTE)
        tower.store.document(f"many-{i}").shard = behind
    tower.alarm("a", T0 - MINUTE)
    tower.store.document("a").shard = (behind + 1) % 12
    tower.ownership.horizon = lambda place: T0 - 9 * MINUTE if place[1] == behind else T0
    await tower.timers.look()
    assert (tower.rang("a"), tower.rang("b0")) == (1, 0)


def ring_unless_broken(state: Tally, now: datetime) -> Decision[Tally]:
    return fail(state, now) if state.total else ring(state, now)


async def test_after_many_errors_of_ours_the_timers_of_a_shard_rest_until_an_operator_lets_them_go_on() -> None:
    """Instead of parking key after key; records and the timers of other shards go on."""
    tower = Tower(fire=ring_unless_broken)
    broken = [f"broken-{number}" for number in range(IN_A_ROW + 1)]
    for key in broken:
        tower.alarm(key, T0 - MINUTE, total=1)
        tower.store.document(key).shard = 3
    await tower.timers.look()
    assert (tower.stops.kept, tower.consumer.paused) == ({(TIMERS, 3)}, set())
    assert tower.metrics.partitions_stopped._value.get() == 1
    for key, shard in (("later", 3), ("elsewhere", 4)):
        tower.alarm(key, T0 - MINUTE)
        tower.store.document(key).shard = shard
    await tower.timers.look()
    assert (tower.rang("later"), tower.rang("elsewhere")) == (0, 1)
    await tower.stops.remove((TIMERS, 3))
    await tower.bus.heed_stops(tower.consumer)
    await tower.timers.look()
    assert tower.rang("later") == 1


async def test_timers_that_rest_do_so_for_the_next_owner_of_their_shard_too() -> None:
    tower = Tower()
    shard = tower.alarm("a", T0 - MINUTE)
    tower.stops.kept.add((TIMERS, shard))
    await tower.timers.look()
    assert tower.rang("a") == 0
    tower.ownership.revoke()
    await tower.bus.heed_stops(tower.consumer)
    assert tower.metrics.partitions_stopped._value.get() == 1, "whoever owns it, it stands still"


async def test_a_timer_that_fails_parks_its_key_and_is_left_alone_then() -> None:
    tower = Tower(fire=fail)
    tower.alarm("a", T0 - MINUTE)
    assert [await tower.timers.look() for _ in range(3)] == [1, 0, 0]
    assert tower.store.document("a").parked


async def test_parked_keys_do_not_crowd_out_the_others() -> None:
    tower = Tower(fire=ring_unless_broken, gate=AlwaysOpen())
    for i in range(PAGE):
        tower.alarm(f"bad-{i}", T0 - 5 * MINUTE, total=1)
    tower.alarm("a", T0 - MINUTE)
    await tower.timers.look()
    await tower.timers.look()
    assert tower.rang("a") == 1


async def test_nothing_fires_early_though_it_was_found_ahead() -> None:
    """The clock is compared when it fires, not when it was found."""
    fire = Noting()
    tower = Tower(fire=fire, clock=SlowClock())
    tower.ownership.horizon = lambda _: T0 + MINUTE
    tower.alarm("a", T0 + LOOK_AHEAD)
    await tower.timers.look()
    (moment,) = fire.moments
    assert moment >= T0 + LOOK_AHEAD


async def test_what_was_found_ahead_fires_once_its_topics_are_applied_so_far() -> None:
    fire = Noting()
    tower = Tower(fire=fire, clock=SlowClock())
    behind = timedelta(milliseconds=50)
    tower.ownership.horizon = lambda _: tower.clock.now - behind
    tower.alarm("a", T0 + timedelta(milliseconds=30))
    await tower.timers.look()
    (moment,) = fire.moments
    assert T0 + timedelta(milliseconds=30) + behind <= moment < T0 + LOOK_AHEAD


async def test_what_waits_for_its_topics_is_left_to_the_next_look() -> None:
    tower = Tower(clock=SlowClock())
    tower.alarm("a", T0)
    tower.ownership.horizon = lambda _: T0 - timedelta(milliseconds=1)
    assert await tower.timers.look() == 1
    assert tower.rang("a") == 0
    tower.ownership.horizon = lambda _: T0
    await tower.timers.look()
    assert tower.rang("a") == 1


async def test_what_is_overdue_fires_page_by_page_in_due_order() -> None:
    tower = Tower()
    late = {f"k{number}": number * 7919 % 60_000 for number in range(2 * PAGE + 5)}
    for key, milliseconds in late.items():
        tower.alarm(key, T0 - timedelta(milliseconds=milliseconds))
    assert [await tower.timers.look() for _ in range(4)] == [PAGE, PAGE, 5, 0]
    assert tower.fired == sorted(late, key=late.__getitem__, reverse=True)


async def test_a_failure_half_way_leaves_the_rest_to_come_again_in_order() -> None:
    tower = Tower()
    keys = [f"k{number}" for number in range(2 * PAGE)]
    for number, key in enumerate(keys):
        tower.alarm(key, T0 - MINUTE + timedelta(milliseconds=number))
    tower.store.trouble = raising(None, Transient("away"))
    await tower.timers.look()
    with pytest.raises(Transient):
        await tower.timers.look()
    await tower.timers.look()
    assert tower.fired == keys


async def test_a_document_that_cannot_be_worked_on_delays_no_other() -> None:
    """It can't be written, say, so it can't even be parked. It is tried again when a minute has passed."""
    tower = Tower()
    keys = [f"k{number}" for number in range(9)]
    for number, key in enumerate(keys):
        tower.alarm(key, T0 - MINUTE + timedelta(milliseconds=number))
    tower.store.trouble = unless_without("k4")
    await tower.timers.look()
    assert tower.fired == [key for key in keys if key != "k4"]
    assert await tower.timers.look() == 0
    tower.store.trouble = raising()
    tower.clock.forward(seconds=PUT_OFF.total_seconds())
    await tower.timers.look()
    assert tower.rang("k4") == 1


async def test_documents_that_stay_due_do_not_crowd_out_the_others() -> None:
    """Written by another version, say, under which they fell due at another time."""
    tower = Tower(fire=lambda state, now: nothing(state, now) if state.total else ring(state, now))
    for number in range(2 * PAGE):
        tower.alarm(f"stale-{number}", T0 - 5 * MINUTE, total=1)
    tower.alarm("a", T0 - MINUTE)
    for _ in range(3):
        await tower.timers.look()
    assert tower.rang("a") == 1


async def test_one_whose_time_was_moved_after_it_was_found_fires_at_its_new_time() -> None:
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    tower.store.trouble = lambda _: tower.alarm("a", T0 + MINUTE)
    await tower.timers.look()
    assert tower.heard == [("a", "unchanged")]
    tower.store.trouble = raising()
    tower.clock.forward(minutes=1)
    await tower.timers.look()
    assert tower.rang("a") == 1


async def test_a_document_whose_next_timer_is_due_already_fires_again() -> None:
    """Only the next of its timers is in the index."""
    tower = Tower(fire=ring_every_minute)
    tower.alarm("a", T0 - 3 * MINUTE)
    assert [await tower.timers.look() for _ in range(5)] == [1, 1, 1, 1, 0]
    assert tower.rang("a") == 4


async def test_a_store_that_is_slow_delays_no_other() -> None:
    slow, quick = Tower(), Tower()
    slow.alarm("a", T0 - MINUTE)
    quick.alarm("b", T0 - MINUTE)
    slow.store.apply = stand_still  # type: ignore[method-assign, assignment]
    timed = [Timed(tower.store, ring) for tower in (slow, quick)]  # type: ignore[arg-type]
    timers = Timers(timed, quick.ownership, quick.hear, quick.gate, metrics=quick.metrics, clock=quick.clock)
    running = [asyncio.create_task(worker()) for worker in timers.workers()]
    try:
        await eventually(lambda: quick.rang("b") == 1)
    finally:
        await ended(*running)


async def test_a_document_that_is_gone_is_nothing_to_fire() -> None:
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    await tower.timers._fire(tower.timers._timed[0], [_Due("gone", 0, T0)])
    assert tower.heard == [("gone", "unchanged")]


async def test_timers_outlive_a_database_that_is_away() -> None:
    tower = Tower()
    tower.alarm("a", T0 - MINUTE)
    tower.store.trouble = raising(Transient("away"))
    running = asyncio.create_task(tower.timers.workers()[0]())
    try:
        await eventually(lambda: tower.rang("a") == 1)
    finally:
        await ended(running)
