"""Send one contact to Switchboard, as a simple channel system would: bare JSON on the topic, no header at all.

KAFKA=localhost:9092 python demo/senders/send.py "昨天支付了两次，请尽快退款"
"""

import asyncio
import json
import os
import sys
import uuid

from aiokafka import AIOKafkaProducer


async def send(text: str) -> None:
    contact = {"source": "my-system", "id": str(uuid.uuid4()), "channel": "web", "text": text}
    servers = os.environ.get("KAFKA", "localhost:9092")
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:
        key = f"{contact['source']}:{contact['id']}"  # or the conversation, where there is one
        await producer.send_and_wait("contacts.v1", json.dumps(contact).encode(), key=key.encode())
    print(contact["source"], contact["id"])


asyncio.run(send(sys.argv[1]))
