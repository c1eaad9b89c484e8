"""A department at work: hears of the escalations for it and acknowledges each, so that they do not climb further.

KAFKA=localhost:9092 python demo/subscribers/department.py technical
"""

import asyncio
import json
import os
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def serve(department: str) -> None:
    servers = os.environ.get("KAFKA", "localhost:9092")
    topic, group = f"escalations.{department}.v1", f"{department}-desk"
    calls = AIOKafkaConsumer(
        topic, bootstrap_servers=servers, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    async with calls, AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as replies:
        async for record in calls:
            call, kind = json.loads(record.value), dict(record.headers)["ce_type"].decode()
            print(kind, call["number"], call.get("description") or call.get("why"), flush=True)
            if kind != "escalation.withdrawn":
                reply = {key: call[key] for key in ("escalation_id", "case_id", "department")}
                # The same id for the same call: delivery is at least once, and a repeat is harmless.
                reply |= {"type": "escalation.acknowledged", "id": f"ack-{call['escalation_id']}", "by": group}
                await replies.send_and_wait("escalation-replies.v1", json.dumps(reply).encode(), key=record.key)
            await calls.commit()


asyncio.run(serve(sys.argv[1]))
