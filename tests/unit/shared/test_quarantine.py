"""What was set aside stays aside, and hinders nobody; over a database in memory, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import bson
import pytest

from shared.codec import Inbound, decode
from shared.metrics import Metrics
from shared.outbox import Publication
from shared.quarantine import Quarantine, aside, aside_event, kept
from tests.simulation.faults import Faults
from tests.simulation.mongo import Replicas
from tests.simulation.scheduler import current, run
from tests.unit.shared.tally import Raw

PLACE = "numbers.v1/0/7"
SPACED = Raw(offset=7, value=b'{ "n": 5,  "name": "\\u738b", "big": 9007199254740993, "x": 1.0 }')
WRAPPED = Raw(
    offset=7,
    value=b'{"specversion": "1.0", "type": "number.added", "source": "crm", "data": {"n": 5}}',
    headers=(("content-type", b"application/cloudevents+json"),),
)
INBOUND = Inbound(frozenset({"number.added"}), default="number.added")


class Broker:
    """It takes everything, and answers unless it is silent."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.copies: list[Publication] = []

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        self.copies += records
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self.silent:
            answer.set_result(None)
        return [answer]


def told(fact: Callable[[Any, Broker], Awaitable[None]], *, silent: bool = False, **limit: float) -> None:
    async def main() -> None:
        loop, broker = current(), Broker(silent=silent)
        database = Replicas(loop, Faults(loop.random)).client()["d"]
        await fact(Quarantine(database, broker, metrics=Metrics("test"), **limit), broker)

    run(main, 1)


async def waiting(quarantine: Any) -> list[str]:
    return [body["_id"] for body in await quarantine.find()]


def test_a_broker_that_never_answers_holds_nobody_up_for_longer_than_the_limit() -> None:
    async def fact(quarantine: Any, broker: Broker) -> None:
        begun = current().time()
        with pytest.raises(TimeoutError):
            await quarantine.put([aside(SPACED, "invalid", "no", "")])
        with pytest.raises(TimeoutError):
            await quarantine.put_again([SPACED])
        assert 6 <= current().time() - begun < 7
        assert await waiting(quarantine) == [PLACE]

    told(fact, silent=True, answer_within_s=3.0)


@pytest.mark.parametrize("came", [SPACED, WRAPPED, replace(SPACED, value=b'{"n":5}')])
def test_a_record_that_was_refused_after_waiting_is_known_when_it_is_read_again(came: Raw) -> None:
    """Only its data was kept while it waited, not the bytes that came."""

    async def fact(quarantine: Any, broker: Broker) -> None:
        await quarantine.put([aside_event(decode(came, INBOUND), "closed", "too late")])
        assert await quarantine.put_again([came, replace(came, offset=8)]) == {PLACE}
        assert await quarantine.put_again([replace(came, value=b'{"n":6}')]) == set()
        assert broker.copies[-1].value == came.value

    told(fact)


def test_a_bad_record_in_an_old_place_of_a_topic_made_anew_is_set_aside_too() -> None:
    old, new, newest = (replace(SPACED, value=value) for value in (b"{", b"[", b'{"n": "many"}'))

    async def fact(quarantine: Any, broker: Broker) -> None:
        for record in (old, new, new, newest):
            await quarantine.put([aside(record, "bad_json", "no", "")])
        first, *beside = sorted(await waiting(quarantine))
        assert first == PLACE
        values = {(await quarantine.get(id_))["value"] for id_ in beside}
        assert (len(beside), values) == (2, {b"[", newest.value})
        places = [kept(await quarantine.get(id_)) for id_ in beside]
        assert {(record.topic, record.partition, record.offset) for record in places} == {("numbers.v1", 0, 7)}
        for record in (old, new, newest):
            assert await quarantine.put_again([record]) == {PLACE}

    told(fact)


def test_what_waited_on_a_topic_made_anew_and_was_refused_is_known_too() -> None:
    async def fact(quarantine: Any, broker: Broker) -> None:
        await quarantine.put([aside(replace(WRAPPED, value=b"{"), "bad_json", "no", "")])
        await quarantine.put([aside_event(decode(WRAPPED, INBOUND), "closed", "too late")])
        assert len(await waiting(quarantine)) == 2
        assert await quarantine.put_again([WRAPPED]) == {PLACE}

    told(fact)


def test_a_list_carries_neither_values_nor_headers_and_one_record_is_shown_whole() -> None:
    async def fact(quarantine: Any, broker: Broker) -> None:
        await quarantine.put([aside(WRAPPED, "invalid", "no", "crm")])
        (listed,) = await quarantine.find()
        assert {"value", "headers"}.isdisjoint(listed)
        assert (listed["reason"], listed["source"]) == ("invalid", "crm")
        assert (await quarantine.get(PLACE))["value"] == WRAPPED.value

    told(fact)


@pytest.mark.parametrize(
    "huge",
    [
        replace(SPACED, key=b"k" * 20_000_000),
        replace(SPACED, value=b"v" * 20_000_000),
        replace(SPACED, headers=(("first", b"1"), ("huge", b"h" * 20_000_000))),
        replace(SPACED, headers=(("first", b"1"),) + 1_000_000 * (("", None),)),
    ],
    ids=["key", "value", "header", "headers"],
)
def test_no_record_is_larger_than_a_document_can_be(huge: Raw) -> None:
    """Compressed it came through the broker; what the database refused would come again for ever."""

    async def fact(quarantine: Any, broker: Broker) -> None:
        await quarantine.put([aside(huge, "too_large", "no", "s" * 1000)])
        body = await quarantine.get(PLACE)
        assert len(bson.encode(body)) < 16_000_000
        assert len(body["source"]) == 200
        assert body["headers"][:1] == [list(header) for header in huge.headers[:1]]
        assert await quarantine.put_again([huge]) == {PLACE}

    told(fact)


def test_what_is_dismissed_is_kept_known_and_waits_no_more() -> None:
    async def fact(quarantine: Any, broker: Broker) -> None:
        await quarantine.put([aside(SPACED, "invalid", "no", "")])
        assert await quarantine.dismiss(PLACE, "olga")
        assert not await quarantine.dismiss(PLACE, "otto")
        (left,) = await quarantine.find(status="dismissed")
        assert (left["_id"], left["settled_by"]) == (PLACE, "olga")
        assert await quarantine.put_again([SPACED]) == {PLACE}
        await quarantine.put([aside(SPACED, "invalid", "no", "")])
        assert await waiting(quarantine) == []

    told(fact)


@pytest.mark.parametrize("came", [SPACED, WRAPPED, replace(SPACED, value=b'{"n":5}')])
def test_a_record_that_was_replayed_waited_and_was_refused_then_is_back(came: Raw) -> None:
    async def fact(quarantine: Any, broker: Broker) -> None:
        await quarantine.put([aside(came, "closed", "too early", "")])
        await quarantine.settle(PLACE, "replayed", "olga")
        await quarantine.put([aside_event(decode(came, INBOUND), "closed", "too late")])
        (back,) = await quarantine.find()
        assert (back["_id"], back["error"]) == (PLACE, "too late")
        assert (await quarantine.get(PLACE))["value"] == came.value

    told(fact)
