"""What happened to a subject, line by line, beside its document: a line goes before the document that it explains."""

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, IndexModel, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError

from shared.decisions import Note
from shared.fold import Change, Outcome
from shared.mongo import durable, only_duplicates


class Timeline:
    """One collection for all stores of a service. A line is kept under its cause, so no attempt adds a second."""

    def __init__(self, database: Any) -> None:
        self._lines = durable(database, "timeline")
        self.find = self._lines.find

    async def setup(self) -> None:
        await self._lines.create_indexes([IndexModel([("key", ASCENDING), ("order", ASCENDING)], name="key_order")])

    async def tell(
        self, attempt: Sequence[tuple[Change[Any], Outcome[Any]]], drained: Sequence[Outcome[Any]], told: set[str]
    ) -> None:
        """Write the lines of one attempt and take back what an earlier one left that did not count.

        `told`: causes whose lines earlier attempts wrote; those of this one are added.
        """
        settled = [*(outcome for _, outcome in attempt), *drained]
        lines = {o.cause: _line(o, o.note) for o in settled if o.note is not None}
        if lines:
            await self._write(lines)
        if void := [outcome.cause for change, outcome in attempt if _never_happened(change, outcome, told)]:
            await self._lines.delete_many({"_id": {"$in": void}})
        told.update(lines)

    async def _write(self, lines: Mapping[str, dict[str, Any]]) -> None:
        """Insert them; one that is there already, from an attempt that did not count, is replaced."""
        try:
            await self._lines.bulk_write([InsertOne({"_id": c, **line}) for c, line in lines.items()], ordered=False)
        except BulkWriteError as error:
            if not only_duplicates(error):
                raise
            causes = list(lines)
            there = [causes[fault["index"]] for fault in error.details["writeErrors"]]
            again = [ReplaceOne({"_id": cause}, lines[cause], upsert=True) for cause in there]
            await self._lines.bulk_write(again, ordered=False)


def _line(outcome: Outcome[Any], note: Note) -> dict[str, Any]:
    line = {
        "key": outcome.key,
        "order": outcome.order,
        "at": note.at,
        "kind": note.kind,
        "by": note.by,
        "text": note.text,
    }
    return {**line, "data": note.data} if note.data else line


def _never_happened(change: Change[Any], outcome: Outcome[Any], told: set[str]) -> bool:
    """Whether a line under the change's cause would tell what did not happen.

    Had a change with an identity counted before, it would be a repeat now. A record without one (a contact, by topic or
    over HTTP) may have counted elsewhere, under the same cause; its line stays.
    """
    if outcome.status not in ("refused", "unchanged", "elsewhere"):
        return False
    if change.once and outcome.status == "refused":
        return True
    return outcome.cause in told and (bool(change.once) or not (change.event or change.records))
