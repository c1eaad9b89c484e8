"""The mechanics with one guard missing each: what a world is made of to show what that guard is for."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, get_origin

from aiokafka import TopicPartition

from services.routing.domain.reserve import release, reserve
from shared.bus import Bus, Consumer
from shared.clock import Clock
from shared.codec import Record
from shared.decisions import Decision
from shared.document import Document
from shared.fold import Change, Folding, Outcome
from shared.guarded import ALL_GUARDS
from shared.kafka import KafkaConsumer
from shared.mongo import quick
from shared.outbox import Keeper, Relay
from shared.quarantine import Aside
from shared.service import Core, Parts, Running, build
from shared.store import Store
from tests.simulation.world import Made

NEVER = datetime(9000, 1, 1, tzinfo=UTC)


def without_guard(**off: bool) -> Made:
    return Made(guards=replace(ALL_GUARDS, **off))


# Stores


class CausesUnheeded(Store[Any]):
    def _folding(self) -> Folding[Any]:
        return replace(super()._folding(), reads=frozenset())


class GapsUnheeded(Store[Any]):
    def _folding(self) -> Folding[Any]:
        return replace(super()._folding(), compacted=self.shape.reads)


class PublishesBeforeMajority(Store[Any]):
    def __init__(self, database: Any, shape: Any, *rest: Any, **more: Any) -> None:
        super().__init__(database, shape, *rest, **more)
        self.documents = quick(database, shape.collection)


class TakesOutboxForPublished(Store[Any]):
    """Whatever another process left is dropped, as if its publication were known."""

    async def _load_for(self, changes: Sequence[Change[Any]], *, believing: bool = False) -> dict[str, Document[Any]]:
        documents = await super()._load_for(changes, believing=believing)
        for document in documents.values():
            document.outbox, document.pending = [], None
        return documents


class ForgetsIds(Store[Any]):
    """What an outsider says again counts again."""

    async def apply(self, changes: Sequence[Change[Any]], *, recorded: bool = False) -> list[Outcome[Any]]:
        return await super().apply([replace(change, once="") for change in changes], recorded=recorded)


class NoClaims(Store[Any]):
    def __init__(self, database: Any, shape: Any, *rest: Any, **more: Any) -> None:
        super().__init__(database, replace(shape, unique=()), *rest, **more)


def with_store(kind: type[Store[Any]], core: type[Core[Any]] = Core, only: str = "") -> type[Core[Any]]:
    """A core whose stores (or the `only` one of that collection) are of this kind, too."""

    class Changed(core):  # type: ignore[valid-type, misc]
        def store_of(self, of: Any, shape: Any, relay: Any, interpret: Any) -> Any:
            mixed = of if only not in ("", shape.collection) else _mixed(kind, get_origin(of) or of)
            return super().store_of(mixed, shape, relay, interpret)

    return Changed


@cache
def _mixed(kind: type[Any], of: type[Any]) -> type[Any]:
    return type(of.__name__, (kind, of), {})


# Stores of the house


class PlacesUncounted(Store[Any]):
    """An agent takes whatever he is given."""

    async def apply(self, changes: Sequence[Change[Any]], *, recorded: bool = False) -> list[Outcome[Any]]:
        uncounted = [_otherwise(change, reserve, _with_room) for change in changes]
        return await super().apply(uncounted, recorded=recorded)


class ReleasesWhateverIsHeld(Store[Any]):
    """A place is given back for its case, of whichever offer it is."""

    async def apply(self, changes: Sequence[Change[Any]], *, recorded: bool = False) -> list[Outcome[Any]]:
        careless = [_otherwise(change, release, _of_any_offer) for change in changes]
        return await super().apply(careless, recorded=recorded)


def _otherwise(change: Change[Any], decision: Any, instead: Callable[..., Decision[Any]]) -> Change[Any]:
    """A change that asks for this decision, decided in another way."""
    decide: Any = change.decide
    return replace(change, decide=partial(instead, decide)) if getattr(decide, "func", None) is decision else change


def _with_room(decide: Any, state: Any, now: datetime) -> Decision[Any]:
    roomy = {**state.capacity, "total": state.capacity["total"] + 1}
    given = state.model_copy(update={"capacity": roomy})
    decided = decide(given, now)
    if decided.state is given:
        return replace(decided, state=state)
    return replace(decided, state=decided.state.model_copy(update={"capacity": state.capacity}))


def _of_any_offer(decide: Any, state: Any, now: datetime) -> Decision[Any]:
    held = {place.case_id: place.generation for place in state.reservations}
    case_id = decide.keywords["case_id"]
    return release(state, now, case_id=case_id, generation=held.get(case_id, 0))


class SendsBeforeTaking(Store[Any]):
    """That a message is being sent is known to the sending process only, until it is over."""

    def __init__(self, *rest: Any, **more: Any) -> None:
        super().__init__(*rest, **more)
        self._taken: dict[str, Change[Any]] = {}

    async def apply(self, changes: Sequence[Change[Any]], *, recorded: bool = False) -> list[Outcome[Any]]:
        if not all(change.timer for change in changes):
            return await super().apply(changes, recorded=recorded)
        if all(change.key in self._taken for change in changes):
            ended = [_after(self._taken.pop(change.key), change) for change in changes]
            return await super().apply(ended, recorded=recorded)
        self._taken |= {change.key: change for change in changes}
        return [await self.preview(change) for change in changes]


def _after(first: Change[Any], then: Change[Any]) -> Change[Any]:
    """Both in one."""
    return replace(then, decide=lambda state, now: then.decide(first.decide(state, now).state, now))


# Relays


class PublishesTheNewest(Relay):
    """Only what the last write gave out, not what may still wait before it."""

    async def publish(self, store: Keeper, documents: Sequence[Document[Any]]) -> None:
        await super().publish(store, [replace(document, outbox=document.outbox[-1:]) for document in documents])


class RelayedOtherwise(Core[Any]):
    def relay(self) -> Relay:
        return PublishesTheNewest(self.producer, self.name, metrics=self.metrics, clock=self.clock)


# Clocks and timers


class ClockUnchecked(Core[Any]):
    @property
    def checked_clock(self) -> Any:
        return _Unchecked(self.clock)


class _Unchecked:
    def __init__(self, clock: Clock) -> None:
        self.wrong: Callable[[], str] = str
        self._clock = clock

    def __call__(self) -> datetime:
        return self._clock()

    async def compare(self) -> None:
        """It is believed."""


def built_heedless(core: Core[Any], parts: Parts) -> Running:
    """Its timers wait for nothing that is still on the topics."""
    running = build(core, parts)
    running.ownership.applied_until = lambda shard: NEVER  # type: ignore[method-assign]
    return running


def built_ready(core: Core[Any], parts: Parts) -> Running:
    """Its HTTP doors take writes from the first moment."""
    running = build(core, parts)
    running.ready.clear()
    return running


# Bus and consumer


class CommitsBeforeWrite(Bus):
    async def _attempt(self, records: Sequence[Record], consumer: Consumer) -> None:
        await self._commit({(r.topic, r.partition): r.offset + 1 for r in records}, consumer)
        await super()._attempt(records, consumer)


class SetsAsideAfterCommit(Bus):
    def __init__(self, doors: Any, quarantine: Any, *rest: Any, **more: Any) -> None:
        super().__init__(doors, _Later(quarantine), *rest, **more)


class _Later:
    def __init__(self, quarantine: Any) -> None:
        self._quarantine = quarantine
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, bad: Sequence[Aside]) -> None:
        self._tasks.add(asyncio.create_task(self._put(bad)))

    async def put_again(self, records: Sequence[Record]) -> Collection[str]:
        known: Collection[str] = await self._quarantine.put_again(records)
        return known

    async def _put(self, bad: Sequence[Aside]) -> None:
        await asyncio.sleep(0.5)
        await self._quarantine.put(bad)


class DoesNotDrain(Bus):
    async def drain(self) -> None:
        """The batch in hand goes on by itself."""


class CommitsAllThatIsThere(KafkaConsumer):
    """Not what was done: the end of each partition, as a client that reads ahead knows it."""

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        ends = {place: self._consumer.highwater(TopicPartition(*place)) or 0 for place in offsets}
        await super().commit({place: max(end, ends[place]) for place, end in offsets.items()})


def with_bus(bus: type[Bus]) -> Made:
    return Made(build=partial(build, bus_of=bus))


def with_core(core: type[Core[Any]]) -> Made:
    return Made(core=lambda _: core)
