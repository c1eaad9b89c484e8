"""Garbage by the thousand between good contacts: all good ones are applied, as many are set aside as were sent.

GARBAGE=100000 in the environment sends as many; there is a good one for every ten.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.ids import contact_id
from shared.outbox import Publication
from tests.component.conftest import Alone
from tests.e2e.house import House
from tests.e2e.test_bad_input import BAD
from tests.rss import MOST_RSS_MIB, rss_mib
from tests.waiting import eventually

pytestmark = pytest.mark.stack

GARBAGE = int(os.environ.get("GARBAGE") or 5000)
GOOD = GARBAGE // 10
LARGE = 100_000
"""Bytes from which a kind of garbage is sent rarely: at most one in a hundred."""
PAGE = 1000


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        yield house


def good(number: int) -> Publication:
    body = {"source": "good", "id": f"good-{number}", "channel": "phone", "text": "退款"}
    return Publication("contacts.v1", f"good:{number}".encode(), json.dumps(body).encode(), ())


def garbage() -> Iterator[tuple[str, str, Publication]]:
    """Every kind in turn, with its reason and source. The identity that one of them uses again is the first to come."""
    kinds = [bad for name, bad in BAD.items() if name != "no value"]  # the client can't send it with many others
    small = [bad for bad in kinds if len(bad.value or b"") < LARGE]
    for number in range(GARBAGE):
        bad = kinds[number % len(kinds)]
        if len(bad.value or b"") >= LARGE and number % 100 >= len(kinds):
            bad = small[number % len(small)]
        record = Publication("contacts.v1", b"bad:%d" % (number % 500), bad.value, bad.headers)  # type: ignore[arg-type]
        yield bad.reason, bad.source, record


async def write(intake: House, records: list[Publication]) -> None:
    sent = [await intake._producer.send(r.topic, r.value, r.key, headers=list(r.headers)) for r in records]
    await asyncio.gather(*sent)


async def set_aside(intake: House) -> Counter[tuple[str, str]]:
    """By reason and source, as the metric counts."""
    text = (await intake.ask("GET", "intake", "/metrics")).text
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    told = [s for s in samples if s.name == "switchboard_quarantined_total"]
    return Counter({(s.labels["reason"], s.labels["source"]): int(s.value) for s in told})


async def applied(intake: House) -> set[str]:
    """The good contacts that cases hold, but for the one whose identity is used again."""
    found = intake._mongo["switchboard_intake"]["cases"].find({}, projection={"ix.contacts": 1})
    contacts = {own for case in await found.to_list() for own in case["ix"]["contacts"]}
    return contacts - {contact_id("bad-channel", "good")}


async def test_garbage_among_good_contacts_is_counted_out_to_the_last_and_stops_nothing(intake: House) -> None:
    """Promise 4."""
    await intake.say("contacts.v1", {**json.loads(BAD["unknown channel"].value or b""), "id": "good", "channel": "web"})
    await intake.quiet()
    sent, injected, highest = 0, Counter[tuple[str, str]](), 0.0
    page: list[Publication] = []
    began = time.monotonic()
    for number, (reason, source, record) in enumerate(garbage()):
        injected[reason, source] += 1
        page.append(record)
        if number % 10 == 0:
            page.append(good(sent))
            sent += 1
        if len(page) >= PAGE:
            await write(intake, page)
            page = []
    await write(intake, page)

    async def all_counted() -> bool:
        nonlocal highest
        highest = max(highest, rss_mib(intake.pid("intake")))
        return sum((await set_aside(intake)).values()) >= GARBAGE

    await eventually(all_counted, within=60 + GARBAGE / 100)
    took = time.monotonic() - began
    await intake.quiet()
    print(f"{GARBAGE + GOOD} records in {took:.1f} s, {(GARBAGE + GOOD) / took:.0f}/s, {highest:.0f} MiB at most")

    assert await set_aside(intake) == injected
    kept = intake._mongo["switchboard_intake"]["quarantine"]
    assert await kept.count_documents({}) == GARBAGE
    copies = await intake.said("contacts.v1.dlq")
    assert len({record.headers["switchboard_place"] for record in copies}) == GARBAGE
    assert await applied(intake) == {contact_id("good", f"good-{number}") for number in range(GOOD)}
    assert highest < MOST_RSS_MIB
    await eventually(lambda: "records of 'bad-channel' set aside: invalid" in intake.log("intake"))
    assert intake.log("intake").count("set aside: invalid") <= took + 10, "told now and then, not each"
    partitions = await intake.get("intake", "/v1/partitions")
    assert not any(item["stopped"] for item in partitions["items"])
