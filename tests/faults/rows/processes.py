"""What can happen to our own processes."""

from __future__ import annotations

import asyncio
import time

from tests.faults.clock import false_clock
from tests.faults.fleet import LEAVES_WITHIN_S, NAMES, Member
from tests.faults.rows import row
from tests.faults.stage import Stage

ZOMBIE_S = 14.0
"""Longer than the session timeout of 10 s: its partitions are somebody else's when it wakes up."""


@row(rate=90, contacts_short=200)
async def calm(on: Stage) -> None:
    """No fault at all: what the others are compared with."""
    await on.lasting(on.scaled(20, 3))


@row(rate=45, contacts=10_000, contacts_short=200, short=True)
async def kills(on: Stage) -> None:
    """kill -9 of each service at random moments; it is started again at once."""
    left = [member for member in on.fleet.running() for _ in range(2 if on.short else 20)]
    on.chance.shuffle(left)
    for member in left:
        await on.fleet.ready(member)
        await on.at_random(on.scaled(6, 3))
        await on.blocking(on.fleet.kill, member)
        on.fleet.start_again(member)
    await on.fleet.ready()
    on.note(f"{len(left)} kills")


@row(contacts_short=200, short=True)
async def zombie(on: Stage) -> None:
    """SIGSTOP beyond the session timeout, another replica takes over, SIGCONT: the zombie changes nothing."""
    victims = on.chance.sample(NAMES, 2 if on.short else len(NAMES))
    for service in victims:
        await on.fleet.scale(service, 2)
    await on.fleet.ready()
    await asyncio.gather(*(_sleeps(on, on.chance.choice(on.fleet.of(service))) for service in victims))
    for service in victims:
        await on.fleet.scale(service, 1)


async def _sleeps(on: Stage, member: Member) -> None:
    await on.at_random(3.0)
    on.fleet.freeze(member)
    await on.lasting(ZOMBIE_S)
    on.fleet.thaw(member)


@row()
async def replicas(on: Stage) -> None:
    """Each service goes from one replica to three and back while contacts come."""
    for count in (3, 1):
        for service in on.chance.sample(NAMES, len(NAMES)):
            await on.fleet.scale(service, count)
        await on.fleet.ready()
        await on.lasting(on.scaled(15, 3))


@row(contacts_short=200, short=True)
async def rolling(on: Stage) -> None:
    """A rolling restart of every process, and of two replicas of each in the full version."""
    for service in NAMES:
        await on.fleet.scale(service, 1 if on.short else 2)
    await on.fleet.ready()
    on.note(f"left after {await on.fleet.roll():.1f} s at most")
    for service in NAMES:
        await on.fleet.scale(service, 1)


@row()
async def sigterm(on: Stage) -> None:
    """SIGTERM in mid-batch: whoever is told to leave finishes, commits and is gone within 10 s."""
    took: list[float] = []
    for _ in range(int(on.scaled(3, 1))):
        for member in on.chance.sample(on.fleet.running(), len(NAMES)):
            on.load.send(int(on.scaled(200, 40)))  # so that there is a batch to be in the midst of
            await on.at_random(0.5)
            took.append(await on.fleet.restart(member))
    on.note(f"left after {max(took):.1f} s at most, {sum(took) / len(took):.1f} s on average")
    on.must(
        max(took) <= LEAVES_WITHIN_S, f"one left {max(took):.1f} s after SIGTERM, {LEAVES_WITHIN_S:g} s are promised"
    )


@row()
async def clock(on: Stage) -> None:
    """The clock of one service is an hour ahead, then an hour behind, then right: it stands still until it is right."""
    victim = on.fleet.of(on.chance.choice(NAMES))[0]
    with false_clock(on.fleet.paths.root / "clock") as turned:
        await on.fleet.restart(victim, env=turned.env)
        for offset in on.chance.sample(("+3600s", "-3600s"), 2):
            turned.to(offset)
            await on.lasting(on.scaled(15, 8))
        turned.to("+0s")
        on.note(f"{victim.service}")
        began = time.monotonic()
        await on.fleet.ready(victim)
        on.note(f"ready {time.monotonic() - began:.1f} s after its clock was right")
        await on.recovered()
    await on.fleet.restart(victim)
