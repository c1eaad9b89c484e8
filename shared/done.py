"""Old identities of outsiders' records: recognised for ever, but not for ever in the document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import ReplaceOne

from shared.document import Document
from shared.fold import SAYS, Change
from shared.mongo import durable

KEEP_DONE = 200


class Done:
    """The side collection of one store."""

    def __init__(self, database: Any, collection: str) -> None:
        self._moved = durable(database, f"{collection}.done")

    async def move(self, documents: Iterable[Document[Any]]) -> None:
        """Move the older half out of documents that hold more than KEEP_DONE.

        Only ids that were read from the database are moved: one whose effect is not written yet must not be there.
        """
        operations: list[ReplaceOne[dict[str, Any]]] = []
        for document in documents:
            if len(document.done) > KEEP_DONE:
                old, document.done = document.done[: -KEEP_DONE // 2], document.done[-KEEP_DONE // 2 :]
                document.moved = True
                operations += [_entry(document.key, entry) for entry in old]
        if operations:
            await self._moved.bulk_write(operations, ordered=False)

    async def recall(self, changes: Sequence[Change[Any]], documents: Mapping[str, Document[Any]]) -> None:
        """Put back into the working copies the moved ids that these changes ask for."""
        asked = {f"{c.key}\x1f{c.once}": c for c in changes if c.once and documents[c.key].moved}
        if asked:
            for body in await self._moved.find({"_id": {"$in": list(asked)}}).to_list(None):
                change = asked[body["_id"]]
                documents[change.key].done.append(f"{change.once}{SAYS}{body.get('says', '')}")


def _entry(key: str, entry: str) -> ReplaceOne[dict[str, Any]]:
    once, _, says = entry.partition(SAYS)
    return ReplaceOne({"_id": f"{key}\x1f{once}"}, {"says": says}, upsert=True)
