"""Three services as small as can be, over the real core: what goes wrong here is the mechanics.

orders.v1 (outsiders, and HTTP) -> count -> counts.v1 -> echo -> echoes.v1 -> count
                                                    watch reads both: an echo never before its count
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict

from shared.bus import Door
from shared.codec import Inbound
from shared.decisions import Decision, Note
from shared.doors import Handlers, cause_of, inbound_record
from shared.events.base import EventData
from shared.fold import Change
from shared.service import Core, Parts, Running
from shared.settings import Settings
from shared.store import Shape
from shared.timers import Timed

SETTINGS = Settings.model_construct(kafka="simulated", mongo="simulated", partitions=12, rules=None, otlp="")
CLOSES_AFTER = timedelta(seconds=3)
BUGS: set[str] = set()
"""Ids of orders that an error of ours runs into."""


class Order(EventData):
    TOPIC: ClassVar[str] = "orders.v1"
    TYPE: ClassVar[str] = "order.placed"
    key: str
    id: str


class Counted(EventData):
    TOPIC: ClassVar[str] = "counts.v1"
    TYPE: ClassVar[str] = "order.counted"
    id: str
    total: int


class Closed(EventData):
    """Given out by the clock, when nothing was ordered for CLOSES_AFTER."""

    TOPIC: ClassVar[str] = "counts.v1"
    TYPE: ClassVar[str] = "count.closed"
    total: int
    due: datetime


class Echoed(EventData):
    TOPIC: ClassVar[str] = "echoes.v1"
    TYPE: ClassVar[str] = "count.echoed"
    total: int


class State(BaseModel):
    model_config = ConfigDict(frozen=True)


class Count(State):
    ids: tuple[str, ...] = ()
    echoed: tuple[int, ...] = ()
    closes_at: datetime | None = None


class Echo(State):
    totals: tuple[int, ...] = ()


class Watch(State):
    log: tuple[str, ...] = ()


def add(state: Count | None, now: datetime, *, order: Order) -> Decision[Count]:
    if order.id in BUGS:
        raise RuntimeError(f"an error of ours at {order.id}")
    count = state or Count()
    ids = (*count.ids, order.id)
    after = count.model_copy(update={"ids": ids, "closes_at": now + CLOSES_AFTER})
    return Decision(after, (Counted(id=order.id, total=len(ids)),), Note(now, "ordered", order.id))


def close(state: Count | None, now: datetime) -> Decision[Count]:
    assert state is not None
    if state.closes_at is None or now < state.closes_at:
        return Decision(state)
    return Decision(state.model_copy(update={"closes_at": None}), (Closed(total=len(state.ids), due=state.closes_at),))


def hear(state: Count | None, now: datetime, *, echoed: Echoed) -> Decision[Count]:
    assert state is not None
    return Decision(state.model_copy(update={"echoed": (*state.echoed, echoed.total)}))


def echo(state: Echo | None, now: datetime, *, total: int) -> Decision[Echo]:
    return Decision(Echo(totals=(*(state.totals if state else ()), total)), (Echoed(total=total),))


def note(state: Watch | None, now: datetime, *, line: str) -> Decision[Watch]:
    return Decision(Watch(log=(*(state.log if state else ()), line)))


COUNTS = Shape("counts", Count, reads=frozenset({"echoes.v1"}), due=lambda count: count.closes_at)
ECHOES = Shape("echoes", Echo, reads=frozenset({"counts.v1"}))
WATCHES = Shape("watches", Watch, reads=frozenset({"counts.v1", "echoes.v1"}))
ORDERS = Inbound(frozenset({Order.TYPE}), default=Order.TYPE)


def count_service(core: Core[Settings]) -> Parts:
    on: Handlers[Count] = Handlers(core.metrics)
    on.outsiders(
        Order.TYPE, Order, lambda order, _: partial(add, order=order), key=lambda o: o.key, once=lambda o: o.id
    )
    on.ours(Echoed, lambda echoed, _: partial(hear, echoed=echoed))
    relay = core.relay()
    counts = core.store(COUNTS, relay, on)
    doors = {"orders.v1": [Door(counts, on, ORDERS)], "echoes.v1": [Door(counts, on)]}
    return Parts(relay, (counts,), doors, keyed=("orders.v1", "echoes.v1"), timed=(Timed(counts, close),))


def echo_service(core: Core[Settings]) -> Parts:
    on: Handlers[Echo] = Handlers(core.metrics)
    on.ours(Counted, lambda counted, _: partial(echo, total=counted.total))
    relay = core.relay()
    echoes = core.store(ECHOES, relay, on)
    return Parts(relay, (echoes,), {"counts.v1": [Door(echoes, on)]}, keyed=("counts.v1",))


def watch_service(core: Core[Settings]) -> Parts:
    on: Handlers[Watch] = Handlers(core.metrics)
    on.ours(Counted, lambda counted, _: partial(note, line=f"count {counted.total}"))
    on.ours(Echoed, lambda echoed, _: partial(note, line=f"echo {echoed.total}"))
    relay = core.relay()
    watches = core.store(WATCHES, relay, on)
    return Parts(
        relay,
        (watches,),
        {"counts.v1": [Door(watches, on)], "echoes.v1": [Door(watches, on)]},
        keyed=("counts.v1", "echoes.v1"),
    )


def body(order: Order) -> bytes:
    return orjson.dumps(order.model_dump())


async def place(running: Running, order: Order) -> Any:
    """The order over HTTP: decided at once, and written to the topic beside."""
    now = running.core.clock()
    cause = cause_of(Order.TOPIC, order.key, order.id)
    record = inbound_record(Order.TOPIC, Order.TYPE, order.key, order, now, cause)
    change: Change[Count] = Change(order.key, partial(add, order=order), cause, once=order.id, records=(record,))
    return await running.submit(running.parts.stores[0], change)
