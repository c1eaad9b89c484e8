"""Is what was published applied by everyone who must? Counted from both sides, for each pair of topic and reader.

    Published   how far a reader's offsets lie behind what was on the topic a while ago; asked of the broker by another
                service than the reader, so that a dead one is noticed too
    Waiting     what a reader has taken in and not applied: beyond a gap, before its cause, behind a parked key

`switchboard_events_unseen` must be 0. While a side does not know, its figures are NaN: neither the last ones nor 0.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from shared.bus import Place
from shared.clock import Clock, utc_now, wire
from shared.errors import Transient
from shared.metrics import Metrics
from shared.mongo import aggregated
from shared.offsets import First, Offsets

log = logging.getLogger(__name__)
AFTER = timedelta(seconds=60)
SAY_AGAIN_S = 60.0
MOST_LOOKED_INTO = 24
"""Partitions per reader and look of which the first record is read."""


class Pair(NamedTuple):
    """Who must apply what."""

    topic: str
    reader: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """Old records that were not applied. `first`: the longest known of them, in words for an operator."""

    records: int
    first: str


class View(Protocol):
    """One side from which is counted."""

    @property
    def pairs(self) -> Sequence[Pair]: ...

    async def unseen(self) -> Mapping[Pair, Unseen]:
        """What is unseen, by pair; a pair that is left out has seen everything. Raises Transient if it can't tell."""
        ...


class Auditor:
    """Looks at one side: keeps the gauge, and names a case in the log at most once a minute per pair."""

    def __init__(self, view: View, metrics: Metrics, now: Callable[[], float] = time.monotonic) -> None:
        self._view, self._metrics, self._now = view, metrics, now
        self._said: dict[Pair, float] = {}

    async def look(self) -> None:
        try:
            found = await self._view.unseen()
        except Exception:
            self._set(dict.fromkeys(self._view.pairs, float("nan")))
            raise
        self._set({pair: found[pair].records if pair in found else 0 for pair in self._view.pairs})
        for pair in self._view.pairs:
            self._say(pair, found.get(pair))

    def _set(self, figures: Mapping[Pair, float]) -> None:
        for pair, figure in figures.items():
            self._metrics.events_unseen.labels(*pair).set(figure)

    def _say(self, pair: Pair, unseen: Unseen | None) -> None:
        if unseen is None:
            if self._said.pop(pair, None) is not None:
                log.warning("%s has applied all of %s again", pair.reader, pair.topic)
        elif self._now() - self._said.get(pair, float("-inf")) >= SAY_AGAIN_S:
            self._said[pair] = self._now()
            log.warning(
                "%s has not applied %s records of %s: %s", pair.reader, unseen.records, pair.topic, unseen.first
            )


class Published:
    """The side of whoever counts for others. `readers`: by topic, the services that must apply it.

    A record is old once its offset lay below an end that was seen `after` ago: neither its sender's stamp nor a clock
    that is set has a say. So for as long after its start this side can't tell.
    """

    def __init__(
        self,
        readers: Mapping[str, Sequence[str]],
        offsets: Offsets,
        *,
        after: timedelta = AFTER,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pairs = [Pair(topic, reader) for topic, those in readers.items() for reader in those]
        self._topics, self._offsets = list(readers), offsets
        self._after, self._now = after.total_seconds(), now
        self._seen: deque[tuple[float, dict[Place, int]]] = deque()

    async def unseen(self) -> Mapping[Pair, Unseen]:
        now, found = self._now(), dict[Pair, Unseen]()
        self._seen.append((now, await self._offsets.ends(self._topics)))
        if not (old := self._ended_before(now - self._after)):
            raise Transient("it is not known yet what is old")
        for reader in dict.fromkeys(pair.reader for pair in self.pairs):
            found |= await self._not_read_by(reader, old)
        return found

    def _ended_before(self, moment: float) -> dict[Place, int]:
        """Where the partitions ended then; empty if nobody looked yet."""
        while len(self._seen) > 1 and self._seen[1][0] <= moment:
            self._seen.popleft()
        looked, ends = self._seen[0]
        return ends if looked <= moment else {}

    async def _not_read_by(self, reader: str, old: Mapping[Place, int]) -> dict[Pair, Unseen]:
        topics = {pair.topic for pair in self.pairs if pair.reader == reader}
        starts = await self._offsets.unread_from(reader, [place for place in old if place[0] in topics])
        behind = {place: old[place] - start for place, start in starts.items() if start < old[place]}
        fewest = sorted(behind, key=lambda place: behind[place])[:MOST_LOOKED_INTO]
        firsts = await self._offsets.firsts({place: starts[place] for place in fewest}, old) if fewest else {}
        for place in (place for place, first in firsts.items() if first is None):
            del behind[place]  # the markers of a sender's transaction have offsets and are no records
        return _by_pair(reader, behind, [first for first in firsts.values() if first])


def _by_pair(reader: str, behind: Mapping[Place, int], firsts: Sequence[First]) -> dict[Pair, Unseen]:
    found = {}
    for topic in sorted({topic for topic, _ in behind}):
        mine = {number: records for (name, number), records in behind.items() if name == topic}
        known = [first for first in firsts if first.place[0] == topic]
        found[Pair(topic, reader)] = Unseen(sum(mine.values()), _oldest(known, mine))
    return found


def _oldest(firsts: Iterable[First], behind: Mapping[int, int]) -> str:
    first = min(firsts, key=lambda one: one.at, default=None)
    if first is None:
        return f"on the partitions {', '.join(map(str, sorted(behind)))}"
    number = first.place[1]
    where = f"{behind[number]} of them on partition {number}"
    return f"{where}, from offset {first.offset} on, of key {first.key}, written {wire(first.at)}"


class Waiting:
    """The side of a reader: what waits in its documents for longer than `after`."""

    def __init__(
        self, reader: str, topics: Iterable[str], stores: Sequence[Any], *, after: timedelta = AFTER,
        clock: Clock = utc_now,
    ) -> None:  # fmt: skip
        self.pairs = [Pair(topic, reader) for topic in topics]
        self._reader, self._stores, self._after, self._clock = reader, stores, after, clock

    async def unseen(self) -> Mapping[Pair, Unseen]:
        found: dict[Pair, Unseen] = {}
        for store in self._stores:
            for row in await aggregated(store.documents, _waiting_since(self._clock() - self._after)):
                pair = Pair(row["_id"], self._reader)
                before = found[pair].records if pair in found else 0
                found[pair] = Unseen(before + row["records"], _held(row["first"], store.shape.collection))
        return found


def _waiting_since(moment: datetime) -> list[dict[str, Any]]:
    """By topic, how many records wait since then or longer, and the first of them."""
    old = {"$match": {"held.since": {"$lte": moment}}}
    first = {"since": "$held.since", "key": "$_id", "parked": "$parked.error"}
    group = {"_id": "$held.event.topic", "records": {"$sum": 1}, "first": {"$min": first}}
    return [old, {"$unwind": "$held"}, old, {"$group": group}]


def _held(first: Mapping[str, Any], collection: str) -> str:
    why = f"the key is parked after {first['parked']}" if first.get("parked") else "before it something is missing"
    return f"they wait in {collection}, key {first['key']}, since {wire(first['since'])}; {why}"
