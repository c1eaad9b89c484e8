"""The mechanics under trouble: three tiny services, every kind of failure, and each guard shown to be needed."""

import asyncio
import os
from typing import Any

import pytest

from shared.errors import TRANSIENT
from shared.guarded import Guards
from tests.simulation import tiny
from tests.simulation.faults import Faults
from tests.simulation.invariants import check_published, digest
from tests.simulation.scheduler import current, run
from tests.simulation.trouble import drawn, trouble
from tests.simulation.world import World, simulated

SEEDS = [int(os.environ["SEED"])] if os.environ.get("SEED") else list(range(int(os.environ.get("SEEDS") or 150)))
KEYS = [f"k{number}" for number in range(5)]
ORDERS = 40
TROUBLE_S = 12.0


async def history(**guards: Any) -> World:
    """Customers order over Kafka and HTTP while things go wrong; then all is well again and comes to rest."""
    loop = current()
    faults = Faults(loop.random)
    drawn(faults)
    world = World(loop, faults, **guards)
    for name, assemble in (("count", tiny.count_service), ("echo", tiny.echo_service), ("watch", tiny.watch_service)):
        world.add(name, assemble, tiny.SETTINGS)
    world.start()
    customers = [asyncio.create_task(_order(world, number)) for number in range(ORDERS)]
    await trouble(world, TROUBLE_S)
    faults.heal()
    await asyncio.gather(*customers)
    await world.settle()
    await asyncio.sleep(tiny.CLOSES_AFTER.total_seconds() + 1)
    await world.settle()
    return world


async def _order(world: World, number: int) -> None:
    chance = world.faults.chance
    await asyncio.sleep(chance.uniform(0, TROUBLE_S))
    order = tiny.Order(key=chance.choice(KEYS), id=f"o{number}")
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
    counts, echoes, watches = (
        world.states("count", "counts"),
        world.states("echo", "echoes"),
        world.states("watch", "watches"),
    )
    ids = sorted(id_ for count in counts.values() for id_ in count["ids"])
    assert ids == sorted(f"o{number}" for number in range(ORDERS)), "an order is missing, or counted twice"
    for key, count in counts.items():
        totals = list(range(1, len(count["ids"]) + 1))
        assert echoes[key]["totals"] == totals == count["echoed"]
        assert count["closes_at"] is None
        log = watches[key]["log"]
        assert sorted(log) == sorted(f"{what} {total}" for what in ("count", "echo") for total in totals)
        assert all(log.index(f"count {total}") < log.index(f"echo {total}") for total in totals), (
            "an effect before its cause"
        )


def play(seed: int, **guards: Any) -> World:
    async def main() -> World:
        return await history(**guards)

    with simulated():
        return run(main, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_fails_every_order_counts_once_and_in_order(seed: int) -> None:
    check(play(seed))


def digest_of(seed: int) -> str:
    return digest(play(seed))


def breaks(seed: int, **guards: Any) -> bool:
    try:
        check(play(seed, **guards))
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize(
    "without",
    [
        {"guards": Guards(version=False)},
        {"guards": Guards(nonce=False)},
        {"guards": Guards(seen=False)},
        {"guards": Guards(majority=False)},
        {"commit_after_write": False},
    ],
    ids=["version", "nonce", "seen", "majority", "commit-after-write"],
)
def test_without_this_guard_some_history_breaks(without: dict[str, Any]) -> None:
    assert any(breaks(seed, **without) for seed in range(60))
