"""The loop around a consumer: nothing is committed before it is done, and nothing that is bad stops what is good."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

import pytest

from shared import bus as bus_module
from shared.bus import Bus, Door
from shared.codec import Inbound
from shared.decisions import Decision
from shared.errors import Transient
from shared.events.base import Event
from shared.fold import Change, HeldFull
from shared.metrics import Metrics
from shared.ownership import Ownership
from tests.unit.shared.memory import MemoryConsumer, MemoryQuarantine, MemoryStops, MemoryStore
from tests.unit.shared.tally import Bug, Raw, Tally, TestClock, add, fail, refuse
from tests.waiting import eventually, never

IN = "words.v1"


def word(text: Any, offset: int = 0, partition: int = 0, key: str | None = None, topic: str = IN, **more: Any) -> Raw:
    body = text if isinstance(text, bytes) else json.dumps({"type": "word", "text": text, **more}).encode()
    return Raw(topic=topic, partition=partition, offset=offset, key=(key or f"k{partition}").encode(), value=body)


def said(event: Event) -> Change[Any]:
    text = event.data["text"]
    if text == "door":
        raise Bug("ours")
    decide = {"bug": fail, "wrong": refuse, "second": second}.get(text, partial(add, n=1, step=text))
    return Change(event.subject, decide, event.id, event=event, once=event.data.get("once", ""))


def second(state: Tally | None, now: datetime) -> Decision[Tally]:
    """Refused unless something came before."""
    return add(state, now, n=1, step="second") if state else refuse(state, now)


class House:
    """A bus with one store behind it, or two."""

    def __init__(
        self,
        records: Sequence[Raw],
        *,
        trouble: Callable[[Any], None] = lambda _: None,
        doors: int = 1,
        after: Any = None,
        stops: MemoryStops | None = None,
    ) -> None:
        self.stores = [MemoryStore(TestClock(), trouble=trouble) for _ in range(doors)]
        self.quarantine, self.stops = MemoryQuarantine(), stops or MemoryStops()
        self.consumer = MemoryConsumer(records)
        self.ownership, self.metrics = Ownership([IN]), Metrics("test")
        self.signals: list[str] = []
        topic_doors = [Door(store, said, Inbound(frozenset({"word"}))) for store in self.stores]  # type: ignore[arg-type]
        self.bus = Bus(
            {IN: topic_doors},
            self.quarantine,  # type: ignore[arg-type]
            self.stops,  # type: ignore[arg-type]
            metrics=self.metrics,
            ownership=self.ownership,
            signals={"hints.v1": self.signals.append},
            clock=TestClock(),
            chance=Random(1),
            **({"after": after} if after else {}),
        )
        self.ownership.assign(self.consumer.assigned)

    async def turn(self) -> None:
        await self.bus.process(self.consumer.poll(), self.consumer)

    def stopped(self) -> float:
        stopped: float = self.metrics.partitions_stopped._value.get()
        return stopped

    def steps(self, key: str = "k0", store: int = 0) -> tuple[str, ...]:
        state = self.stores[store].document(key).state
        return state.steps if state else ()


@pytest.fixture(autouse=True)
def short_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "FIRST_BACK_OFF_S", 0.005)


def fails_always(error: BaseException) -> Callable[[], None]:
    def trouble() -> None:
        raise error

    return trouble


def fails_until_told(error: BaseException) -> tuple[Callable[[Any], None], Callable[[], None]]:
    failing = True

    def trouble(_: Any) -> None:
        if failing:
            raise error

    def mended() -> None:
        nonlocal failing
        failing = False

    return trouble, mended


async def test_a_batch_is_applied_in_order_and_committed_up_to_its_last_record() -> None:
    house = House([word("a", 0), word("b", 1), word("c", 0, partition=1)])
    await house.turn()
    assert (house.steps(), house.steps("k1")) == (("a", "b"), ("c",))
    assert house.consumer.committed == {(IN, 0): 2, (IN, 1): 1}


async def test_bad_records_among_good_ones_are_set_aside_with_their_reason_and_committed() -> None:
    house = House([word("a", 0), word(b"{", 1), word("wrong", 2), word("b", 3)])
    await house.turn()
    assert house.steps() == ("a", "b")
    assert {id_: (a.reason, a.value) for id_, a in house.quarantine.kept.items()} == {
        f"{IN}/0/1": ("bad_json", b"{"),
        f"{IN}/0/2": ("wrong", word("wrong").value),
    }
    assert house.consumer.committed == {(IN, 0): 4}


async def test_what_was_refused_once_is_not_decided_again_when_it_is_read_again() -> None:
    """Promise 2. By then its key may be in a state that would take it: a repeat would have a late effect."""
    house = House([word("second", 0, once="1"), word("first", 1, once="2")])
    await house.turn()
    assert (house.steps(), list(house.quarantine.kept)) == (("first",), [f"{IN}/0/0"])
    house.consumer.committed.clear()
    house.consumer.rebalance()
    await house.turn()
    assert house.steps() == ("first",)
    assert house.consumer.committed == {(IN, 0): 2}


async def test_a_bug_at_the_door_sets_its_record_aside_and_the_others_go_on() -> None:
    house = House([word("a", 0), word("door", 1), word("b", 2)])
    await house.turn()
    assert house.steps() == ("a", "b")
    assert house.quarantine.kept[f"{IN}/0/1"].reason == "bug"
    assert house.consumer.committed == {(IN, 0): 3}


async def test_nothing_is_committed_before_everything_after_the_write_is_done() -> None:
    committed: list[Any] = []

    async def after(_: Any) -> None:
        committed.append(dict(house.consumer.committed))

    house = House([word("a")], after=after)
    await house.turn()
    assert committed == [{}]


@pytest.mark.parametrize("error", [Transient("away"), ConnectionError(), TimeoutError(), Bug("ours"), KeyError("ours")])
async def test_whatever_goes_wrong_nothing_moves_and_the_records_come_again(error: BaseException) -> None:
    """Promise 1. A record passed over would be lost with the next commit."""
    trouble, mended = fails_until_told(error)
    house = House([word("a", 0), word("b", 1)], trouble=trouble)
    await house.turn()
    assert (house.consumer.committed, house.consumer.paused) == ({}, {(IN, 0)})
    assert house.consumer.poll() == [], "paused"
    mended()
    await eventually(lambda: not house.consumer.paused)
    await house.turn()
    assert (house.steps(), house.consumer.committed) == (("a", "b"), {(IN, 0): 2})


async def test_a_failure_after_the_write_brings_the_records_again_too() -> None:
    attempts = []

    async def after(outcomes: Any) -> None:
        attempts.append([o.status for o in outcomes])
        if len(attempts) == 1:
            raise Bug("ours")

    house = House([word("a", once="1")], after=after)
    await house.turn()
    assert house.consumer.committed == {}
    await eventually(lambda: not house.consumer.paused)
    await house.turn()
    assert attempts == [["applied"], ["repeat"]]
    assert house.consumer.committed == {(IN, 0): 1}


async def test_each_failure_waits_longer_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []
    trouble, _ = fails_until_told(Transient("away"))
    house = House([word("a")], trouble=trouble)

    async def resume(places: Any, consumer: Any, delay: float) -> None:
        delays.append(delay)
        consumer.resume(places)

    house.bus._resume_later = resume  # type: ignore[method-assign]
    for _ in range(25):
        await house.turn()
        await asyncio.sleep(0)
    assert all(0.005 <= delay <= bus_module.LONGEST_BACK_OFF_S for delay in delays)
    assert max(delays[:3]) < min(delays[5:])
    assert len(set(delays)) == 25, "with jitter"


@pytest.mark.parametrize("error", [HeldFull("full"), Bug("ours")])
async def test_trouble_with_one_partition_does_not_hold_up_the_others(error: Exception) -> None:
    """DESIGN 5: its partition has to wait, and only that."""

    def trouble(changes: Sequence[Change[Any]]) -> None:
        if any(change.key == "k0" for change in changes):
            raise error

    house = House([word("a", 0), word("b", 0, partition=1), word("c", 0, partition=2)], trouble=trouble)
    await house.turn()
    assert house.consumer.committed == {(IN, 1): 1, (IN, 2): 1}
    assert house.consumer.paused == {(IN, 0)}
    assert house.consumer.positions[IN, 0] == 0


def unworkable(changes: Sequence[Change[Any]]) -> None:
    """An error of ours that no decision raises: around it, where a key can't be parked."""
    if any(change.key.startswith("odd") for change in changes):
        raise Bug("ours")


async def turns_until(house: House, true: Callable[[], bool]) -> None:
    async def turned() -> bool:
        await house.turn()
        return true()

    await eventually(turned)


async def test_an_error_of_ours_that_stays_is_narrowed_down_to_its_record_and_the_others_flow() -> None:
    house = House([word(str(n), n, key="odd" if n == 3 else "k0") for n in range(8)], trouble=unworkable)
    await turns_until(house, lambda: house.consumer.committed == {(IN, 0): 8})
    assert house.steps() == ("0", "1", "2", "4", "5", "6", "7")
    assert [(aside.id, aside.reason) for aside in house.quarantine.kept.values()] == [(f"{IN}/0/3", "bug")]


async def test_many_such_errors_stop_the_partition_and_what_comes_after_is_left_on_it() -> None:
    house = House([word(str(n), n, key=f"odd-{n}") for n in range(30)], trouble=unworkable)
    await turns_until(house, lambda: house.stops.kept == {(IN, 0)})
    assert len(house.quarantine.kept) == house.consumer.committed[IN, 0] == 21
    assert house.consumer.positions[IN, 0] == 21
    assert house.consumer.paused == {(IN, 0)}


async def test_a_partition_that_fails_again_and_again_waits_longer_however_well_the_others_do() -> None:
    delays: list[float] = []

    def trouble(changes: Sequence[Change[Any]]) -> None:
        if any(change.key == "k0" for change in changes):
            raise HeldFull("full")

    house = House([word("a", 0)] + [word(str(n), n, partition=1) for n in range(8)], trouble=trouble)

    async def resume(places: Any, consumer: Any, delay: float) -> None:
        delays.append(delay)
        consumer.resume(places)

    house.bus._resume_later = resume  # type: ignore[method-assign]
    for n in range(8):
        (mine,) = house.consumer.logs[IN, 0]
        await house.bus.process([mine, house.consumer.logs[IN, 1][n]], house.consumer)
        await asyncio.sleep(0)
    assert house.consumer.committed == {(IN, 1): 8}
    assert delays[7] > 20 * delays[0]


async def test_a_database_that_is_away_is_not_asked_again_for_each_partition() -> None:
    asked = []

    def trouble(changes: Any) -> None:
        asked.append(changes)
        raise Transient("away")

    house = House([word("a", 0, partition=p) for p in range(5)], trouble=trouble)
    await house.turn()
    assert len(asked) == 1
    assert len(house.consumer.paused) == 5


async def test_records_of_partitions_given_away_meanwhile_are_left_to_their_new_owner() -> None:
    house = House([word("a", 0), word("b", 0, partition=1)])
    batch = house.consumer.poll()
    house.consumer.assigned.discard((IN, 0))
    await house.bus.process(batch, house.consumer)
    assert house.steps() == ()
    assert house.consumer.committed == {(IN, 1): 1}


async def test_more_than_twenty_bugs_in_a_row_stop_the_partition_and_only_it() -> None:
    bugs = [word("bug", i, key=f"key-{i}") for i in range(21)]
    house = House([*bugs, word("fine", 21), word("fine", 0, partition=1)])
    await house.turn()
    assert house.consumer.paused == {(IN, 0)}
    assert house.consumer.committed[IN, 0] == 22, "every key is parked in its document, nothing is lost"
    assert house.steps("k1") == ("fine",)


async def test_keys_that_wait_behind_their_bug_do_not_interrupt_the_row() -> None:
    records = []
    for i in range(21):
        records += [word("bug", 2 * i, key=f"key-{i}"), word("more", 2 * i + 1, key=f"key-{i}")]
    house = House(records)
    await house.turn()
    assert house.consumer.paused == {(IN, 0)}


async def test_bugs_behind_one_of_two_doors_are_bugs_of_the_record() -> None:
    house = House([word("x", i, key=f"key-{i}") for i in range(21)], doors=2)
    broken = house.stores[0]
    for i in range(21):
        broken.document(f"key-{i}")
    house.bus.doors[IN][0] = Door(
        broken, lambda e: Change(e.subject, fail, e.id, event=e), Inbound(frozenset({"word"}))
    )  # type: ignore[index, arg-type]
    for record in house.consumer.poll():
        await house.bus.process([record], house.consumer)
    assert house.consumer.paused == {(IN, 0)}


async def test_garbage_of_outsiders_never_stops_a_partition() -> None:
    house = House(
        [word(b"{", i) for i in range(600)] + [word("wrong", 600 + i) for i in range(600)] + [word("fine", 1200)]
    )
    await house.turn()
    assert house.consumer.paused == set()
    assert house.steps() == ("fine",)


async def test_a_stopped_partition_loses_nothing_through_a_rebalance() -> None:
    """A rebalance forgets what was paused: what comes then must not be passed over."""
    house = House([word("bug", i, key=f"key-{i}") for i in range(21)])
    await house.turn()
    house.consumer.logs[IN, 0] += [word("later", 21), word("later still", 22)]
    house.consumer.rebalance()
    await house.turn()
    assert house.steps() == ()
    assert house.consumer.paused == {(IN, 0)}
    await house.stops.remove((IN, 0))
    await house.bus.heed_stops(house.consumer)
    await house.turn()
    assert house.steps() == ("later", "later still")
    assert house.consumer.committed == {(IN, 0): 23}


async def test_a_partition_stays_stopped_in_the_process_that_gets_it_next() -> None:
    """Else a crash loop would park everything, twenty keys at a time."""
    first = House([word("bug", i, key=f"key-{i}") for i in range(21)])
    await first.turn()
    next_ = House([word("later", 0), word("fine", 0, partition=1)], stops=first.stops)
    await next_.turn()
    assert (next_.steps("k0"), next_.steps("k1")) == ((), ("fine",))
    assert next_.consumer.paused == {(IN, 0)}
    assert next_.stopped() == 1
    next_.ownership.assign([(IN, 1)])
    next_.consumer.assigned = {(IN, 1)}
    await next_.bus.heed_stops(next_.consumer)
    assert next_.stopped() == 1, "every replica tells of all that stands still: there may be no owner"
    await next_.stops.remove((IN, 0))
    await next_.bus.heed_stops(None)
    assert next_.stopped() == 0


async def test_a_stop_is_kept_before_anything_is_committed() -> None:
    house = House([word("bug", i, key=f"key-{i}") for i in range(21)])
    await house.bus.heed_stops(house.consumer)
    house.stops.trouble = fails_always(Transient("away"))
    await house.turn()
    assert (house.consumer.committed, house.stops.kept) == ({}, set())
    house.stops.trouble = lambda: None
    await house.bus.heed_stops(house.consumer)
    assert house.stops.kept == {(IN, 0)}
    await never(lambda: house.consumer.paused != {(IN, 0)}, during=0.1)


@pytest.mark.parametrize("error", [Transient("away"), KeyError("ours")])
async def test_before_it_is_known_what_was_stopped_no_record_is_taken(error: BaseException) -> None:
    house = House([word("a", 0)])
    house.stops.trouble = fails_always(error)
    await house.turn()
    assert (house.steps(), house.consumer.committed, house.consumer.paused) == ((), {}, {(IN, 0)})
    house.stops.trouble = lambda: None
    await eventually(lambda: not house.consumer.paused)
    await house.turn()
    assert house.steps() == ("a",)


async def test_a_replay_stops_no_partition() -> None:
    """An operator tries what was set aside; that says nothing about what is on the partition now."""
    house = House([word("fine", 30)])
    await house.bus.work([word("bug", i, key=f"key-{i}") for i in range(21)])
    await house.turn()
    assert (house.steps(), house.consumer.paused) == (("fine",), set())


async def test_a_record_goes_through_every_door_of_its_topic() -> None:
    house = House([word("a")], doors=2)
    await house.turn()
    assert (house.steps(store=0), house.steps(store=1)) == (("a",), ("a",))


async def test_a_hint_is_handed_on_and_nothing_is_stored() -> None:
    house = House([word("x", topic="hints.v1", key="pool-1")])
    await house.turn()
    assert house.signals == ["pool-1"]
    assert house.stores[0].batches == []
    assert house.consumer.committed == {("hints.v1", 0): 1}


async def test_draining_waits_for_the_batch_in_hand_and_its_commit() -> None:
    going, go = asyncio.Event(), asyncio.Event()

    async def after(_: Any) -> None:
        going.set()
        await go.wait()

    house = House([word("a")], after=after)
    batch = asyncio.create_task(house.turn())
    await going.wait()
    drained = asyncio.create_task(house.bus.drain())
    await asyncio.sleep(0)
    assert not drained.done()
    go.set()
    await drained
    assert house.consumer.committed == {(IN, 0): 1}
    await batch


async def test_a_stopping_bus_takes_nothing_more() -> None:
    house = House([word("a")])
    house.bus.stopping = True
    await house.turn()
    assert (house.steps(), house.consumer.committed) == ((), {})


async def test_what_was_applied_moves_the_timers_horizon() -> None:
    house = House([word("a", 0), word("b", 1)])
    await house.turn()
    assert house.ownership.next_offset((IN, 0)) == 2
    assert house.ownership.applied_until(0) is not None
