"""Keeps the search index up to date, off the way of every decision: follows what is written to the cases.

A change stream says which cases were written; they are read and drawn again. How far it got is kept beside the index,
so a restart goes on there. Where that is no longer known, or the index has another shape, all cases are drawn anew.
One replica does it, the owner of shard 0; two at a time would only do it twice.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from pymongo.errors import OperationFailure

from services.intake.domain.case import Case
from services.intake.domain.findable import SAID, SHAPE, findable
from services.intake.search import Search
from services.intake.store import Cases
from shared.clock import utc_now
from shared.document import Document
from shared.mongo import durable, watching
from shared.ownership import Ownership
from shared.tasks import end_if_told

log = logging.getLogger(__name__)
POSITION = "cases"
LOST = (260, 280, 286)
"""MongoDB's codes for a position that the stream can't go on from: it is too old, or of another history."""
BATCH = 500
WAIT_MS = 100
KEEP_EVERY_S = 5.0
PAGE = 500
TELL_EVERY = 10_000
LONGEST_LINE = 8 * 1024
LEADS = 0
"""The shard whose owner keeps the index."""
WRITES: list[dict[str, Any]] = [
    {"$match": {"$or": [
        {"operationType": {"$in": ["insert", "replace", "delete"]}},
        {"operationType": "update", "updateDescription.updatedFields.v": {"$exists": True}},
    ]}},
    {"$project": {"operationType": 1, "documentKey": 1}},
]  # fmt: skip
"""Not the emptying of outboxes, which changes no case."""


@dataclass(slots=True)
class _Batch:
    written: dict[str, None] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)

    def add(self, change: Mapping[str, Any]) -> None:
        key = change["documentKey"]["_id"]
        into, out = (self.gone, self.written) if change["operationType"] == "delete" else (self.written, self.gone)
        into[key] = None
        out.pop(key, None)

    def __len__(self) -> int:
        return len(self.written) + len(self.gone)


class Indexer:
    def __init__(self, database: Any, cases: Cases, search: Search, ownership: Ownership) -> None:
        self._cases, self._search, self._ownership = cases, search, ownership
        self._positions = durable(database, "positions")

    async def run(self) -> None:
        """Follows until this replica no longer leads; called again every second."""
        if not self._leads():
            return
        position = await self._position()
        try:
            await self._follow(position or await self._made_anew())
        except OperationFailure as error:
            if error.code not in LOST:
                raise
            log.warning("the search index has lost its place (%s); all cases are drawn anew", error.code)
            await self._positions.delete_one({"_id": POSITION})

    def _leads(self) -> bool:
        return LEADS in self._ownership.shards

    async def _position(self) -> Any:
        kept = await self._positions.find_one({"_id": POSITION, "shape": SHAPE})
        return kept["token"] if kept else None

    async def _keep(self, token: Any) -> None:
        """Acknowledged by a majority, and so is all that was put into the index before."""
        kept = {"$set": {"token": token, "shape": SHAPE, "at": utc_now()}}
        await self._positions.update_one({"_id": POSITION}, kept, upsert=True)

    async def _follow(self, position: Any) -> None:
        options = {"resume_after": position, "max_await_time_ms": WAIT_MS, "batch_size": BATCH}
        kept, kept_at = position, time.monotonic()
        async with await watching(self._cases.documents, WRITES, **options) as stream:
            while self._leads() and stream.alive:
                await self._draw(await _next(stream))
                if stream.resume_token != kept and time.monotonic() - kept_at >= KEEP_EVERY_S:
                    kept, kept_at = stream.resume_token, time.monotonic()
                    await self._keep(kept)
                end_if_told()

    async def _draw(self, batch: _Batch) -> None:
        if batch.gone:
            await self._search.drop(list(batch.gone))
        if batch.written:
            await self._put(await self._cases.load(batch.written))

    async def _put(self, documents: Mapping[str, Document[Case]]) -> None:
        said = await self._said([d.state for d in documents.values() if d.state])
        await self._search.put(
            [findable(d.state, d.version, said.get(d.key, ())) for d in documents.values() if d.state]
        )

    async def _said(self, cases: Iterable[Case]) -> dict[str, list[str]]:
        """By case, what was said in it, the newest first; not of those that hold all of it themselves."""
        keys = [case.case_id for case in cases if len(case.contacts) > 1 or case.first_responded_at]
        if not keys:
            return {}
        shown = {"key": 1, "text": {"$substrCP": [{"$ifNull": ["$text", ""]}, 0, LONGEST_LINE]}}
        query = {"key": {"$in": keys}, "kind": {"$in": list(SAID)}}
        lines = await self._cases.timeline.find(query, projection=shown, sort=[("key", 1), ("order", -1)]).to_list(None)
        return {key: [line["text"] for line in some] for key, some in groupby(lines, key=lambda line: line["key"])}

    async def _made_anew(self) -> Any:
        """All cases, while what is written meanwhile waits in the stream from the position that is returned."""
        async with await watching(self._cases.documents, WRITES, max_await_time_ms=WAIT_MS) as stream:
            await stream.try_next()
            position = stream.resume_token
        drawn, last = 0, ""
        while page := await self._cases.load_where({"_id": {"$gt": last}}, sort=(("_id", 1),), limit=PAGE):
            await self._put(page)
            drawn, last = drawn + len(page), max(page)
            if drawn % TELL_EVERY < len(page):
                log.info("the search index is made anew: %d cases so far", drawn)
            end_if_told()
        await self._keep(position)
        log.info("the search index holds all %d cases", drawn)
        return position


async def _next(stream: Any) -> _Batch:
    """What is there, up to BATCH changes; empty if nothing was written for WAIT_MS."""
    batch = _Batch()
    while len(batch) < BATCH and (change := await stream.try_next()) is not None:
        batch.add(change)
    return batch
