"""Many documents in one bulk write, each only if it still is at the version that was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError

from shared.mongo import only_duplicates

Body = dict[str, Any]
Operation = InsertOne[Body] | ReplaceOne[Body] | UpdateOne


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards that keep the promises, each to be switched off only by a test that shows what it is for."""

    version: bool = True
    nonce: bool = True
    seen: bool = True
    majority: bool = True


ALL_GUARDS = Guards()


async def write(documents: Any, reads: Any, bodies: Mapping[str, Body], nonce: str, guards: Guards) -> set[str]:
    """Write the next versions, by key; returns the keys that another writer had changed meanwhile.

    `documents` answers when a majority has the write, `reads` shows what a majority has.
    """
    if not bodies or await _all_written(documents, bodies, guards):
        return set()
    if guards.nonce:
        cursor = reads.find({"_id": {"$in": list(bodies)}, "nonce": nonce}, projection={"_id": 1})
        return set(bodies) - {body["_id"] for body in await cursor.to_list(None)}
    return await _not_at_version(reads, bodies) if guards.version else set()


async def _all_written(documents: Any, bodies: Mapping[str, Body], guards: Guards) -> bool:
    """True if the answer says so. If not, or if the answer got lost, the nonces tell which were."""
    operations = [_operation(body, guards) for body in bodies.values()]
    try:
        result = await documents.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        if not only_duplicates(error):
            raise
        return False
    except AutoReconnect:
        return False
    return bool(result.inserted_count + result.modified_count == len(operations)) and guards.version


def _operation(body: Body, guards: Guards) -> Operation:
    """A new document is inserted: a third of the cost of an upsert, and as well guarded.

    An older one is found by its id alone, for which MongoDB needs no plan, and compares its version itself: 0.6 of the
    cost of a filter by id and version.
    """
    if not guards.version:
        return ReplaceOne({"_id": body["_id"]}, body, upsert=True)
    if body["v"] == 1:
        return InsertOne(body)
    is_as_read = {"$eq": ["$v", body["v"] - 1]}
    return UpdateOne({"_id": body["_id"]}, [{"$replaceWith": {"$cond": [is_as_read, {"$literal": body}, "$$ROOT"]}}])


async def _not_at_version(reads: Any, bodies: Mapping[str, Body]) -> set[str]:
    """What one might do without a nonce: take any document at the next version for one's own."""
    cursor = reads.find({"_id": {"$in": list(bodies)}}, projection={"_id": 1, "v": 1})
    versions = {body["_id"]: body["v"] for body in await cursor.to_list(None)}
    return {key for key, body in bodies.items() if versions.get(key) != body["v"]}
