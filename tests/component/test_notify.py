"""Notify over a real broker and database; intake and routing are played by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.events.cases import CaseContactAdded, CaseCustomer, CaseResolved, ContactRef, Reach
from shared.ids import named
from tests.component.conftest import Alone
from tests.component.neighbours import (
    Neighbour,
    case_assigned,
    case_opened,
    case_queued,
    ids,
    nothing_changes_when_read_again,
)
from tests.e2e.house import House

pytestmark = pytest.mark.stack
READS, GIVES = ("cases.v1", "assignments.v1"), ("notifications.v1",)


@pytest.fixture(scope="module")
async def notify(alone: Alone) -> AsyncIterator[House]:
    async with alone("notify") as house:
        yield house


@pytest.fixture(scope="module")
def intake(notify: House) -> Neighbour:
    return Neighbour(notify, "intake")


@pytest.fixture(scope="module")
def routing(notify: House) -> Neighbour:
    return Neighbour(notify, "routing")


def told(notify: House, case: str) -> list[dict[str, Any]]:
    return [line for line in notify.told() if line["case_id"] == case]


async def outcomes(notify: House, case: str) -> list[tuple[str, str]]:
    """Of each message: what became of it, and its template."""
    await notify.quiet()
    events = {said.id: said for said in await notify.said("notifications.v1") if said.subject == case}
    in_order = sorted(events.values(), key=lambda event: event.sequence)
    return [(event.type.removeprefix("notification."), event.data["template"]["id"]) for event in in_order]


async def test_NT_1_the_milestones_are_told_in_chinese(notify: House, intake: Neighbour, routing: Neighbour) -> None:
    opened = case_opened("zh")
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    await routing.says(case_queued(case), case_assigned(case))
    intake.has_seen(case, assignments=2)
    await intake.says(CaseResolved(**ids(case), by="Z01", resolution="多扣的款项已退回"))
    assert await outcomes(notify, case) == [("sent", "received"), ("sent", "assigned"), ("sent", "resolved")]
    lines = told(notify, case)
    assert {(line["channel"], line["to"], line["language"]) for line in lines} == {("sms", "+8613800138000", "zh")}
    received, assigned, resolved = (line["text"] for line in lines)
    assert all(words in received for words in (opened.number, "预计处理周期", "沟通方式"))
    assert all(words in assigned for words in ("工号 Z01", "支付组"))
    assert "多扣的款项已退回" in resolved


async def test_NT_1_the_milestones_are_told_in_english(notify: House, intake: Neighbour, routing: Neighbour) -> None:
    reach = Reach(name="Ann", email="ann@example.com")
    opened = case_opened("en", language="en", channel="email", customer=CaseCustomer(id="ann", reach=reach))
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    await routing.says(case_assigned(case, "Z02", "Li", "Payments"))
    intake.has_seen(case, assignments=1)
    await intake.says(CaseResolved(**ids(case), by="Z02", resolution="The second charge was refunded"))
    assert await outcomes(notify, case) == [("sent", "received"), ("sent", "assigned"), ("sent", "resolved")]
    lines = told(notify, case)
    assert {(line["channel"], line["to"], line["language"]) for line in lines} == {("email", "ann@example.com", "en")}
    assert all(opened.number in line["subject"] for line in lines)
    received, assigned, resolved = (line["text"] for line in lines)
    assert "Expected handling time" in received
    assert all(words in assigned for words in ("Z02", "Payments"))
    assert "The second charge was refunded" in resolved
    listed = (await notify.get("notify", "/v1/notifications", case=opened.number))["items"]
    assert [(item["state"], item["text"]) for item in listed] == [("sent", line["text"]) for line in lines]


async def test_a_customer_who_cannot_be_reached_is_told_nothing_until_he_can(
    notify: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = case_opened("silent", channel="web", customer=CaseCustomer(id="nobody"))
    case = opened.case_id
    await intake.says(opened)
    assert await outcomes(notify, case) == [("suppressed", "received")]
    assert told(notify, case) == []
    further = CaseContactAdded(
        **ids(case), contact_id=named("contact", "further"), contact=ContactRef(source="test", id="further"),
        channel="sms", text="我的电话是…", reach=Reach(phone="+8613900139000"),
    )  # fmt: skip
    await intake.says(further)
    routing.has_seen(case, cases=2)
    await routing.says(case_assigned(case))
    assert await outcomes(notify, case) == [("suppressed", "received"), ("sent", "assigned")]
    assert [line["to"] for line in told(notify, case)] == ["+8613900139000"]


async def test_what_comes_before_its_cause_is_told_after_it(
    notify: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = case_opened("early")
    case = opened.case_id
    routing.has_seen(case, cases=1)
    await routing.says(case_assigned(case))
    await intake.says(opened)
    assert await outcomes(notify, case) == [("sent", "received"), ("sent", "assigned")]
    assert [line["template"] for line in told(notify, case)] == ["received", "assigned"]


async def test_NT_7_another_agent_presents_himself_and_the_same_one_does_not_again(
    notify: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = case_opened("handed on")
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    for agent in ("Z01", "Z01", "Z02"):
        await routing.says(case_assigned(case, agent))
        await notify.quiet()
    texts = [line["text"] for line in told(notify, case) if line["template"] == "assigned"]
    assert [("Z01" in text, "Z02" in text) for text in texts] == [(True, False), (False, True)]


async def test_all_that_was_read_is_read_again_and_nothing_changes(notify: House) -> None:
    await nothing_changes_when_read_again(notify, "notify", READS, GIVES)
