"""IN-3, IN-4 over real HTTP and a real broker, two replicas of intake: what comes at the same moment comes once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import Any

import pytest

from deploy.local.stack import running_stack
from tests.component.conftest import Alone
from tests.e2e.conftest import given
from tests.e2e.house import House, at_home
from tests.waiting import eventually

pytestmark = pytest.mark.stack
TIMES, AT_ONCE = 100, 10
NUMBERS = count()
"""Of the customers: nobody comes twice."""
Body = dict[str, Any]
Send = Callable[[House, Body], Awaitable[None]]


@dataclass
class Replicas:
    """Two processes of one service; a balancer would send each contact to either."""

    one: House
    other: House

    def doors(self) -> Iterator[House]:
        return cycle((self.one, self.other))


@pytest.fixture(scope="module")
async def intake(
    alone: Alone, kafka: str, mongo: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Replicas]:
    async with alone("intake") as one:
        directory, environ = tmp_path_factory.mktemp("replica"), given(kafka, mongo)
        with running_stack(directory=directory, environ=environ, names=("intake",)) as stack:
            async with at_home(stack, ("intake",)) as other:
                yield Replicas(one, other)


def contact(id_: str, source: str, text: str, **customer: str) -> Body:
    channel = {"cti": "phone", "mail": "email"}.get(source, source)
    return {"source": source, "id": id_, "channel": channel, "text": text, "customer": customer}


async def over_http(door: House, body: Body) -> None:
    answer = await door.insist("POST", "intake", "/v1/contacts", body)
    assert answer.status_code == 201, answer.text


async def over_kafka(door: House, body: Body) -> None:
    await door.say("contacts.v1", body, key=f"{body['source']}:{body['id']}")


DOORS: dict[str, Sequence[Send]] = {
    "HTTP": (over_http,), "HTTP and Kafka": (over_http, over_kafka), "Kafka": (over_kafka,)
}  # fmt: skip


async def arrived(intake: Replicas, bodies: list[Body]) -> None:
    async def all_there() -> bool:
        asked = [intake.one.ask("GET", "intake", "/v1/contacts", source=b["source"], id=b["id"]) for b in bodies]
        return all(answer.status_code == 200 for answer in await asyncio.gather(*asked))

    await eventually(all_there, within=30)


async def one_customer(intake: Replicas, bodies: list[Body]) -> Body:
    """Who is found by every point that any of the contacts stated."""
    points = {(kind, value) for body in bodies for kind, value in body["customer"].items() if kind != "name"}
    found = [await intake.other.get("intake", "/v1/customers", **{kind: value}) for kind, value in points]
    assert len({one["customer_id"] for one in found}) == 1, (points, found)
    return dict(found[0])


async def test_IN_4_fifty_identical_posts_at_once_are_one_case_and_one_answer(intake: Replicas) -> None:
    cases = set()
    for n in range(200):
        body = contact(f"same-{n}", "app", "昨天支付了两次，请尽快退款", app_id=f"same-{n}")
        doors = islice(intake.doors(), 50)
        answers = await asyncio.gather(*(door.insist("POST", "intake", "/v1/contacts", body) for door in doors))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        cases.add(answers[0].json()["case_id"])
    assert len(cases) == 200
    await intake.one.quiet()
    said = {said.id: said for said in await intake.one.said("cases.v1") if said.subject in cases}.values()
    assert Counter(said.type for said in said) == {"case.opened": 200}


SHARED: dict[str, Sequence[Callable[[int], Body]]] = {
    "a mail address": (
        lambda n: contact(f"m1-{n}", "cti", "电脑坏了", phone=f"+86138{n:04}1001", email=f"m{n}@at.example"),
        lambda n: contact(f"m2-{n}", "mail", "发票呢", email=f"m{n}@at.example"),
    ),
    "only the mobile": (
        lambda n: contact(f"p1-{n}", "cti", "电脑坏了", phone=f"+86138{n:04}1002"),
        lambda n: contact(f"p2-{n}", "app", "怎么退货", phone=f"+86138{n:04}1002", app_id=f"p{n}"),
    ),
    "only the landline": (
        lambda n: contact(f"l1-{n}", "cti", "电脑坏了", phone=f"+86216121{n:04}", name="王芳"),
        lambda n: contact(f"l2-{n}", "mail", "发票呢", phone=f"+86216121{n:04}", email=f"l{n}@at.example", name="王芳"),
    ),
    "a chain": (
        lambda n: contact(f"c1-{n}", "mail", "电脑坏了", email=f"c{n}@at.example", app_id=f"c{n}"),
        lambda n: contact(f"c2-{n}", "app", "怎么退货", app_id=f"c{n}", social=f"c{n}"),
        lambda n: contact(f"c3-{n}", "social", "发票呢", social=f"c{n}", phone=f"+86138{n:04}1003"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("doors", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("shared", SHARED.values(), ids=SHARED)
async def test_IN_3_contacts_of_a_new_customer_by_several_channels_at_once_make_one_customer(
    intake: Replicas, shared: Sequence[Callable[[int], Body]], doors: Sequence[Send]
) -> None:
    async def comes(n: int) -> None:
        bodies = [body(n) for body in shared]
        ways = zip(bodies, cycle(doors), intake.doors(), strict=False)
        await asyncio.gather(*(send(door, body) for body, send, door in ways))
        await arrived(intake, bodies)
        customer = await one_customer(intake, bodies)
        assert len(customer["contacts"]) == len(bodies)

    for _ in range(TIMES // AT_ONCE):
        await asyncio.gather(*(comes(n) for n in islice(NUMBERS, AT_ONCE)))
