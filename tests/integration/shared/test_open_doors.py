"""Doors stay open: at overload, with a slow database, and while the broker is away for long (promise 1)."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import httpx

from shared import outbox
from shared.fold import Change
from tests.integration.shared.counting import Member, World, member
from tests.integration.shared.proxy import proxied
from tests.integration.shared.support import Tape, process
from tests.unit.shared.tally import add
from tests.waiting import eventually

FLOOD = 1200
MANY = 2000
"""Documents that wait: four pages of them."""


async def ready(one: Member) -> bool:
    return (await one.client.get("/readyz")).status_code == 200


async def test_a_flood_on_a_slow_database_is_answered_with_201_or_when_to_come_again(here: World) -> None:
    async with (
        proxied(here.mongo.removeprefix("mongodb://").partition("/")[0]) as proxy,
        member(here, mongo=f"mongodb://{proxy.address}/?directConnection=true") as one,
    ):
        await eventually(lambda: ready(one))
        proxy.hold()
        flood = [asyncio.create_task(one.say("x", str(number), key=f"k{number % 50}")) for number in range(FLOOD)]
        await eventually(lambda: any(answer.done() for answer in flood))
        for door in ("/livez", "/metrics"):
            assert (await one.client.get(door)).status_code == 200
        proxy.let_go()
        answers: list[httpx.Response] = await asyncio.gather(*flood)
        told = Counter(answer.status_code for answer in answers)
        assert set(told) == {201, 503}
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code != 201)
        assert (await one.say("x", "later", key="later")).status_code == 201
        counted = [await one.total(f"k{number}") for number in range(50)]
        assert sum(counted) == told[201]


async def test_after_a_long_outage_the_outboxes_are_emptied_in_order_at_one_turn(db: Any) -> None:
    """Page after page, and beside it new writes of the same documents never overtake what waits."""
    tape = Tape(away=True)
    p = await process(db, tape=tape)
    for first in range(0, MANY, 20):  # twenty arrive at once
        await p.store.apply([_change(number) for number in range(first, first + 20)])
    await p.store.apply([_change(0)])
    assert await p.store.documents.count_documents({"pending": {"$exists": True}}) == MANY
    tape.away = False
    p.clock.forward(seconds=2 * outbox.SWEEP_AFTER.total_seconds())
    beside = asyncio.create_task(p.add(5, key="k1"))
    assert await p.relay.sweep([p.store], None) >= MANY - 1
    await beside
    await p.relay.settle()
    assert tape.first_appearances(key="k0") == tape.first_appearances(key="k1") == [1, 2]
    assert {key for _, key, _, _ in tape.records} == {b"k%d" % number for number in range(MANY)}
    await p.relay.sweep([p.store], None)
    await eventually(lambda: _emptied(p))  # no majority is awaited for that


async def _emptied(p: Any) -> bool:
    return bool(await p.store.documents.count_documents({"pending": {"$exists": True}}) == 0)


def _change(number: int) -> Change[Any]:
    return Change(f"k{number}", partial(add, n=1), f"c{number}")
