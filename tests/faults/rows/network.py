"""What can happen between a service and its broker and database."""

from __future__ import annotations

from tests.faults.rows import row
from tests.faults.stage import Stage


@row(rate=40, contacts_short=200, short=True)
async def weather(on: Stage) -> None:
    """200 ms of latency and 5 % of the connections reset each second."""
    with on.cluster.weather(latency_s=0.2, resets=0.05, seed=on.chance.random()):
        await on.lasting(on.scaled(60, 10))
