"""A broker and a database as on the first day: what services of another test left there is gone."""

from __future__ import annotations

from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from pymongo import AsyncMongoClient

from deploy.local.services import SERVICES as PORTS
from shared.topics import ensure, specs
from tests.waiting import eventually

SERVICES = tuple(PORTS)


async def emptied(kafka: str, mongo: str) -> None:
    """No service runs on them meanwhile."""
    async with AsyncMongoClient[dict[str, Any]](mongo) as client:
        for service in SERVICES:
            await client.drop_database(f"switchboard_{service}")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        ours = {spec.name for spec in specs()}
        if left := ours & set(await admin.list_topics()):
            await admin.delete_topics(sorted(left))

        async def nothing_is_left() -> bool:
            """A group forgets its offsets a moment after the topic is gone; it would go on from them."""
            offsets = [await applied(admin, service) for service in SERVICES]
            return offsets == [{}] * len(SERVICES) and not ours & set(await admin.list_topics())

        await eventually(nothing_is_left, within=30)
    finally:
        await admin.close()
    await ensure(kafka)


async def applied(admin: AIOKafkaAdminClient, service: str) -> dict[TopicPartition, int] | None:
    """Up to where a service has committed; None while the broker does not say."""
    try:
        offsets = await admin.list_consumer_group_offsets(f"switchboard.{service}")
    except GroupCoordinatorNotAvailableError:  # it has only just begun
        return None
    return {place: committed.offset for place, committed in offsets.items()}
