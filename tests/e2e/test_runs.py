"""Whole runs from the first contact to the last message: many contacts, and services killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from demo import lines as demo_lines
from demo.doors import Doors
from demo.main import kafka_options
from demo.screen import Screen
from demo.show import Show
from demo.visible import Visible
from tests.e2e.agents import all_solved, at_their_desks
from tests.e2e.contacts import (
    Identity,
    Sending,
    circles,
    conversations,
    expected,
    feed,
    must_be_together,
    real_or_shipped,
)
from tests.e2e.happened import OURS, Story, assert_sound, eventually_assigned, story
from tests.e2e.house import PATIENCE_S, House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
DEMO_SECONDS = 8
GIVES_OUT = {
    "intake": "cases.v1", "routing": "assignments.v1", "sla": "sla.v1", "notify": "notifications.v1"
}  # fmt: skip


@pytest.fixture
async def producer(house: House) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(**kafka_options(house.env), acks="all", enable_idempotence=True, linger_ms=2)
    await producer.start()
    yield producer
    await producer.stop()


async def test_the_demo_adds_up_and_fed_again_changes_nothing(house: House, producer: AIOKafkaProducer) -> None:
    lines = demo_lines.read(demo_lines.SHIPPED)
    show = Show(lines, house.env, DEMO_SECONDS, Screen(), time.monotonic())
    totals = await show.play(producer, kafka_options(house.env))
    await house.quiet()
    assert totals.problems == []
    assert totals.fed == len(lines) == totals.cases + totals.joined + totals.amended + (totals.repeats or 0)
    assert totals.assigned == totals.cases
    assert (totals.quarantined, totals.refused, totals.not_visible) == (0, 0, 0)

    contacts = demo_lines.identities(lines)
    happened = await story(house, contacts)
    assert_sound(happened)
    assert (len(happened.opened), happened.joined) == (totals.cases, totals.joined)
    assert_who_and_what_belong_together(happened, [json.loads(line.raw) for line in lines])

    said, told = await house.ends(*OURS), house.told()
    await feed(house, [Sending(json.loads(line.raw), line.over_http) for line in lines])
    await house.quiet()
    assert await house.said(*OURS, after=said) == []
    assert house.told() == told


async def test_real_contacts_are_each_in_one_case_with_an_agent(staffed: House) -> None:
    sendings = real_or_shipped()
    contacts = list({sending.identity for sending in sendings})
    async with at_their_desks(staffed):
        assert await feed(staffed, sendings) == len(sendings)
        await eventually_assigned(staffed, contacts)
    await staffed.quiet()
    happened = await story(staffed, contacts)
    assert_sound(happened)
    assert happened.assigned == happened.opened
    assert len(happened.opened) + happened.joined == len(contacts)
    assert_who_and_what_belong_together(happened, [sending.body for sending in sendings])
    for source in {source for source, _ in contacts}:
        assert (await staffed.get("intake", "/v1/quarantine", source=source))["items"] == []
    visible = await seen_over_http(staffed, contacts)
    assert {contact: {case} for contact, case in visible.items()} == happened.cases_of

    said, told = await staffed.ends(*OURS), staffed.told()
    await feed(staffed, sendings)
    await staffed.quiet()
    assert await staffed.said(*OURS, after=said) == []
    assert staffed.told() == told


@pytest.mark.parametrize(("victim", "its_topic"), GIVES_OUT.items())
async def test_PF_2_a_run_comes_to_the_same_whoever_is_killed(staffed: House, victim: str, its_topic: str) -> None:
    sendings = conversations(victim, 120)
    ahead, contacts = expected(sendings), [sending.identity for sending in sendings]
    async with at_their_desks(staffed) as desks:
        dead = asyncio.Event()
        killing = asyncio.create_task(killed_and_up_again(staffed, victim, its_topic, dead))
        begun = asyncio.create_task(feed(staffed, sendings[: len(sendings) // 2]))
        async with asyncio.timeout(PATIENCE_S):
            await dead.wait()
        fed = await feed(staffed, sendings[len(sendings) // 2 :]) + await begun
        await killing
        await eventually_assigned(staffed, contacts)
        await all_solved(desks, (await story(staffed, contacts)).opened)
    await staffed.quiet()
    happened = await story(staffed, contacts)
    assert_sound(happened)
    assert (fed, len(happened.opened), happened.joined) == (ahead.fed, ahead.cases, ahead.joined)
    assert happened.assigned == happened.resolved == happened.opened
    told = {template: len(happened.told_by(template)) for template in ("received", "assigned", "resolved")}
    assert told == dict.fromkeys(told, ahead.reachable)


def assert_who_and_what_belong_together(happened: Story, bodies: Sequence[dict[str, Any]]) -> None:
    """By what the contacts state, without asking the services' rules."""
    known, of_case = circles(bodies), defaultdict[str, list[Identity]](list)
    for contact, cases in happened.cases_of.items():
        for case in cases:
            of_case[case].append(contact)
    assert [held for held in of_case.values() if any(known[one] is not known[held[0]] for one in held)] == []
    together = must_be_together(bodies)
    assert [some for some in together if len({case for one in some for case in happened.cases_of[one]}) > 1] == []


async def killed_and_up_again(house: House, victim: str, its_topic: str, dead: asyncio.Event) -> None:
    """kill -9 as soon as it has given out its first events."""
    before = sum((await house.ends(its_topic)).values())

    async def begun() -> bool:
        return sum((await house.ends(its_topic)).values()) > before + 5

    await eventually(begun, within=PATIENCE_S)
    os.kill(house.pid(victim), signal.SIGKILL)
    dead.set()
    await asyncio.to_thread(house.stack.up)


async def seen_over_http(house: House, contacts: list[Identity]) -> dict[Identity, str]:
    async with Doors(house.env) as doors:
        visible = Visible(doors, contacts)
        await visible.run()
    return visible.cases
