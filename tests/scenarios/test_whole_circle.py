"""The whole circle, with an hour that lasts a second: promises break, departments answer, customers are asked."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest
from aiokafka import AIOKafkaProducer

from demo import lines as demo_lines
from demo.main import kafka_options
from demo.screen import Screen
from demo.show import Show
from tests.e2e.happened import OURS, disorder
from tests.e2e.house import House
from tests.scenarios.told import FAST
from tests.waiting import eventually

pytestmark = pytest.mark.stack
DEMO_SECONDS = 20
VICTIMS = {"sla": "escalations.frontline.v1", "feedback": "feedback.v1"}


@FAST
async def test_PF_2_promises_surveys_and_improvements_add_up_whoever_is_killed(house: House) -> None:
    lines = demo_lines.read(demo_lines.SHIPPED)
    show = Show(lines, house.env, DEMO_SECONDS, Screen(), time.monotonic())
    async with AIOKafkaProducer(**kafka_options(house.env), acks="all", enable_idempotence=True) as producer:
        killing = asyncio.create_task(_killed_in_turn(house))
        totals = await show.play(producer, kafka_options(house.env))
        assert await killing == list(VICTIMS)
    assert totals.problems == []
    assert totals.assigned == totals.cases
    for happened in ("reminded", "missed", "escalated", "surveyed", "improved"):
        assert getattr(totals, happened) > 0, happened
    assert totals.missed == totals.escalated
    ids = [line["notification_id"] for line in house.told()]
    assert len(ids) == len(set(ids))
    assert disorder(await house.said(*OURS)) == []


async def _killed_in_turn(house: House) -> list[str]:
    """kill -9 of each as soon as it has given out its first events, and up again."""
    killed = []
    for victim, its_topic in VICTIMS.items():

        async def begun(topic: str = its_topic) -> bool:
            return sum((await house.ends(topic)).values()) > 3

        await eventually(begun, within=60)
        os.kill(house.pid(victim), signal.SIGKILL)
        await asyncio.to_thread(house.stack.up)
        killed.append(victim)
    return killed
