"""What can happen to the brokers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tests.faults.rows import row
from tests.faults.stage import Stage

AWAY_RATE = 25.0
DRAINS_TIMES_FASTER = 5.0


@row(contacts_short=200, short=True)
async def broker(on: Stage) -> None:
    """One broker is killed and comes back."""
    victim = on.chance.randrange(3)
    await on.blocking(on.cluster.brokers.kill, victim)
    await on.lasting(on.scaled(30, 12))
    await on.blocking(on.cluster.brokers.start, victim)


@row()
async def brokers(on: Stage) -> None:
    """All brokers are killed and away for 60 s."""
    await on.blocking(on.cluster.brokers.kill_all)
    await on.lasting(on.scaled(60, 15))
    await on.blocking(on.cluster.brokers.start_all)


@row(rate=AWAY_RATE, over_http=1.0, contacts=15_000, most_behind=100_000)
async def outbox(on: Stage) -> None:
    """No broker for ten minutes while contacts come over HTTP; afterwards the outbox is drained five times as fast."""
    await on.blocking(on.cluster.brokers.kill_all)
    arrived_in_s = on.scaled(600, 20)
    await on.lasting(arrived_in_s)
    waiting = await _waiting(on)
    on.must(on.load.tried_again == 0, f"{on.load.tried_again} contacts had to be sent again while the broker was away")
    starting = asyncio.create_task(on.blocking(on.cluster.brokers.start_all))
    await on.until(lambda: _fewer(on, 0.98 * waiting), 180, "the outbox begins to be drained")
    began = time.monotonic()
    await on.until(lambda: _fewer(on, 0.02 * waiting), 300, "the outbox is drained")
    faster = 0.96 * arrived_in_s / (time.monotonic() - began)
    await starting
    on.note(f"{waiting} cases waited, then were drained at {faster:.0f} times the rate of arrival")
    enough = not on.short  # after a few seconds away, the brokers' start is most of the time
    on.must(
        not enough or faster >= DRAINS_TIMES_FASTER,
        f"the outbox was drained at {faster:.1f} times the rate of arrival only",
    )


async def _fewer(on: Stage, than: float) -> bool:
    return await _waiting(on) < than


async def _waiting(on: Stage) -> int:
    """Cases with events that are not known to be published."""
    cases: Any = on.mongo["switchboard_intake"]["cases"]
    found: int = await cases.count_documents({"pending": {"$exists": True}})
    return found
