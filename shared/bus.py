"""From topic to document: decode, take through the doors, set aside what is bad, then commit exactly what is done.

    records -> events -> changes -> store.apply -> after-hooks -> commit {partition: last + 1}

Nothing is committed before it is written and published. While the world is away the partitions of the batch are
paused and backed off with jitter, the consumer stays in its group, and the same records come again.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, Protocol

from shared.breaker import TIMERS, Breaker
from shared.clock import Clock, utc_now
from shared.codec import Inbound, Record, decode
from shared.decisions import Refused
from shared.errors import AWAY, TRANSIENT, Unreadable
from shared.events.base import Event
from shared.fold import Change, Outcome
from shared.metrics import Metrics
from shared.ownership import Ownership
from shared.quarantine import Aside, Quarantine, aside, aside_event, place_of
from shared.stops import Stops
from shared.store import Store

log = logging.getLogger(__name__)
FIRST_BACK_OFF_S = 0.2
ATTEMPTS = 5
"""That an error of ours is given before its record is looked for: some are gone by then."""
LONGEST_BACK_OFF_S = 15.0
Place = tuple[str, int]


class Consumer(Protocol):
    """What the loop needs of a Kafka consumer; places are (topic, partition)."""

    async def commit(self, offsets: Mapping[Place, int]) -> None: ...

    def assignment(self) -> set[Place]: ...

    def seek(self, place: Place, offset: int) -> None: ...

    def pause(self, places: Iterable[Place]) -> None: ...

    def resume(self, places: Iterable[Place]) -> None: ...


Prepare = Callable[[Event], Change[Any] | None]


@dataclass(frozen=True, slots=True)
class Door:
    """Where one topic's records go: into which store, and as what change. `inbound` is set for outsiders' topics."""

    store: Store[Any]
    prepare: Prepare
    inbound: Inbound | None = None


Signal = Callable[[str], None]
"""Told the key of a record that is only a hint (a wake-up): nothing is stored, losing one loses time only."""

After = Callable[[Sequence[Outcome[Any]]], Awaitable[None]]


async def nothing_after(outcomes: Sequence[Outcome[Any]]) -> None:
    """The service has nothing to do between writing and committing."""


@dataclass(slots=True)
class _Batch:
    """One batch on its way: the changes by store with the records they came from, and what is set aside."""

    changes: dict[int, list[tuple[Record, Change[Any]]]] = field(default_factory=dict)
    bad: list[Aside] = field(default_factory=list)
    stores: dict[int, Store[Any]] = field(default_factory=dict)
    verdicts: dict[int, tuple[Place, bool]] = field(default_factory=dict)
    outcomes: list[Outcome[Any]] = field(default_factory=list)


class Bus:
    """The loop around one service's consumer. One batch is worked on at a time.

    A topic may lead through several doors (work.v1 reaches tickets and agents alike); each gets every record.
    """

    def __init__(
        self,
        doors: Mapping[str, Sequence[Door]],
        quarantine: Quarantine,
        stops: Stops,
        *,
        metrics: Metrics,
        ownership: Ownership,
        after: After = nothing_after,
        signals: Mapping[str, Signal] | None = None,
        clock: Clock = utc_now,
        chance: Random | None = None,
    ) -> None:
        self.doors, self.quarantine, self.stops, self.ownership = doors, quarantine, stops, ownership
        self._signals = signals or {}
        self._metrics, self._after, self._clock = metrics, after, clock
        self._chance = chance or Random()
        self._turn = asyncio.Lock()
        self._failures: Counter[Place] = Counter()
        self._resuming: set[asyncio.Task[None]] = set()
        self.breaker = Breaker()
        self._stops_as_of: int | None = None
        self._stops_to_keep: set[Place] = set()
        self.stopping = False
        for door in (door for some in doors.values() for door in some):
            door.store.set_aside = self.set_aside

    async def process(self, records: Sequence[Record], consumer: Consumer) -> None:
        """Work one batch to its end, or put it back whole. Never raises for what a later attempt can mend."""
        async with self._turn:
            mine = consumer.assignment()
            records = [r for r in records if (r.topic, r.partition) in mine]
            if not await self._knows_stops(records, consumer):
                return
            self._put_back([r for r in records if self.breaker.is_open((r.topic, r.partition))], consumer)
            records = [r for r in records if not self.breaker.is_open((r.topic, r.partition))]
            if records and not self.stopping:
                await self._attempt(records, consumer)

    async def _attempt(self, records: Sequence[Record], consumer: Consumer, *, patient: bool = True) -> bool:
        """Work and commit, or put back: whatever goes wrong, these records must not be committed over.

        False: they come again. `patient`: an error of ours is given some attempts before it is looked for.
        """
        try:
            verdicts = (await self._work(await self._undecided(records))).verdicts
            await self.judge(verdicts.values(), consumer)
        except AWAY as error:
            return self._back_off(records, consumer, error)
        except Exception as error:  # noqa: BLE001 - it is looked into, partition by partition
            return await self._narrow_down(records, consumer, error, patient)
        await self._done(records, consumer)
        return True

    async def _done(self, records: Sequence[Record], consumer: Consumer) -> None:
        ends = {(r.topic, r.partition): r.offset + 1 for r in records}
        for place in ends:
            self._failures.pop(place, None)
        self.ownership.applied(ends, records)
        await self._commit(ends, consumer)

    async def _undecided(self, records: Sequence[Record]) -> Sequence[Record]:
        """What was set aside comes back by a replay only: read a second time it would meet another state."""
        outsiders = [r for r in records if any(door.inbound for door in self.doors.get(r.topic, ()))]
        known = await self.quarantine.put_again(outsiders) if outsiders else ()
        return [r for r in records if place_of(r) not in known] if known else records

    async def _narrow_down(
        self, records: Sequence[Record], consumer: Consumer, error: Exception, patient: bool
    ) -> bool:
        """One partition's trouble is not the others': each for itself, and only what fails then is put back.

        An error of ours that stays is narrowed down to its record, so that the others flow.
        """
        places = list(dict.fromkeys((r.topic, r.partition) for r in records))
        if len(places) > 1:
            parts = [[r for r in records if (r.topic, r.partition) == place] for place in places]
            return all([await self._attempt(part, consumer) for part in parts])
        if isinstance(error, TRANSIENT) or (patient and self._failures[places[0]] < ATTEMPTS):
            return self._back_off(records, consumer, error)
        if len(records) == 1:
            return await self._give_up(records[0], consumer, error)
        middle = len(records) // 2
        for half in (records[:middle], records[middle:]):
            if self.breaker.is_open(places[0]):
                self._put_back(half, consumer)
                return False
            if not await self._attempt(half, consumer, patient=False):
                return False
        return True

    async def _give_up(self, record: Record, consumer: Consumer, bug: Exception) -> bool:
        """It is set aside as a whole; of an event of ours what comes after it waits, as behind every gap."""
        log.error("an error of ours at %s", place_of(record), exc_info=bug)
        try:
            await self.quarantine.put([_bug(record, bug)])
            await self.judge([((record.topic, record.partition), True)], consumer)
        except TRANSIENT as error:
            return self._back_off([record], consumer, error)
        await self._done([record], consumer)
        return True

    async def work(self, records: Sequence[Record]) -> list[Outcome[Any]]:
        """Everything but the commit and the breaker's judgement: the way of a replay."""
        return (await self._work(records)).outcomes

    async def _work(self, records: Sequence[Record]) -> _Batch:
        batch = self._read(records)
        for number, pairs in batch.changes.items():
            done = await batch.stores[number].apply([change for _, change in pairs], recorded=True)
            batch.bad += [
                _refusal(record, change, o.refused)
                for (record, change), o in zip(pairs, done, strict=True)
                if o.refused
            ]
            self._notice_bugs(pairs, done, batch)
            batch.outcomes += done
        await self.quarantine.put(batch.bad)
        await self._after(batch.outcomes)
        return batch

    def _read(self, records: Sequence[Record]) -> _Batch:
        batch = _Batch()
        for record in records:
            try:
                self._take_in(record, batch)
            except Unreadable as error:
                batch.bad.append(aside(record, error.reason, str(error), error.source))
            except Refused as error:
                batch.bad.append(aside(record, error.code, error.message, ""))
            except Exception as bug:
                log.exception("a door failed at %s/%s/%s", record.topic, record.partition, record.offset)
                batch.bad.append(_bug(record, bug))
                batch.verdicts[id(record)] = (record.topic, record.partition), True
        return batch

    def _take_in(self, record: Record, batch: _Batch) -> None:
        if signal := self._signals.get(record.topic):
            signal((record.key or b"").decode(errors="replace"))
            return
        doors = self.doors[record.topic]
        event = decode(record, doors[0].inbound)
        pairs = [(door, change) for door in doors if (change := door.prepare(event)) is not None]
        for door, change in pairs:
            batch.stores[id(door.store)] = door.store
            batch.changes.setdefault(id(door.store), []).append((record, change))

    def _notice_bugs(
        self, pairs: Sequence[tuple[Record, Change[Any]]], outcomes: Sequence[Outcome[Any]], batch: _Batch
    ) -> None:
        """Log them, and note one verdict per record. One that only waits or repeats says nothing about our code."""
        for (record, _), outcome in zip(pairs, outcomes, strict=True):
            if outcome.bug is not None:
                log.error(
                    "key %s parked at %s/%s/%s",
                    outcome.key,
                    record.topic,
                    record.partition,
                    record.offset,
                    exc_info=outcome.bug,
                )
            if outcome.bug is not None or outcome.status not in ("repeat", "held", "parked"):
                place, before = batch.verdicts.get(id(record), ((record.topic, record.partition), False))
                batch.verdicts[id(record)] = place, before or outcome.bug is not None

    async def judge(self, verdicts: Iterable[tuple[Place, bool]], consumer: Consumer) -> None:
        """Stop what is broken; kept before anything is committed, so that it lasts once its records are done."""
        now, places = self._clock(), set[Place]()
        for place, bug in verdicts:
            self.breaker.saw(place, bug, now)
            places.add(place)
        if broken := [place for place in sorted(places) if self.breaker.is_open(place)]:
            self._stops_to_keep |= set(broken)
            await self._keep_stops()
            consumer.pause([place for place in broken if place[0] != TIMERS])
            self._show_stops()
            log.critical("partitions stopped after many errors of our own: %s", broken)

    async def _knows_stops(self, records: Sequence[Record], consumer: Consumer) -> bool:
        """Before the first records of an assignment: what was stopped earlier, by whomever. False: put back."""
        try:
            await self._learn_stops(consumer)
        except Exception as error:  # noqa: BLE001 - whatever it is, the records must come again
            self._back_off(records, consumer, error)
            return False
        return True

    async def _learn_stops(self, consumer: Consumer) -> None:
        while self._stops_as_of != self.ownership.generation:
            await self.heed_stops(consumer)

    async def shards_at_rest(self, consumer: Consumer) -> frozenset[int]:
        """Those whose timers stand still, as the store says of this assignment."""
        await self._learn_stops(consumer)
        return frozenset(shard for topic, shard in self.breaker.open_places() if topic == TIMERS)

    async def heed_stops(self, consumer: Consumer | None) -> None:
        """Stop and go on as the store says: an operator may have told another replica.

        May run beside a batch. What that stops meanwhile the store has not told of, so it is asked again later.
        """
        await self._keep_stops()
        generation, before = self.ownership.generation, self.breaker.open_places()
        kept = await self.stops.load()
        if self.breaker.open_places() != before:
            return
        self.breaker.set_open(kept)
        self._stops_as_of = generation
        self._show_stops()
        if consumer is not None:
            consumer.resume((before - self.breaker.open_places()) & consumer.assignment())

    async def _keep_stops(self) -> None:
        if keeping := frozenset(self._stops_to_keep):
            await self.stops.add(keeping)
            self._stops_to_keep -= keeping

    def _show_stops(self) -> None:
        """Each replica tells of all: what stands still may have no owner."""
        self._metrics.partitions_stopped.set(len(self.breaker.open_places()))

    async def rehearse(self, record: Record) -> str | None:
        """Why a record would not be taken in now; None if it would. Changes nothing."""
        batch = self._read([record])
        if batch.bad:
            return f"{batch.bad[0].reason}: {batch.bad[0].error}"
        for number, pairs in batch.changes.items():
            for _, change in pairs:
                if why := why_not(await batch.stores[number].preview(change)):
                    return why
        return None

    def _back_off(self, records: Sequence[Record], consumer: Consumer, error: BaseException) -> Literal[False]:
        places = {(r.topic, r.partition) for r in records}
        self._failures.update(places)
        doublings = min(max(self._failures[place] for place in places), 10)
        delay = min(FIRST_BACK_OFF_S * 2**doublings, LONGEST_BACK_OFF_S) * self._chance.uniform(0.5, 1)
        log.warning("%s records put back for %.1f s: %s: %s", len(records), delay, type(error).__name__, error)
        starts = self._put_back(records, consumer)
        task = asyncio.create_task(self._resume_later(starts, consumer, delay))
        self._resuming.add(task)
        task.add_done_callback(self._resuming.discard)
        return False

    def _put_back(self, records: Sequence[Record], consumer: Consumer) -> list[Place]:
        """Let these records come again once their partitions are resumed; returns the partitions."""
        starts: dict[Place, int] = {}
        for record in records:
            starts.setdefault((record.topic, record.partition), record.offset)
        for place, offset in starts.items():
            if place in consumer.assignment():
                consumer.seek(place, offset)
                consumer.pause([place])
        return list(starts)

    async def _resume_later(self, places: Sequence[Place], consumer: Consumer, delay: float) -> None:
        await asyncio.sleep(delay)
        assigned = consumer.assignment()
        consumer.resume([place for place in places if place in assigned and not self.breaker.is_open(place)])

    async def _commit(self, ends: Mapping[Place, int], consumer: Consumer) -> None:
        assigned = consumer.assignment()
        try:
            await consumer.commit({place: end for place, end in ends.items() if place in assigned})
        except TRANSIENT as error:
            log.info("offsets not committed, their records will come again as repeats: %s", error)

    async def step_over(self, starts: Mapping[Place, int], ends: Mapping[Place, int], consumer: Consumer) -> None:
        """Go on at these ends: from the starts on no record lies before them. Not where more was applied meanwhile."""
        async with self._turn:
            mine = consumer.assignment()
            still = {p: end for p, end in ends.items() if p in mine and self.ownership.next_offset(p) == starts[p]}
            self.ownership.applied(still, ())
            await self._commit(still, consumer)

    async def drain(self) -> None:
        """Return when the batch in hand is committed: before partitions are given away, and at the stop."""
        async with self._turn:
            pass

    async def set_aside(self, event: Event, refused: Refused) -> None:
        """For a record that waited in its document and was refused when its turn came."""
        await self.quarantine.put([aside_event(event, refused.code, refused.message)])


@dataclass(frozen=True, slots=True)
class TimersGate:
    """The breaker as the timers see it."""

    bus: Bus
    consumer: Callable[[], Consumer]

    async def at_rest(self) -> frozenset[int]:
        return await self.bus.shards_at_rest(self.consumer())

    async def judge(self, verdicts: Iterable[tuple[int, bool]]) -> None:
        await self.bus.judge((((TIMERS, shard), bug) for shard, bug in verdicts), self.consumer())


def why_not(outcome: Outcome[Any]) -> str | None:
    """Why a change had no effect and will have none as it is."""
    if outcome.refused is not None and outcome.status == "refused":
        return f"{outcome.refused.code}: {outcome.refused.message}"
    return f"an error of ours: {type(outcome.bug).__name__}: {outcome.bug}" if outcome.bug else None


def _bug(record: Record, bug: Exception) -> Aside:
    return aside(record, "bug", f"{type(bug).__name__}: {bug}", "")


def _refusal(record: Record, change: Change[Any], refused: Refused) -> Aside:
    source = change.event.source if change.event else record.topic
    where = f"{refused.field}: " if refused.field else ""
    return aside(record, refused.code, where + refused.message, source)
