"""What can happen to the database."""

from __future__ import annotations

from tests.faults.rows import row
from tests.faults.stage import Stage


@row(contacts_short=200, short=True)
async def primary(on: Stage) -> None:
    """The primary is killed, then stepped down, then cut off from the majority while clients still reach it."""
    database = on.cluster.database
    victim = await on.blocking(database.primary)
    await on.blocking(database.kill, victim)
    await on.lasting(on.scaled(15, 5))
    await on.blocking(database.start, victim)
    await on.blocking(database.step_down)
    await on.lasting(on.scaled(10, 3))
    minority = await on.blocking(database.primary)
    await on.blocking(database.cut_off, minority)
    await on.lasting(on.scaled(20, 8))
    await on.blocking(database.rejoin, minority)


@row()
async def database(on: Stage) -> None:
    """The whole database is away for 60 s."""
    await on.blocking(on.cluster.database.kill_all)
    await on.lasting(on.scaled(60, 15))
    await on.blocking(on.cluster.database.start_all)


@row(own_cluster=True)
async def disk(on: Stage) -> None:
    """The disk of the database is full, and is given room again."""
    await on.blocking(on.cluster.database.fill_disk)
    try:
        await on.lasting(on.scaled(30, 10))
    finally:
        await on.blocking(on.cluster.database.free_disk)
