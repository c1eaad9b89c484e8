"""What can happen to the records: read again, written again, bad, or very many."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from random import Random

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata

from shared.events.contacts import MAX_TEXT_BYTES
from shared.outbox import Header, Publication
from tests.e2e.house import READS, places_of
from tests.faults.fleet import NAMES
from tests.faults.pen import pen
from tests.faults.rows import row
from tests.faults.stage import Stage
from tests.rss import MOST_RSS_MIB

# Each of these rows writes through a producer of its own: its pages must not hold up the senders of single records.
INBOUND = ("contacts.v1", "work.v1", "agents.v1", "escalation-replies.v1")
PAGE = 1000
TALKS, LARGE_EVERY = 1000, 2500


@row(contacts_short=200, short=True)
async def offsets(on: Stage) -> None:
    """The offsets of every group are reset to the start: all is read again, nothing is applied again."""
    members = on.fleet.running()
    await asyncio.gather(*(on.fleet.leave(member) for member in members))
    await asyncio.gather(*(_reset(on, service) for service in NAMES))
    for member in members:
        on.fleet.start_again(member)
    await on.fleet.ready()


async def _reset(on: Stage, service: str) -> None:
    """Once its group has no members: one that did not take its leave is forgotten after the session timeout."""
    start = {place: OffsetAndMetadata(0, "") for place in places_of(sorted(READS[service]))}
    group = AIOKafkaConsumer(
        bootstrap_servers=on.cluster.brokers.direct, group_id=f"switchboard.{service}", enable_auto_commit=False
    )

    async def done() -> bool:
        try:
            await group.commit(start)
        except CommitFailedError:
            return False
        return True

    await group.start()
    try:
        group.assign(list(start))
        await on.until(done, 30, f"the group of {service} is empty")
    finally:
        await group.stop()


@row(contacts_short=200)
async def replay(on: Stage) -> None:
    """Everything that outsiders ever wrote is written a second time, whole."""
    again = 0
    async with pen(on.cluster.brokers.direct) as writer:
        for topic in INBOUND:
            async for page in _pages(on, topic):
                await writer.write(page)
                again += len(page)
    on.note(f"{again} records written again")


async def _pages(on: Stage, topic: str) -> AsyncIterator[list[Publication]]:
    """What is on a topic now, as it is, page by page."""
    reader = AIOKafkaConsumer(bootstrap_servers=on.cluster.brokers.direct, max_poll_records=PAGE)
    await reader.start()
    try:
        places = places_of([topic])
        reader.assign(places)
        await reader.seek_to_beginning()
        ends = await reader.end_offsets(places)
        left = {place for place, end in ends.items() if end}
        while left:
            for place, records in (await reader.getmany(timeout_ms=200)).items():
                yield [Publication(topic, r.key, r.value, list(r.headers)) for r in records if r.offset < ends[place]]
                if records[-1].offset + 1 >= ends[place]:
                    left.discard(place)
    finally:
        await reader.stop()


@row(rate=150, contacts=10_000)
async def garbage(on: Stage) -> None:
    """100,000 bad records between 10,000 good ones: all good ones count, and as many are set aside as were bad."""
    began, page = time.monotonic(), int(on.scaled(PAGE, 100))
    async with pen(on.cluster.brokers.direct) as writer:
        for first in range(0, 100 * page, page):
            await writer.write([bad(number, on.chance) for number in range(first, first + page)])
            on.injected += page
            await on.load.has_accepted(on.injected // 10)
    ends = await on.ends()

    async def read() -> bool:
        return not await on.behind(ends, ["intake"])

    await on.until(read, 300, "intake has read all bad records")
    on.note(f"{on.injected} bad records in {time.monotonic() - began:.0f} s")


def bad(number: int, chance: Random) -> Publication:
    """One bad record of any kind; no two are the same."""
    good = {"source": "garbage", "id": f"g{number}", "channel": "phone", "text": "退款"}
    headers: list[Header] = []
    value: bytes | None = json.dumps(good).encode()
    match chance.randrange(8):
        case 0:
            value = b"{" + str(number).encode()
        case 1:
            value = b""
        case 2:
            value = bytes(chance.randrange(256) for _ in range(40))
        case 3:
            value = json.dumps({**good, "channel": "telegraph"}).encode()
        case 4:
            value = json.dumps({**good, "text": 5}).encode()
        case 5:
            value = json.dumps({**good, "id": None}).encode()
        case 6:
            value = b"[" * 500
        case _:
            headers = [("ce_specversion", b"1.0"), ("ce_type", b"\xff\xfe"), ("ce_id", b"x"), ("ce_source", b"y")]
    return Publication("contacts.v1", f"g{number}".encode(), value, headers)


@row(contacts=1000, rate=20)
async def behind(on: Stage) -> None:
    """A consumer that is a million records behind keeps its memory below its pod's limit, and catches up."""
    member = on.fleet.of("intake")[0]
    before = member.rss_mib()
    await on.fleet.leave(member)
    page = int(on.scaled(10_000, 500))
    async with pen(on.cluster.brokers.direct) as writer:
        for first in range(0, 100 * page, page):
            await writer.write([late(number) for number in range(first, first + page)])
    on.fleet.start_again(member)
    await on.fleet.ready(member)
    highest = 0.0
    large = range(100 * page // LARGE_EVERY)
    names = [*(f"b{number}" for number in range(TALKS)), *(f"large-{nth}" for nth in large)]
    on.load.accepted |= {("behind", name): time.monotonic() for name in names}
    ends = await on.ends()

    async def caught_up() -> bool:
        nonlocal highest
        highest = max(highest, member.rss_mib())
        return not await on.behind(ends, ["intake"])

    took = await on.until(caught_up, 900, "a million records are read")
    on.note(f"{before:.0f} MiB before, {highest:.0f} MiB at most; {100 * page:,} records in {took:.0f} s")
    on.must(highest < MOST_RSS_MIB, f"intake grew to {highest:.0f} MiB")


def late(number: int) -> Publication:
    """Repeats of a thousand contacts in all partitions: what a channel system does that has lost its place. Now and
    then a new one joins one of their talks, as large as it may be, so that there is something to write too."""
    nth, rest = divmod(number, LARGE_EVERY)
    own, talk, text = f"b{number % TALKS}", f"b{number % TALKS}", "退款"
    if rest == LARGE_EVERY - 1:
        own, talk, text = f"large-{nth}", f"b{nth % TALKS}", text * (MAX_TEXT_BYTES // len(text.encode()))
    body = {"source": "behind", "id": own, "channel": "phone", "text": text, "conversation": talk}
    return Publication("contacts.v1", talk.encode(), json.dumps(body).encode(), [])
