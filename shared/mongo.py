"""One way to MongoDB for all: majority and journalled writes, majority reads, either driver.

Errors:
    SettingsError (shared.settings)    the driver's name is not one of DRIVERS
"""

import inspect
from typing import Any

from bson.codec_options import CodecOptions
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

DRIVERS = ("pymongo", "motor")
DURABLE = WriteConcern(w="majority", j=True)
QUICK = WriteConcern(w=1)
MAJORITY = ReadConcern("majority")
CODEC: CodecOptions[Any] = CodecOptions(tz_aware=True)
SERVER_SELECTION_MS = 5_000
DUPLICATE_KEY = 11000


def connect(url: str, driver: str = "pymongo") -> Any:
    """A client of the running event loop; make it inside the loop that uses it. The first operation connects.

    Both drivers offer the same awaitable operations for what the house uses, so the client is typed loosely.
    """
    options: dict[str, Any] = {
        "tz_aware": True,
        "serverSelectionTimeoutMS": SERVER_SELECTION_MS,
        "retryWrites": True,
        "retryReads": True,
    }
    if driver == "motor":
        from motor.motor_asyncio import AsyncIOMotorClient

        return AsyncIOMotorClient(url, **options)
    from pymongo import AsyncMongoClient

    return AsyncMongoClient(url, **options)


def durable(database: Any, name: str) -> Any:
    """A collection whose reads see only what no fail-over can take back, and whose writes are answered only then."""
    return database.get_collection(name, write_concern=DURABLE, read_concern=MAJORITY, codec_options=CODEC)


def quick(database: Any, name: str) -> Any:
    """The same collection for writes whose loss only repeats work."""
    return database.get_collection(name, write_concern=QUICK, codec_options=CODEC)


def only_duplicates(error: BulkWriteError) -> bool:
    """Whether a bulk write failed only where something is there already."""
    details = error.details or {}
    return not details.get("writeConcernErrors") and all(e["code"] == DUPLICATE_KEY for e in details["writeErrors"])


async def aggregated(collection: Any, pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an aggregation finds. One driver answers with a cursor, the other with the promise of one."""
    cursor = collection.aggregate(pipeline)
    cursor = await cursor if inspect.isawaitable(cursor) else cursor
    found: list[dict[str, Any]] = await cursor.to_list(None)
    return found


async def watching(collection: Any, pipeline: list[dict[str, Any]], **options: Any) -> Any:
    """A change stream, an asynchronous context; from one driver it comes at once, from the other as a promise."""
    stream = collection.watch(pipeline, **options)
    return await stream if inspect.isawaitable(stream) else stream
