"""One producer for good: connections come and go underneath, and nobody who publishes has to know."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, LeaderNotAvailableError, OutOfOrderSequenceNumber

from shared.errors import Transient
from shared.outbox import Publication
from shared.producer import PACK_FROM, KafkaProducer, send_all
from tests.waiting import eventually

RECORD = Publication("t", b"k", b"v", [])


class Connection:
    """What a broker makes of a connection: refuses it, takes records, or never answers."""

    def __init__(self, broker: "Broker") -> None:
        self._broker, self._has_a_gap = broker, False

    async def start(self) -> None:
        if self._broker.away:
            raise KafkaConnectionError("away")

    async def stop(self) -> None:
        self._broker.ended += 1

    async def send(self, topic: str, *, value: Any, key: Any, headers: Any) -> Any:
        if len(self._broker.asked) >= self._broker.takes:
            raise KafkaTimeoutError
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._broker.leaderless:
            self._has_a_gap = True
            answer.set_exception(LeaderNotAvailableError())
        elif self._has_a_gap:
            answer.set_exception(OutOfOrderSequenceNumber())
        elif not self._broker.silent:
            answer.set_result(None)
        self._broker.asked.append(answer)
        return answer

    async def partitions_for(self, topic: str) -> set[int]:
        return {0}

    def create_batch(self) -> Any:
        return Batch()

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
        self._broker.waits_for_its_turn.set()
        await self._broker.turn.wait()
        return await self.send(topic, value=batch, key=None, headers=[])


class Batch:
    def append(self, **record: Any) -> str:
        return "taken"


class Broker:
    """`turn`: what is packed waits until nothing else is open on its partition.

    `leaderless`: what is sent now is given up, and its number is lost. `ended`: how many connections.
    """

    def __init__(self) -> None:
        self.away = self.silent = self.leaderless = False
        self.ended = 0
        self.takes = 1000
        self.turn, self.waits_for_its_turn = asyncio.Event(), asyncio.Event()
        self.asked: list[asyncio.Future[Any]] = []

    def connect(self) -> Any:
        return Connection(self)


async def told(producer: KafkaProducer) -> str:
    try:
        await asyncio.gather(*await producer.send([RECORD]))
    except Transient as error:
        return str(error)
    return "taken"


async def test_an_outage_longer_than_patience_ends_when_the_broker_is_back() -> None:
    broker = Broker()
    producer = KafkaProducer(broker.connect, retry_s=0.001)
    await producer.start()
    broker.silent = True
    (unanswered,) = await producer.send([RECORD])
    unanswered.cancel()  # its publisher has waited too long
    broker.away = True
    assert await told(producer) == "the broker is not reached yet", "it does not wait for the new connection"
    assert await told(producer) == "the broker is not reached yet"
    broker.away = broker.silent = False

    async def is_taken() -> bool:
        return await told(producer) == "taken"

    await eventually(is_taken)
    await producer.stop()


async def test_a_connection_that_has_given_up_a_record_is_replaced_once_because_its_numbers_have_a_gap() -> None:
    broker = Broker()
    producer = KafkaProducer(broker.connect, retry_s=0.001)
    await producer.start()
    broker.leaderless = True
    given_up = await asyncio.gather(*await producer.send([RECORD, RECORD]), return_exceptions=True)
    assert [type(error) for error in given_up] == [LeaderNotAvailableError] * 2
    broker.leaderless = False

    async def is_taken() -> bool:
        return await told(producer) == "taken"

    await eventually(is_taken)
    assert broker.ended == 1
    await producer.stop()


async def test_stopping_ends_the_search_for_a_new_connection() -> None:
    broker = Broker()
    producer = KafkaProducer(broker.connect, retry_s=0.001)
    await producer.start()
    broker.silent = broker.away = True
    (unanswered,) = await producer.send([RECORD])
    unanswered.cancel()
    assert await told(producer) != "taken"
    await producer.stop()
    assert producer._replacing is not None
    assert producer._replacing.done()


async def test_before_the_first_connection_a_publisher_is_told_at_once() -> None:
    assert await told(KafkaProducer(Broker().connect)) == "the broker is not reached yet"


async def test_nobody_overtakes_packed_records_that_wait_for_their_turn() -> None:
    """Each that did would make them wait once more, and aiokafka's patience ends long before its time is over."""
    broker = Broker()
    producer = KafkaProducer(broker.connect)
    await producer.start()
    many = asyncio.create_task(producer.send([RECORD] * PACK_FROM))
    await broker.waits_for_its_turn.wait()
    one = asyncio.create_task(producer.send([RECORD]))
    await asyncio.wait([one], timeout=0.05)
    assert broker.asked == []
    broker.turn.set()
    (packed,), (single,) = await asyncio.gather(many, one)
    assert broker.asked == [packed, single]


async def test_what_was_queued_before_a_failure_is_heard_to_its_end() -> None:
    """Otherwise asyncio complains of errors that nobody asked for."""
    broker = Broker()
    broker.silent, broker.takes = True, 1
    with pytest.raises(KafkaTimeoutError):
        await send_all(broker.connect(), [RECORD, RECORD])
    (queued,) = broker.asked
    queued.set_exception(KafkaTimeoutError())
    await asyncio.sleep(0)
    assert not queued._log_traceback, "its error was asked for"  # type: ignore[attr-defined]
