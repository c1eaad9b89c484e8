from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern


async def test_the_broker_of_the_session_takes_records(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic("local-probe", 3, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", enable_idempotence=True)
    await producer.start()
    taken = await producer.send_and_wait("local-probe", b"1", partition=2)
    await producer.stop()
    assert taken.offset == 0


def test_the_database_of_the_session_takes_majority_writes(mongo: str, database: str) -> None:
    with MongoClient[dict[str, Any]](mongo) as client:
        things = client[database].get_collection("things", write_concern=WriteConcern("majority", j=True))
        things.insert_one({"_id": 1})
        assert client[database].things.count_documents({}) == 1
