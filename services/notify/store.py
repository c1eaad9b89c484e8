"""Notify's memory: a case file per case. What was said to whom, word for word, lies in the timeline beside it."""

from typing import Any

from services.notify.domain.casefile import Casefile
from services.notify.domain.deliver import due, heads
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.store import Shape, Store

Casefiles = Store[Casefile]
READS = ("cases.v1", "assignments.v1", "sla.v1", "feedback.v1", *ESCALATIONS)
LONGEST_LOG = 2000


def index(file: Casefile) -> dict[str, Any]:
    return {
        "number": file.number,
        "customer": file.customer or None,
        "messages": (*(m.id for m in file.messages), *(f.id for f in file.finished)),
        "unknown": any(m.state == "unknown" for m in file.messages) or None,
        "next": [{"provider": m.provider, "due": m.next_at} for m in heads(file)],
    }


CASEFILES = Shape(
    "casefiles",
    Casefile,
    reads=frozenset(READS),
    index=index,
    indexes=(("number",), ("customer",), ("messages",), ("unknown",)),
    due=due,
)


async def ripe(store: Casefiles, shards: list[int], now: Any, without: list[str], limit: int) -> list[str]:
    """Keys of the case files that somebody must look at, the longest due first.

    `without`: busy providers. A message of theirs neither counts nor hides one of another.
    """
    query = {
        "shard": {"$in": shards},
        "due": {"$lte": now},
        "ix.next": {"$elemMatch": {"provider": {"$nin": without}, "due": {"$lte": now}}},
        "parked.since": {"$exists": False},
    }
    found = store.documents.find(query, projection={"_id": 1}, sort=[("due", 1)], limit=limit)
    return [body["_id"] for body in await found.to_list(None)]


async def log_of(store: Casefiles, files: list[Casefile]) -> dict[str, list[dict[str, Any]]]:
    """The timeline's lines of each case, in the order in which things happened."""
    keys = [file.case_id for file in files]
    cursor = store.timeline.find({"key": {"$in": keys}}, sort=[("order", 1)], limit=LONGEST_LOG)
    lines: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}
    for line in await cursor.to_list(None):
        lines[line["key"]].append(line)
    return lines
