"""Senders may use transactions: the marker that ends one has an offset and is no record."""

from __future__ import annotations

from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from shared.ids import partition_of
from tests.integration.shared.counting import PARTITIONS, Member, World, member
from tests.waiting import eventually

SHARD = partition_of("k", PARTITIONS)


async def say_in_a_transaction(here: World, id_: str) -> None:
    async with (
        AIOKafkaProducer(bootstrap_servers=here.kafka, transactional_id=here.name) as outsider,
        outsider.transaction(),
    ):
        value = b'{"type": "word", "key": "k", "id": "%s"}' % id_.encode()
        await outsider.send_and_wait(here.words, value, key=b"k")


async def has_applied_until(one: Member, moment: datetime) -> None:
    def so() -> bool:
        until = one.running.ownership.applied_until(SHARD)
        return until is not None and until > moment

    await eventually(so, 20)


async def test_the_timers_of_a_shard_do_not_wait_for_what_ends_a_senders_transaction(here: World) -> None:
    async with member(here) as one:
        for number in (1, 2):
            await say_in_a_transaction(here, str(number))

            async def applied(number: int = number) -> bool:
                return await one.total() == number

            await eventually(applied, 20)
            await has_applied_until(one, datetime.now(UTC))

        async def told_the_broker() -> bool:
            return await here.uncommitted() == 0

        await eventually(told_the_broker, 20)
