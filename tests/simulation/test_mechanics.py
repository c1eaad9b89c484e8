"""The mechanics under trouble: three tiny services, every kind of failure, and each guard shown to be needed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from shared.errors import TRANSIENT
from tests.simulation import tiny
from tests.simulation.faults import Faults
from tests.simulation.invariants import check_followed, check_published, digest, events
from tests.simulation.scheduler import current, run
from tests.simulation.trouble import LAGS, drawn, replays, trouble
from tests.simulation.unguarded import (
    CausesUnheeded,
    ClockUnchecked,
    CommitsAllThatIsThere,
    CommitsBeforeWrite,
    ForgetsIds,
    PublishesBeforeMajority,
    RelayedOtherwise,
    SetsAsideAfterCommit,
    TakesOutboxForPublished,
    built_heedless,
    with_bus,
    with_core,
    with_store,
    without_guard,
)
from tests.simulation.world import MADE, Made, NeverAtRest, World, silent

SEEDS = 60
KEYS = [f"k{number}" for number in range(5)]
ORDERS = 40
TROUBLE_S = 12.0
GARBAGE = b"{ this is no order"
A_LITTLE = timedelta(milliseconds=500)
"""More than clocks may differ here that are taken to be right."""


async def history(made_of: Made = MADE, lag: tuple[float, float] | None = None) -> World:
    """Customers order over Kafka and HTTP while things go wrong; then all is well again and comes to rest.

    `lag`: how far the other nodes of the replica set are behind, in seconds, where that is not drawn.
    """
    loop = current()
    faults = Faults(loop.random)
    drawn(faults)
    faults.delays["mongo.majority"] = lag or faults.delays["mongo.majority"]
    world = World(loop, faults, made_of=made_of, partitions=3)
    for name, assemble in (("count", tiny.count_service), ("echo", tiny.echo_service), ("watch", tiny.watch_service)):
        world.add(name, assemble, tiny.SETTINGS)
    world.start()
    customers = [asyncio.create_task(_order(world, number)) for number in range(ORDERS)]
    again = asyncio.create_task(replays(world, ("orders.v1",), TROUBLE_S))
    await trouble(world, TROUBLE_S)
    world.heal()
    await asyncio.gather(*customers, again)
    await world.settle()
    await asyncio.sleep(tiny.CLOSES_AFTER.total_seconds() + 1)
    await world.settle()
    return world


async def _order(world: World, number: int) -> None:
    chance = world.faults.chance
    await asyncio.sleep(chance.uniform(0, TROUBLE_S))
    order = tiny.Order(key=chance.choice(KEYS), id=f"o{number}")
    if chance.random() < 0.1:
        world.broker.write("orders.v1", GARBAGE, order.key.encode())
    if chance.random() < 0.5:
        for _ in range(chance.choice((1, 1, 2))):
            world.broker.write("orders.v1", tiny.body(order), order.key.encode())
        return
    while True:  # a caller who does not know asks again
        try:
            await world.request("count", lambda running: tiny.place(running, order))
            return
        except TRANSIENT:
            await asyncio.sleep(chance.uniform(0.1, 1.0))


def check(world: World) -> None:
    check_published(world, ("counts.v1", "echoes.v1"))
    check_followed(world, ("counts.v1", "echoes.v1"))
    check_orders(world)
    check_order_of_effects(world)
    check_closings(world)
    check_garbage(world)


def check_orders(world: World) -> None:
    counts = world.states("count", "counts").values()
    ids = sorted(id_ for count in counts for id_ in count["ids"])
    assert ids == sorted(f"o{number}" for number in range(ORDERS)), "an order is missing, or counted twice"
    assert all(count["closes_at"] is None for count in counts)


def check_order_of_effects(world: World) -> None:
    echoes, watches = world.states("echo", "echoes"), world.states("watch", "watches")
    for key, count in world.states("count", "counts").items():
        totals = list(range(1, len(count["ids"]) + 1))
        assert echoes[key]["totals"] == totals == count["echoed"]
        log = watches[key]["log"]
        assert sorted(log) == sorted(f"{what} {total}" for what in ("count", "echo") for total in totals)
        assert all(log.index(f"count {total}") < log.index(f"echo {total}") for total in totals), (
            "an effect before its cause"
        )


def check_closings(world: World) -> None:
    """No timer fires before its time, nor before what was written before that has been applied."""
    written = [(_moment(record), orjson.loads(record.value)) for record in _orders(world)]
    for key, records in events(world, "counts.v1").items():
        counted: set[str] = set()
        for record in records:
            said = orjson.loads(record.value)
            if "due" not in said:
                counted.add(said["id"])
                continue
            due = datetime.fromisoformat(said["due"])
            assert _moment(record) >= due - A_LITTLE, f"{key} was closed at {_moment(record)}, due {due}"
            before = {order["id"] for at, order in written if order["key"] == key and at < due - A_LITTLE}
            assert before <= counted, f"{key} was closed before {before - counted} were counted"


def check_garbage(world: World) -> None:
    """All that can't be read is set aside, whole, and nothing else is."""
    asides = world.replicas.documents("switchboard_count", "quarantine")
    places = {f"orders.v1/{r.partition}/{r.offset}" for r in world.broker.records("orders.v1") if r.value == GARBAGE}
    assert asides.keys() == places
    assert all(bytes(one["value"]) == GARBAGE for one in asides.values())


def _orders(world: World) -> list[Any]:
    return [record for record in world.broker.records("orders.v1") if record.value != GARBAGE]


def _moment(record: Any) -> datetime:
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def play(seed: int, made_of: Made = MADE, lag: tuple[float, float] | None = None) -> World:
    async def main() -> World:
        return await history(made_of, lag)

    with silent():
        return run(main, seed)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_fails_every_order_counts_once_and_in_order(seed: int) -> None:
    check(play(seed))


def digest_of(seed: int) -> str:
    return digest(play(seed))


def breaks(seed: int, guard: str) -> bool:
    """Whether a history breaks without this guard, and does not with it."""
    lag = LAGS[-1] if guard in LAGGING else None
    if not _breaks(seed, guard, lag):
        return False
    check(play(seed, lag=lag))
    return True


def _breaks(seed: int, guard: str, lag: tuple[float, float] | None) -> bool:
    """One that never comes to rest counts only where that is the harm: else it tells not what the guard is for."""
    try:
        check(play(seed, UNGUARDED[guard], lag))
    except NeverAtRest:
        return guard in STALLING
    except AssertionError:
        return True
    return False


UNGUARDED = {
    "version": without_guard(version=False),
    "nonce": without_guard(nonce=False),
    "seen": without_guard(seen=False),
    "majority-reads": without_guard(majority=False),
    "majority-before-publishing": with_core(with_store(PublishesBeforeMajority)),
    "ids-of-outsiders": with_core(with_store(ForgetsIds)),
    "cause-before-effect": with_core(with_store(CausesUnheeded)),
    "outbox-whole": with_core(RelayedOtherwise),
    "outbox-until-known": with_core(with_store(TakesOutboxForPublished)),
    "clock": with_core(ClockUnchecked),
    "timers-behind-the-backlog": Made(build=built_heedless),
    "commit-after-write": with_bus(CommitsBeforeWrite),
    "quarantine-before-commit": with_bus(SetsAsideAfterCommit),
    "commit-of-what-was-done": Made(consumer=CommitsAllThatIsThere),
}


MANY = 400
STALLING = frozenset({"outbox-whole", "outbox-until-known"})
"""Without it something is never published, and whoever reads the next waits for it."""
LAGGING = frozenset({"majority-reads"})
"""Missed only where a fail-over takes back what was read: where the other nodes are far behind."""


@pytest.mark.parametrize("guard", UNGUARDED)
def test_without_this_guard_some_history_breaks(guard: str) -> None:
    assert any(breaks(seed, guard) for seed in range(MANY))
