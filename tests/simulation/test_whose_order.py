"""Whose order self-service tells of: nobody is told by an account or number that is not one person's (IN-11)."""

from typing import Any

import pytest

from services.intake.domain.ask import Asked
from services.intake.domain.found import Found
from services.intake.lookup.look import LookUps, Query
from shared.events.contacts import Channel
from tests.simulation.scheduler import run
from tests.simulation.test_who_is_told import MOBILE, PRINTER, SWITCHBOARD, intake, says
from tests.unit.intake.test_order_state import ORDER, found


class Crm:
    """Says of every order that it is the asker's."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    async def look(self, query: Query) -> Found | None:
        self.asked.append(query.points)
        return found()


async def asks_for_his_order(crm: Crm, channel: Channel, *callers: str, **customer: str) -> Any:
    cases, talks = await intake()
    cases.lookups = LookUps(crm, 1.0)
    for n, name in enumerate(callers):
        await says(cases, "phone", f"call-{n}", PRINTER, name=name, phone=customer["phone"])
    crm.asked.clear()
    said = {"source": channel, "conversation": "ask", "text": f"我的订单{ORDER}到哪了？", "channel": channel}
    return await talks.own_order(Asked.model_validate({**said, "customer": customer}))


@pytest.mark.parametrize(
    ("channel", "callers", "customer"),
    [
        ("app", (), {"app_id": "guest"}),
        ("phone", (), {"phone": "13800000000"}),
        ("phone", ("王芳", "李明"), {"phone": SWITCHBOARD}),
        ("phone", ("",), {"phone": SWITCHBOARD}),
    ],
    ids=["a placeholder", "a number that nobody has", "a number of several", "a number of anybody"],
)
def test_IN_11_no_order_is_told_by_a_point_of_nobody_or_of_several(
    channel: Channel, callers: tuple[str, ...], customer: dict[str, str]
) -> None:
    crm = Crm()

    async def story() -> None:
        assert await asks_for_his_order(crm, channel, *callers, **customer) is None

    run(story, 1)
    assert crm.asked == [], "nobody is asked for him"


def test_IN_11_his_own_order_is_told_by_what_his_channel_vouches_for() -> None:
    crm = Crm()

    async def story() -> None:
        order = await asks_for_his_order(crm, "phone", "王芳", phone=MOBILE, app_id="stated")
        assert order.known["state"] == "运输中"

    run(story, 1)
    assert crm.asked == [(f"phone:{MOBILE}",)]
