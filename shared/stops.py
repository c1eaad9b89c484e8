"""Partitions that the breaker stopped, kept in the service's store: a stop outlives its process and its owner."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pymongo import UpdateOne

from shared.breaker import Place
from shared.clock import Clock, utc_now
from shared.mongo import durable


class Stops:
    def __init__(self, database: Any, *, clock: Clock = utc_now) -> None:
        self._documents, self._clock = durable(database, "stopped"), clock

    async def load(self) -> dict[Place, datetime]:
        """The partitions that stand still, and since when."""
        found = await self._documents.find({}).to_list(None)
        return {(body["topic"], body["partition"]): body["since"] for body in found}

    async def add(self, places: Iterable[Place]) -> None:
        """Keep that these stand still; those that do already keep their moment."""
        now = self._clock()
        stops = [
            UpdateOne(
                {"_id": _id(place)},
                {"$setOnInsert": {"topic": place[0], "partition": place[1], "since": now}},
                upsert=True,
            )
            for place in places
        ]
        await self._documents.bulk_write(stops, ordered=False)

    async def remove(self, place: Place) -> None:
        await self._documents.delete_one({"_id": _id(place)})


def _id(place: Place) -> str:
    return f"{place[0]}/{place[1]}"
