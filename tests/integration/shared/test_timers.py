"""Timers over the real store: none lost, none twice, in due order, and found without searching."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from shared.decisions import Decision
from shared.errors import Transient
from shared.fold import Change
from shared.ids import partition_of
from shared.metrics import Metrics
from shared.ownership import Ownership
from shared.timers import FIRST_DUE, PAGE, Timed, Timers, due_by
from tests.integration.shared.support import A, Process, Tape, process
from tests.unit.shared.memory import AlwaysOpen
from tests.unit.shared.tally import T0, Bug, Counted, Tally, event

MINUTE, MILLISECOND = timedelta(minutes=1), timedelta(milliseconds=1)
SHARDS = 12


def ring(state: Tally, now: datetime) -> Decision[Tally]:
    if state.alarm_at is None or state.alarm_at > now:
        return Decision(state)
    if state.key == "broken":
        raise Bug("ours")
    rung = state.model_copy(update={"alarm_at": None, "steps": (*state.steps, "rang")})
    return Decision(rung, (Counted(total=len(rung.steps)),))


def set_alarm(state: Tally | None, now: datetime, *, at: datetime, name: str) -> Decision[Tally]:
    return Decision((state or Tally()).model_copy(update={"alarm_at": at, "key": name}))


class Owner:
    """One process that owns shards and fires their timers."""

    def __init__(self, process: Process, shards: Iterable[int] = range(SHARDS)) -> None:
        self.process = process
        self.ownership = Ownership([A])
        self.ownership.horizon = lambda _: process.clock()
        self.owns(shards)
        timed = Timed(process.store, ring)
        self.timers = Timers(
            [timed], self.ownership, self._hear, AlwaysOpen(), metrics=Metrics("test"), clock=process.clock
        )
        self.fired: list[str] = []

    def owns(self, shards: Iterable[int]) -> None:
        self.ownership.assign((A, shard) for shard in shards)

    async def _hear(self, outcomes: Any) -> None:
        self.fired += [outcome.key for outcome in outcomes if outcome.status == "applied"]

    async def look_until_nothing_is_due(self) -> None:
        while await self.timers.look():
            pass


async def alarms(process: Process, *timers: tuple[str, datetime], name: str = "") -> None:
    changes = [Change(key, partial(set_alarm, at=at, name=name), f"set {key}") for key, at in timers]
    await process.store.apply(changes)


def overdue(count: int) -> list[tuple[str, datetime]]:
    """In no order of their keys or shards."""
    return [(f"k{number}", T0 - MINUTE + number * 7919 % count * MILLISECOND) for number in range(count)]


def in_due_order(timers: Iterable[tuple[str, datetime]]) -> list[list[str]]:
    """By shard."""
    return by_shard(key for key, _ in sorted(timers, key=lambda timer: timer[1]))


def by_shard(keys: Iterable[str]) -> list[list[str]]:
    keys = list(keys)
    return [[key for key in keys if partition_of(key, SHARDS) == shard] for shard in range(SHARDS)]


async def published(*owners: Owner) -> list[str]:
    """By any of them; they share a broker."""
    for owner in owners:
        await owner.process.relay.settle()
    return [(key or b"").decode() for _, key, _, _ in owners[0].process.tape.records]


async def explained(process: Process) -> dict[str, Any]:
    """How the database finds a page."""
    find = {
        "find": "tallies", "filter": due_by(dict.fromkeys(range(SHARDS), T0)), "sort": dict(FIRST_DUE), "limit": PAGE
    }  # fmt: skip
    answer: dict[str, Any] = await process.database["tallies"].database.command(
        "explain", find, verbosity="executionStats"
    )
    return answer


def stages(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["stage"]
    for inner in [*plan.get("inputStages", ()), *filter(None, [plan.get("inputStage")])]:
        yield from stages(inner)


async def test_all_that_is_overdue_is_published_in_due_order(db: Any) -> None:
    owner = Owner(await process(db))
    timers = overdue(3 * PAGE)
    await alarms(owner.process, *timers)
    await owner.look_until_nothing_is_due()
    assert by_shard(await published(owner)) == in_due_order(timers)
    assert by_shard(owner.fired) == in_due_order(timers)


async def test_a_page_is_read_from_the_index_in_its_order(db: Any) -> None:
    """As many keys as the page has, and one more of each shard; nothing is sorted."""
    owner = Owner(await process(db))
    await alarms(owner.process, *overdue(5 * PAGE))
    answer = await explained(owner.process)
    found = set(stages(answer["queryPlanner"]["winningPlan"]))
    assert "SORT_MERGE" in found
    assert not found & {"SORT", "COLLSCAN"}
    assert answer["executionStats"]["totalKeysExamined"] <= PAGE + SHARDS


async def test_ten_thousand_parked_timers_cost_the_others_nothing(db: Any) -> None:
    owner = Owner(await process(db))
    await alarms(owner.process, ("broken", T0 - 9 * MINUTE), name="broken")
    await owner.timers.look()
    body = await owner.process.body("broken")
    assert body["parked"]["error"] == "Bug: ours"
    copies = [{**body, "_id": f"parked-{number}", "shard": number % SHARDS} for number in range(10_000)]
    await owner.process.database["tallies"].insert_many(copies, ordered=False)
    timers = overdue(10)
    await alarms(owner.process, *timers)
    assert (await explained(owner.process))["executionStats"]["totalKeysExamined"] == 10
    assert await owner.timers.look() == 10
    assert by_shard(owner.fired) == in_due_order(timers)


async def test_an_unparked_key_fires_what_fell_due_meanwhile(db: Any) -> None:
    owner = Owner(await process(db))
    await alarms(owner.process, ("broken", T0 - MINUTE), name="broken")
    await owner.timers.look()
    body = await owner.process.body("broken")
    await owner.process.database["tallies"].update_one({"_id": "broken"}, {"$set": {"state.key": "mended"}})
    assert "due" not in body
    assert await owner.process.store.unpark("broken")
    await owner.timers.look()
    assert owner.fired == ["broken"]


async def test_a_timer_that_fails_stands_alone_and_the_rest_of_its_page_fires(db: Any) -> None:
    owner = Owner(await process(db))
    await alarms(owner.process, ("broken", T0 - MINUTE + 4 * MILLISECOND), name="broken")
    timers = overdue(9)
    await alarms(owner.process, *timers)
    await owner.look_until_nothing_is_due()
    assert by_shard(owner.fired) == in_due_order(timers)


async def test_an_owner_change_in_the_middle_loses_none_and_doubles_none(db: Any) -> None:
    tape = Tape()
    first, second = Owner(await process(db, tape=tape)), Owner(await process(db, tape=tape), ())
    timers = overdue(4 * PAGE)
    await alarms(first.process, *timers)
    await first.timers.look()
    first.owns(range(6))
    second.owns(range(6, SHARDS))
    await first.timers.look()
    await second.timers.look()
    first.owns(())
    second.owns(range(SHARDS))
    await second.look_until_nothing_is_due()
    assert sorted(await published(first, second)) == sorted(key for key, _ in timers)
    assert sorted(first.fired + second.fired) == sorted(key for key, _ in timers)
    assert len(first.fired) > PAGE
    assert {partition_of(key, SHARDS) for key in first.fired[PAGE:]} <= set(range(6))


async def test_a_zombie_fires_nothing_twice(db: Any) -> None:
    """Frozen just before its write; another one owns the shards, fires, and goes on; then the write arrives."""
    tape = Tape()
    zombie, heir = Owner(await process(db, tape=tape)), Owner(await process(db, tape=tape))
    timers = overdue(PAGE)
    await alarms(zombie.process, *timers)
    zombie.process.store.halve_from = PAGE + 1  # one write, so that all of it comes late
    zombie.process.tallies.before = heir.look_until_nothing_is_due
    await zombie.look_until_nothing_is_due()
    assert by_shard(heir.fired) == in_due_order(timers)
    assert zombie.fired == []
    assert sorted(await published(zombie, heir)) == sorted(heir.fired)


async def test_a_lost_answer_half_way_fires_the_rest_in_order_and_nothing_twice(db: Any) -> None:
    owner = Owner(await process(db))
    timers = overdue(2 * PAGE)
    await alarms(owner.process, *timers)
    await owner.timers.look()
    owner.process.tallies.after = partial(_raise, AutoReconnect("the answer got lost"))
    await owner.look_until_nothing_is_due()
    assert by_shard(await published(owner)) == in_due_order(timers)


async def test_a_write_that_never_arrived_comes_again_in_order(db: Any) -> None:
    owner = Owner(await process(db))
    timers = overdue(2 * PAGE)
    await alarms(owner.process, *timers)
    await owner.timers.look()
    owner.process.tallies.before = partial(_raise, Transient("away"))
    with pytest.raises(Transient):
        await owner.timers.look()
    await owner.look_until_nothing_is_due()
    assert by_shard(await published(owner)) == in_due_order(timers)


async def _raise(error: Exception) -> None:
    raise error


async def test_what_was_told_in_time_is_applied_before_the_clock_speaks(db: Any) -> None:
    """No false miss after a pause: the record that takes the alarm back lies on the topic."""
    owner = Owner(await process(db, interpret=_called_off))
    await alarms(owner.process, ("k", T0 - MINUTE))
    owner.ownership.horizon = lambda _: T0 - 2 * MINUTE
    await owner.timers.look()
    assert owner.fired == []
    await owner.process.store.apply([_called_off(event(A, 1))], recorded=True)
    owner.ownership.horizon = lambda _: T0
    await owner.look_until_nothing_is_due()
    assert owner.fired == []
    assert (await owner.process.store.get("k")) == Tally(alarm_at=None)


def _called_off(told: Any) -> Change[Tally]:
    return Change(told.subject, lambda state, now: Decision(Tally()), told.id, event=told)
