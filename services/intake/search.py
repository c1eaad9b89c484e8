"""The index by which cases are found by their words (IN-9): a collection beside the cases, fed by `indexer.py`.

It lies about a second behind the cases; what it finds is read from them.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import IndexModel, UpdateOne
from pymongo.errors import BulkWriteError

from services.intake.domain.similar import Frequencies
from shared.indexes import create
from shared.mongo import only_duplicates, quick

NEWEST_FIRST = (("opened_at", -1), ("number", -1))
MOST_CANDIDATES = 400
LONGEST_MS = 2_000
HELP_WITHIN_MS = 250
SAMPLE = 1_000
LEARN_EVERY_S, LEARN_FEW_EVERY_S = 300.0, 10.0
INDEXES = (
    IndexModel([("words", 1), *NEWEST_FIRST], name="words"),
    IndexModel([("category", 1), *NEWEST_FIRST], name="category"),
    IndexModel([("status", 1), ("priority", 1), *NEWEST_FIRST], name="status"),
    IndexModel([*NEWEST_FIRST], name="newest"),
    IndexModel([("about", 1), ("opened_at", -1)], name="helping", partialFilterExpression={"helps": True}),
)


class Search:
    """Finds ids; whoever asks reads the cases themselves."""

    def __init__(self, database: Any) -> None:
        self._found = quick(database, "search")
        self._frequencies = Frequencies()
        self._learned_at = float("-inf")
        self._turn = asyncio.Lock()

    async def setup(self) -> None:
        await create(self._found, INDEXES)

    async def find(self, words: Sequence[str], wanted: Mapping[str, Any], limit: int) -> list[str]:
        """The ids of cases that hold all these words, newest first.

        Raises ExecutionTimeout if that takes longer than LONGEST_MS.
        """
        query = {**wanted, **_holding((await self.frequencies()).rarest(words), words)}
        cursor = self._found.find(
            query, projection={"_id": 1}, sort=list(NEWEST_FIRST), limit=limit, max_time_ms=LONGEST_MS
        )
        return [body["_id"] for body in await cursor.to_list(None)]

    async def candidates(self, words: Iterable[str], but: Iterable[str]) -> list[tuple[str, frozenset[str]]]:
        """The newest cases that help and share a rare word, with what they are about; none of these customers'."""
        rare = (await self.frequencies()).rarest(words)
        query = {"helps": True, "about": {"$in": rare}, "customer": {"$nin": list(but)}}
        cursor = self._found.find(
            query, projection={"about": 1}, sort=[("opened_at", -1)], limit=MOST_CANDIDATES,
            batch_size=MOST_CANDIDATES, max_time_ms=HELP_WITHIN_MS,
        )  # fmt: skip
        return [(body["_id"], frozenset(body["about"])) for body in await cursor.to_list(None)]

    async def frequencies(self) -> Frequencies:
        """How common words are now, counted in the newest SAMPLE cases, and again now and then."""
        async with self._turn:
            known_for = LEARN_EVERY_S if self._frequencies.of >= SAMPLE else LEARN_FEW_EVERY_S
            if time.monotonic() - self._learned_at >= known_for:
                await self._learn()
            return self._frequencies

    async def _learn(self) -> None:
        cursor = self._found.find({}, projection={"words": 1}, sort=list(NEWEST_FIRST), limit=SAMPLE)
        bodies = await cursor.to_list(None)
        self._frequencies, self._learned_at = Frequencies.counted(b["words"] for b in bodies), time.monotonic()

    async def put(self, bodies: Sequence[dict[str, Any]]) -> None:
        """What was drawn from newer versions of the cases stays."""
        if not bodies:
            return
        newer = [UpdateOne({"_id": b["_id"], "v": {"$lt": b["v"]}}, {"$set": b}, upsert=True) for b in bodies]
        try:
            await self._found.bulk_write(newer, ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise

    async def drop(self, ids: Sequence[str]) -> None:
        await self._found.delete_many({"_id": {"$in": list(ids)}})


def _holding(rare: Sequence[str], words: Sequence[str]) -> dict[str, Any]:
    """The index is entered by the rarest word; the others are looked for in what it leads to."""
    if not words:
        return {}
    first = rare[0]
    others = [word for word in words if word != first]
    holds = {"$expr": {"$setIsSubset": [{"$literal": others}, "$words"]}} if others else {}
    return {"words": first, **holds}
