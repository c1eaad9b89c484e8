"""Two versions of our code beside each other."""

from __future__ import annotations

from tests.faults.fleet import NAMES
from tests.faults.rows import row
from tests.faults.stage import Stage
from tests.upgrades.before import code_before


@row()
async def versions(on: Stage) -> None:
    """The version before and this one side by side, then all on the one before, then back: both ways under load."""
    before = code_before(on.fleet.paths.root / "before")
    # The version before takes one address of a broker only.
    env = {"SWITCHBOARD_KAFKA": on.cluster.brokers.bootstrap.partition(",")[0]}
    for service in NAMES:
        await on.fleet.scale(service, 2, env, code=before)
    await on.fleet.ready()
    await on.lasting(on.scaled(10, 3))
    for service in NAMES:
        await on.fleet.scale(service, 1)
        await on.fleet.restart(on.fleet.of(service)[0], env, code=before)
    await on.lasting(on.scaled(10, 3))
    await on.fleet.roll()
