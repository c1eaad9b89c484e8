"""What could not be read or was refused, kept whole: listed, shown, replayed inside the service that set it aside."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import accumulate, takewhile
from typing import Any

import orjson
from pymongo import ASCENDING, IndexModel, UpdateOne

from shared.clock import Clock, utc_now
from shared.codec import Record, data_of
from shared.events.base import Event
from shared.metrics import Metrics
from shared.mongo import durable
from shared.outbox import ANSWER_WITHIN_S, Header, Producer, Publication

log = logging.getLogger(__name__)
MOST_NAMED = 10
LARGE = ("value", "headers")
LONGEST_COPY = 900_000
"""Bytes of a record that is copied whole to the `.dlq` topic; of a longer one only the reason and the place are."""
LONGEST_KEPT = 8 * 1024 * 1024
"""Bytes of a value that are kept: compressed in its batch, one may be longer than a document can be."""
LONGEST_BESIDE = 1024 * 1024
"""Bytes of a key that are kept, and of all headers together."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A record and why it was set aside. `id` is its place: topic/partition/offset.

    `rewritten`: the bytes that came are gone, `value` is their data written anew.
    """

    id: str
    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[Any, Any], ...]
    reason: str
    error: str
    source: str
    rewritten: bool = False


def aside(record: Record, reason: str, error: str, source: str) -> Aside:
    return Aside(
        id=place_of(record),
        topic=record.topic,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        reason=reason,
        error=error[:2000],
        source=(source or _sender(record))[:200],
    )


def place_of(record: Record) -> str:
    """Where a record lies, for ever: topic/partition/offset."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def _sender(record: Record) -> str:
    """Who says that he sent a record whose body says nothing; its topic, where nobody does."""
    named = (value for name, value in record.headers if name == "ce_source" and isinstance(value, bytes))
    return next(named, b"").decode(errors="replace")[:200] or record.topic


def aside_event(event: Event, reason: str, error: str) -> Aside:
    """A record that waited in a document before it was refused; its bytes are written anew."""
    return Aside(
        event.id,
        event.topic,
        event.subject.encode(),
        orjson.dumps(event.data),
        (("ce_type", event.type.encode()),),
        reason,
        error,
        event.source,
        rewritten=True,
    )


class Quarantine:
    def __init__(
        self,
        database: Any,
        producer: Producer,
        *,
        metrics: Metrics,
        clock: Clock = utc_now,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self.documents = durable(database, "quarantine")
        self._producer, self._metrics, self._clock = producer, metrics, clock
        self._answer_within_s = answer_within_s
        self._untold: Counter[tuple[str, str]] = Counter()

    async def setup(self) -> None:
        await self.documents.create_indexes(
            [
                IndexModel([("status", ASCENDING), ("_id", ASCENDING)], name="status"),
                IndexModel([("contact", ASCENDING)], name="contact", sparse=True),
            ]
        )

    async def put(self, records: Sequence[Aside]) -> None:
        """Keep them, then copy them to `<topic>.dlq`. Putting the same record again changes nothing.

        But one that left by a replay, waited and was refused then is back.
        """
        if not records:
            return
        now, ids = self._clock(), await self._ids_for(records)
        keep = [
            UpdateOne({"_id": id_}, {"$setOnInsert": self._body(record, now)}, upsert=True)
            for id_, record in zip(ids, records, strict=True)
        ]
        back = [_back(id_, record) for id_, record in zip(ids, records, strict=True) if record.rewritten]
        result = await self.documents.bulk_write(keep + back, ordered=False)
        new = result.upserted_ids or {}
        for position, record in enumerate(records):
            if position in new:
                self._metrics.quarantine(record.reason, record.source)
                self._untold[record.source, record.reason] += 1
        await self._tell_others(records)

    async def _ids_for(self, records: Sequence[Aside]) -> list[str]:
        """Their places; where another record was kept in the same place, on a topic made anew, an id beside it."""
        found = await self._kept(record.id for record in records)
        return [
            record.id
            if record.id not in found or _is_same(found[record.id], record)
            else _beside(record.id, record.value)
            for record in records
        ]

    async def put_again(self, records: Sequence[Record]) -> Collection[str]:
        """The places of those that are here already. They are copied once more, lest a crash had come before that.

        Another record in the same place, on a topic that was made anew, is not.
        """
        read = {place_of(record): record for record in records}
        found = await self._kept(read)
        others = [record for id_, record in read.items() if id_ in found and not _is_of(found[id_], record)]
        beside = {id_: record for record in others for id_ in _ids_beside(record)}
        if beside:
            read, found = read | beside, found | await self._kept(beside)
        known = [
            aside(read[id_], body["reason"], body["error"], body["source"])
            for id_, body in found.items()
            if _is_of(body, read[id_])
        ]
        await self._tell_others(known)
        return {record.id for record in known}

    async def _kept(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        found = await self.documents.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {body["_id"]: body for body in found}

    async def _tell_others(self, records: Sequence[Aside]) -> None:
        if records:
            async with asyncio.timeout(self._answer_within_s):
                await asyncio.gather(*await self._producer.send([self._copy(record) for record in records]))

    def tell(self) -> None:
        """Log who sent what was set aside since the last time, the most first. Sources are outsiders' words."""
        told, self._untold = self._untold.most_common(), Counter()
        for (source, reason), count in told[:MOST_NAMED]:
            log.warning("%d records of %r set aside: %s", count, source, reason)
        if rest := sum(count for _, count in told[MOST_NAMED:]):
            log.warning("%d records of other sources or for other reasons set aside", rest)

    def _body(self, record: Aside, now: datetime) -> dict[str, Any]:
        return {
            "topic": record.topic,
            "key": _longest_kept(record.key, LONGEST_BESIDE),
            "value": _longest_kept(record.value),
            "headers": _first_headers(record),
            "reason": record.reason,
            "error": record.error,
            "source": record.source,
            "at": now,
            "status": "waiting",
            **({"rewritten": True} if record.rewritten else {}),
            **_contact_named(record.value),
        }

    def _copy(self, record: Aside) -> Publication:
        why: list[Header] = [
            ("switchboard_reason", record.reason.encode()),
            ("switchboard_error", record.error.encode()),
            ("switchboard_place", record.id.encode()),
        ]
        kept = [(str(_raw(n)), v) for n, v in record.headers if isinstance(v, bytes) and isinstance(n, str)]
        if _size(record) > LONGEST_COPY:  # the reason comes on top, and the broker takes no more than it did before
            return Publication(f"{record.topic}.dlq", None, b"", [*why, ("switchboard_cut", b"true")])
        value = b"" if record.key is None and record.value is None else record.value  # the producer wants either
        return Publication(f"{record.topic}.dlq", record.key, value, kept + why)

    async def find(
        self,
        *,
        status: str = "waiting",
        reason: str | None = None,
        source: str | None = None,
        key: str | None = None,
        since: datetime | None = None,
        before: datetime | None = None,
        after: str = "",
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Those set aside from `since` on and before `before`, without what may be large.

        `after` is the last id of the page before.
        """
        query: dict[str, Any] = {"status": status, "_id": {"$gt": after}}
        query |= {name: value for name, value in (("reason", reason), ("source", source)) if value}
        if key is not None:
            query["key"] = key.encode()
        if times := {name: moment for name, moment in (("$gte", since), ("$lt", before)) if moment}:
            query["at"] = times
        brief = dict.fromkeys(LARGE, 0)
        return list(await self.documents.find(query, brief, sort=[("_id", 1)], limit=limit).to_list(None))

    async def get(self, id_: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = await self.documents.find_one({"_id": id_})
        return found

    async def of_contact(self, source: str, id_: str) -> dict[str, Any] | None:
        """The record set aside that says it is this contact, if there is one."""
        found: dict[str, Any] | None = await self.documents.find_one({"contact": f"{source}\x1f{id_}"})
        return found

    async def settle(self, id_: str, status: str, by: str) -> None:
        """Note how a record left the quarantine, and who let it go."""
        await self.documents.update_one({"_id": id_}, {"$set": self._settled(status, by)})

    async def dismiss(self, id_: str, by: str) -> bool:
        """Leave a record as it is: kept, and waiting no more. False if it does not wait."""
        waiting = {"_id": id_, "status": "waiting"}
        result = await self.documents.update_one(waiting, {"$set": self._settled("dismissed", by)})
        return bool(result.matched_count)

    def _settled(self, status: str, by: str) -> dict[str, Any]:
        return {"status": status, "settled_at": self._clock(), "settled_by": by}


@dataclass(frozen=True, slots=True)
class Kept:
    """A record out of quarantine, in the shape in which it came."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[Any, Any], ...]


def kept(body: dict[str, Any]) -> Kept:
    _, partition, offset = body["_id"].rsplit("/", 2)
    return Kept(
        body["topic"], int(partition), int(offset), int(body["at"].timestamp() * 1000), body["key"], body["value"],
        tuple((name, value) for name, value in body["headers"]),
    )  # fmt: skip


def _beside(place: str, value: bytes | None) -> str:
    """An id for another record in the same place: topic~hash/partition/offset, read as any other."""
    topic, slash, rest = place.partition("/")
    return f"{topic}~{sha256(_longest_kept(value) or b'').hexdigest()[:8]}{slash}{rest}"


def _ids_beside(record: Record) -> list[str]:
    return [_beside(place_of(record), value) for value in (record.value, _written_anew(record))]


def _is_same(body: dict[str, Any], record: Aside) -> bool:
    """Whether what is kept is the record that is set aside now; of one that waited only its data can be compared."""
    if record.rewritten and not body.get("rewritten"):
        came: Any = kept(body)
        return _written_anew(came) == record.value
    return bool(body["value"] == _longest_kept(record.value))


def _is_of(body: Mapping[str, Any], record: Record) -> bool:
    """Whether what is kept is this record, which is read again, and not another in its place."""
    value = _written_anew(record) if body.get("rewritten") else _longest_kept(record.value)
    return bool(value == body["value"])


def _written_anew(record: Record) -> bytes | None:
    """What is kept of a record that waited: its data, however it was spaced or wrapped when it came."""
    data = data_of(record)
    return None if data is None else orjson.dumps(data)


def _back(id_: str, record: Aside) -> UpdateOne:
    left = {"_id": id_, "status": {"$ne": "waiting"}}
    return UpdateOne(left, {"$set": {"status": "waiting", "reason": record.reason, "error": record.error}})


def _longest_kept(value: bytes | None, longest: int = LONGEST_KEPT) -> bytes | None:
    return value[:longest] if value else value


def _first_headers(record: Aside) -> list[list[Any]]:
    """All of them, unless they are longer than LONGEST_BESIDE with what each costs in a document."""
    sizes = accumulate(32 + _length(header) for header in record.headers)
    fitting = takewhile(lambda pair: pair[1] <= LONGEST_BESIDE, zip(record.headers, sizes, strict=True))
    return [[_raw(name), _raw(value)] for (name, value), _ in fitting]


def _contact_named(value: bytes | None) -> dict[str, str]:
    """The identity that a bad record claims, so that its sender can ask what became of it."""
    try:
        body = orjson.loads(value or b"")
        return {"contact": f"{body['source']}\x1f{body['id']}"[:500]}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}


def _size(record: Aside) -> int:
    return _length((record.key, record.value, *(part for header in record.headers for part in header)))


def _length(parts: Iterable[Any]) -> int:
    return sum(len(part) for part in parts if isinstance(part, (str, bytes)))


def _raw(part: Any) -> Any:
    """Header parts as they came: text, bytes or nothing."""
    return part if part is None or isinstance(part, (str, bytes)) else repr(part)
