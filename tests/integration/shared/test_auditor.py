"""CONTRACTS section 6: whoever must apply what was published and does not is counted and named, from both sides."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from shared.auditor import Auditor, Published, View, Waiting
from shared.errors import TRANSIENT
from shared.ids import partition_of
from shared.metrics import Metrics
from shared.offsets import KafkaOffsets
from tests.integration.shared.counting import PARTITIONS, Member, World, member
from tests.integration.shared.proxy import proxied
from tests.waiting import eventually

SOON = timedelta(seconds=0.5)


class Neighbour:
    """A service that watches whether the one of this test applies a topic."""

    def __init__(self, view: View) -> None:
        (self._pair,), self._metrics = view.pairs, Metrics("neighbour")
        self._auditor = Auditor(view, self._metrics)

    async def figure(self) -> float:
        """What the gauge says after a look."""
        try:
            await self._auditor.look()
        except TRANSIENT:
            assert math.isnan(self._shown()), "what is not known must not look known"
        return self._shown()

    def _shown(self) -> float:
        labels = {"service": "neighbour", **self._pair._asdict()}
        shown = self._metrics.registry.get_sample_value("switchboard_events_unseen", labels)
        assert shown is not None
        return shown

    async def sees(self, number: float, within: float = 20.0) -> None:
        async def so() -> bool:
            return await self.figure() == number

        await eventually(so, within)


@pytest.fixture
async def neighbour(here: World) -> AsyncIterator[Neighbour]:
    async with KafkaOffsets({"bootstrap_servers": here.kafka}) as offsets:
        yield Neighbour(Published({here.words: (here.name,)}, offsets, after=SOON))


def told(caplog: pytest.LogCaptureFixture, words: str) -> str:
    """The one line that says so."""
    (line,) = [record.getMessage() for record in caplog.records if words in record.getMessage()]
    return line


async def test_a_consumer_that_stops_is_noticed_by_its_neighbour_and_the_log_names_the_case(
    here: World, neighbour: Neighbour, caplog: pytest.LogCaptureFixture
) -> None:
    await here.say({"id": "1"}, {"id": "2"})
    async with member(here):
        await neighbour.sees(0)
    caplog.clear()
    await here.say({"id": "1", "key": "forgotten"}, {"id": "2", "key": "forgotten"}, key="forgotten")

    with caplog.at_level(logging.WARNING, "shared.auditor"):
        await neighbour.sees(2)
        line = told(caplog, "has not applied")
        assert re.search(
            rf"^{here.name} has not applied 2 records of {here.words}: 2 of them on partition \d, from offset \d+ on, "
            r"of key forgotten, written 20\d\d-", line,
        )  # fmt: skip
        async with member(here):
            await neighbour.sees(0)
        assert told(caplog, "again") == f"{here.name} has applied all of {here.words} again"


async def test_a_consumer_that_never_came_has_seen_nothing_from_the_beginning(
    here: World, neighbour: Neighbour
) -> None:
    await here.say({"id": "1"}, {"id": "2"}, {"id": "3"})

    await neighbour.sees(3)


async def test_what_was_deleted_before_it_was_read_is_not_taken_for_read(here: World, neighbour: Neighbour) -> None:
    await here.say({"id": "1"})
    async with member(here) as one:
        await neighbour.sees(0)
        place = TopicPartition(here.words, partition_of("k", PARTITIONS))
        assert one.running.ownership.next_offset((place.topic, place.partition)) == 1
    await here.say({"id": "2"}, {"id": "3"})
    admin = AIOKafkaAdminClient(bootstrap_servers=here.kafka)
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=3)})
    finally:
        await admin.close()

    await neighbour.sees(2)


async def test_what_ends_a_senders_transaction_is_no_record_that_anyone_could_miss(
    here: World, neighbour: Neighbour
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=here.kafka, transactional_id=here.name) as outsider:
        async with outsider.transaction():
            await outsider.send_and_wait(here.words, b'{"type": "word", "key": "k", "id": "1"}', key=b"k")

        await neighbour.sees(2)
        async with member(here) as one:

            async def applied() -> bool:
                return await one.total() == 1

            await eventually(applied)
            await neighbour.sees(0)


async def test_while_the_broker_is_away_the_figure_is_neither_the_last_one_nor_zero(here: World) -> None:
    await here.say({"id": "1"})
    async with proxied(here.kafka) as proxy, KafkaOffsets({"bootstrap_servers": proxy.address}) as offsets:
        neighbour = Neighbour(Published({here.words: (here.name,)}, offsets, after=SOON))
        await neighbour.sees(1)

        await offsets.close()
        await proxy.shut()
        assert math.isnan(await neighbour.figure())

        await proxy.open()
        await neighbour.sees(1)


def reader_of(one: Member, world: World, topic: str) -> Neighbour:
    return Neighbour(Waiting(world.name, [topic], one.running.parts.stores, after=SOON))


async def test_what_waits_beyond_a_gap_is_unseen_until_the_gap_is_filled(
    here: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with member(here) as one:
        auditor = reader_of(one, here, here.numbers)
        await here.number(1, 3, 4, key="C-7")

        with caplog.at_level(logging.WARNING, "shared.auditor"):
            await auditor.sees(2)
        line = told(caplog, "has not applied 2 records")
        assert "they wait in tallies, key C-7, since 20" in line
        assert line.endswith("before it something is missing")

        await here.number(2, key="C-7")
        await auditor.sees(0)


async def test_what_waits_behind_a_parked_key_is_unseen_until_it_flows_again(
    here: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with member(here) as one:
        auditor = reader_of(one, here, here.words)
        await here.say({"id": "1", "text": "bug", "key": "C-8"}, {"id": "2", "key": "C-8"}, key="C-8")

        with caplog.at_level(logging.WARNING, "shared.auditor"):
            await auditor.sees(2)
        line = told(caplog, "has not applied 2 records")
        assert "key C-8" in line
        assert line.endswith("the key is parked after Bug: ours")

        here.bugs.clear()
        await one.ask("POST", "/v1/parked/C-8/replay")
        await auditor.sees(0)


async def test_a_running_service_shows_both_sides(here: World) -> None:
    async with member(here) as one:

        async def shown() -> Any:
            text = (await one.client.get("/metrics")).text
            return set(re.findall(r"switchboard_events_unseen\{(.*?)\} (\S+)", text))

        def series(reader: str, topic: str) -> str:
            return f'reader="{reader}",service="{here.name}",topic="{topic}"'

        expected = {
            (series(here.name, here.words), "0.0"), (series(here.name, here.numbers), "0.0"),
            (series("elsewhere", here.tallies), "NaN"),
        }  # fmt: skip

        async def both() -> bool:
            return await shown() == expected

        await eventually(both)
