"""IN-3 over a real broker and database: one view of each customer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.component.conftest import Alone
from tests.component.test_intake_one_case import contact, did, posted
from tests.e2e.agents import now
from tests.e2e.house import House

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        await house.say("agents.v1", {"type": "agent.updated", "agent_id": "Z01", "at": now()}, key="Z01")
        yield house


async def customer_of(intake: House, told: dict[str, Any]) -> dict[str, Any]:
    case = await intake.get("intake", f"/v1/cases/{told['case_id']}")
    found: dict[str, Any] = await intake.get("intake", f"/v1/customers/{case['customer_id']}")
    return found


async def test_IN_3_two_contacts_of_a_new_customer_by_two_channels_at_once_make_one_customer(intake: House) -> None:
    for n in range(20):
        phone, mail, app = f"+86138001390{n:02}", f"new{n}@x.example", f"new-{n}"
        bodies = [
            contact(f"call-{n}", "电脑坏了", {"phone": phone, "email": mail}, source="cti", channel="phone"),
            contact(f"mail-{n}", "发票呢", {"email": mail}),
            contact(f"app-{n}", "怎么退货", {"app_id": app, "phone": phone}, source="app", channel="app"),
        ]
        await asyncio.gather(*(posted(intake, body) for body in bodies))
        found = [await intake.get("intake", "/v1/customers", **point) for point in ({"email": mail}, {"app_id": app})]
        assert found[0]["customer_id"] == found[1]["customer_id"]
        assert len(found[0]["contacts"]) == 3


async def test_IN_3_the_view_of_a_customer_shows_cases_contacts_ratings_and_promises(intake: House) -> None:
    told = await posted(
        intake, contact("view-1", "退款拖了一个月", {"app_id": "view", "tier": "gold"}, channel="review", rating=1)
    )
    await did(intake, "responded", told["case_id"], text="明天退", promise="退款", promise_at="2030-01-01T00:00:00Z")
    seen = await customer_of(intake, told)
    assert (seen["tier"], [case["case_id"] for case in seen["cases"]]) == ("gold", [told["case_id"]])
    assert [line["text"] for line in seen["contacts"]] == ["退款拖了一个月"]
    assert (seen["ratings"][0]["rating"], seen["ratings"][0]["asked"]) == (1, False)
    assert (seen["promises"][0]["what"], seen["promises"][0]["number"]) == ("退款", told["number"])


async def test_IN_3_a_wrong_merger_is_undone_and_stays_undone(intake: House) -> None:
    one = await posted(intake, contact("u1", "屏幕碎了", {"email": "u1@x.example"}))
    two = await posted(intake, contact("u2", "发票呢", {"app_id": "u2"}))
    await posted(intake, contact("u3", "你好", {"email": "u1@x.example", "app_id": "u2"}))
    both = await customer_of(intake, one)
    assert both == await customer_of(intake, two), "one contact had the points of both"
    stays, goes = both["known_as"]
    steward = intake.new_key("supervisor")
    path = f"/v1/customers/{goes}/unmerge"
    answer = await intake.ask("POST", "intake", path, {"other": stays, "why": "夫妻"}, key=steward)
    assert answer.status_code == 200, answer.text
    apart = {(await customer_of(intake, told))["customer_id"] for told in (one, two)}
    assert apart == {stays, goes}
    points = [(await customer_of(intake, told))["points"] for told in (one, two)]
    assert points == [["email:u1@x.example"], ["app:u2"]], "nobody keeps what the other is known by"
    again = await posted(intake, contact("u4", "你好", {"email": "u1@x.example", "app_id": "u2"}))
    assert (await customer_of(intake, again))["customer_id"] in apart
    assert {(await customer_of(intake, told))["customer_id"] for told in (one, two)} == apart
    history = (await customer_of(intake, one))["history"]
    assert [line["kind"] for line in history] == ["merged", "unmerged"]


async def test_IN_3_only_who_was_merged_can_be_parted_and_whom_he_is_merged_into_is_named(intake: House) -> None:
    told = [await posted(intake, contact(f"n{n}", "屏幕碎了", {"email": f"n{n}@x.example"})) for n in range(2)]
    one, other = [(await customer_of(intake, case))["customer_id"] for case in told]
    steward = intake.new_key("supervisor")
    answer = await intake.ask("POST", "intake", f"/v1/customers/{one}/unmerge", {"other": other}, key=steward)
    assert (answer.status_code, answer.json()["field"]) == (409, "other")
    assert "neither is merged" in answer.json()["detail"]


async def test_IN_3_the_contacts_of_a_customer_are_shown_page_by_page(intake: House) -> None:
    for n in range(3):
        told = await posted(intake, contact(f"page-{n}", "电脑坏了", {"email": "page@x.example"}))
    path, seen, after = f"/v1/customers/{(await customer_of(intake, told))['customer_id']}", [], ""
    while after is not None:
        page = await intake.get("intake", path, limit="2", after=after)
        seen += [line["data"]["id"] for line in page["contacts"]]
        after = page["contacts_next"]
    assert seen == ["page-2", "page-1", "page-0"]
    refused = await intake.ask("GET", "intake", path, after="x")
    assert (refused.status_code, refused.json()["field"]) == (422, "after")


async def test_IN_3_a_person_says_that_two_are_one(intake: House) -> None:
    one = await posted(intake, contact("p1", "屏幕碎了", {"email": "p1@x.example"}))
    two = await posted(intake, contact("p2", "发票呢", {"app_id": "p2"}))
    ids = [(await customer_of(intake, told))["customer_id"] for told in (one, two)]
    steward = intake.new_key("care")
    answer = await intake.ask("POST", "intake", f"/v1/customers/{ids[0]}/merge", {"other": ids[1]}, key=steward)
    assert answer.json() == {"customer_id": min(ids), "merged": max(ids)}
    seen = await customer_of(intake, two)
    assert (seen["customer_id"], len(seen["cases"])) == (min(ids), 2)
    agent = intake.new_key("agent")
    refused = await intake.ask("POST", "intake", f"/v1/customers/{ids[0]}/merge", {"other": ids[1]}, key=agent)
    assert refused.status_code == 403
