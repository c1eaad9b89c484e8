"""Intake over a real broker and database; routing and the agents' desktops are played by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.assignments import CaseUnassigned
from tests.component.conftest import Alone
from tests.component.neighbours import (
    Neighbour,
    case_assigned,
    case_queued,
    ids,
    nothing_changes_when_read_again,
    put_rules,
)
from tests.e2e.agents import now, work
from tests.e2e.house import House, Said
from tests.waiting import eventually

pytestmark = pytest.mark.stack
READS, GIVES = ("contacts.v1", "work.v1", "assignments.v1", "agents.v1"), ("cases.v1", "customers.v1")


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        await house.say("agents.v1", {"type": "agent.updated", "agent_id": "Z01", "at": now()}, key="Z01")
        yield house


@pytest.fixture(scope="module")
def routing(intake: House) -> Neighbour:
    return Neighbour(intake, "routing")


def contact(id_: str, text: str = "昨天支付了两次，请尽快退款", **more: Any) -> dict[str, Any]:
    return {
        "source": "chat-widget",
        "id": id_,
        "channel": "chat",
        "text": text,
        "customer": {"app_id": "app-1"},
        **more,
    }


async def arrives(intake: House, body: dict[str, Any]) -> dict[str, Any]:
    """Over Kafka; returns where it is visible."""
    await intake.say("contacts.v1", body, key=body.get("conversation") or f"{body['source']}:{body['id']}")

    async def visible() -> Any:
        answer = await intake.ask("GET", "intake", "/v1/contacts", source=body["source"], id=body["id"])
        found = answer.json() if answer.status_code == 200 else {}
        return found if found.get("revision") == body.get("revision", 1) else None

    found: dict[str, Any] = await eventually(visible)
    return found


async def shown(intake: House, case: str) -> dict[str, Any]:
    found: dict[str, Any] = await intake.get("intake", f"/v1/cases/{case}")
    return found


async def becomes(intake: House, case: str, status: str, within: float = 10.0) -> dict[str, Any]:
    async def so() -> Any:
        seen = await shown(intake, case)
        return seen if seen["status"] == status else None

    seen: dict[str, Any] = await eventually(so, within)
    return seen


async def given_out(intake: House, case: str) -> list[Said]:
    return [said for said in await intake.said("cases.v1") if said.subject == case]


async def types(intake: House, case: str) -> list[str]:
    await intake.quiet()
    return list({said.id: said.type for said in await given_out(intake, case)}.values())


async def test_IN_15_a_case_goes_from_new_to_closed(intake: House, routing: Neighbour) -> None:
    case = (await arrives(intake, contact("life", conversation="talk-life")))["case_id"]
    (opened,) = {said.id: said for said in await given_out(intake, case)}.values()
    assert (opened.type, opened.sequence, opened.key) == ("case.opened", 1, case.encode())
    assert (await shown(intake, case))["status"] == "new"
    routing.has_seen(case, cases=1)
    await routing.says(case_queued(case))
    await becomes(intake, case, "queued")
    await routing.says(case_assigned(case))
    seen = await becomes(intake, case, "assigned")
    assert (seen["agent_id"], seen["agent_name"], seen["team"]) == ("Z01", "林悦", "支付组")
    await work(intake, "responded", "Z01", case, text="正在为您核实")
    await becomes(intake, case, "in_progress")
    await work(intake, "waiting", "Z01", case, party="支付平台", promise_at="2026-11-23T08:00:00Z")
    await becomes(intake, case, "waiting_third_party")
    await work(intake, "resumed", "Z01", case)
    await becomes(intake, case, "in_progress")
    await work(intake, "resolved", "Z01", case, result="已退款", cause="第三方", evidence=["流水"])
    await becomes(intake, case, "resolved")
    again = await arrives(intake, contact("life-2", "还没有收到退款", conversation="talk-life"))
    assert again["case_id"] == case
    seen = await becomes(intake, case, "in_progress")
    assert seen["reopened"] == 1
    await work(intake, "closed", "Z01", case, result="退款已到账", measure="改进对账")
    await becomes(intake, case, "closed")
    assert await types(intake, case) == [
        "case.opened", "case.responded", "case.waiting", "case.resumed", "case.resolved", "case.contact_added",
        "case.reopened", "case.resolved", "case.closed",
    ]  # fmt: skip
    last = (await given_out(intake, case))[-1]
    assert "assignments.v1=2" in last.headers["ce_after"], "it tells what it had seen of its neighbours"


async def test_an_effect_that_comes_before_its_cause_waits_for_it(intake: House, routing: Neighbour) -> None:
    case = (await arrives(intake, contact("early")))["case_id"]
    routing.has_seen(case, cases=1)
    left = CaseUnassigned(**ids(case), agent_id="Z01", why="agent_offline")
    (first, queued), (second, assigned), (third, unassigned) = routing.numbered(
        case_queued(case), case_assigned(case), left
    )
    await routing.writes(unassigned, third)
    await routing.writes(assigned, second)
    await eventually(lambda: _waits(intake, case, 2))
    assert (await shown(intake, case))["status"] == "new"
    await routing.writes(queued, first)
    await becomes(intake, case, "queued")
    kinds = [line["kind"] for line in (await shown(intake, case))["timeline"]]
    assert kinds == ["contact", "queued", "assigned", "unassigned"]


async def _waits(intake: House, case: str, count: int) -> bool:
    parked = (await intake.get("intake", "/v1/parked"))["items"]
    return any(item["key"] == case and len(item["waiting"]) == count for item in parked)


async def test_a_higher_revision_amends_and_a_lower_or_equal_one_does_nothing(intake: House) -> None:
    first = contact("call-1", "昨天支付了两次", channel="phone", revision=2)
    case = (await arrives(intake, first))["case_id"]
    await intake.ask("POST", "intake", "/v1/contacts", {**first, "revision": 1, "text": "更早的说法"})
    await intake.ask("POST", "intake", "/v1/contacts", first)
    better = {**first, "revision": 3, "text": "昨天支付了两次，订单 A20261121-553"}
    assert (await arrives(intake, better))["case_id"] == case
    assert (await shown(intake, case))["facts"]["order"] == "A20261121-553"
    assert await types(intake, case) == ["case.opened", "case.contact_added"]


async def test_IN_4_a_conversation_stays_in_one_case_but_belongs_to_its_source(intake: House) -> None:
    found = [await arrives(intake, contact(f"talk-{n}", conversation="T1")) for n in range(3)]
    other = await arrives(intake, contact("talk-0", conversation="T1", source="another-widget"))
    assert len({one["case_id"] for one in found}) == 1
    assert other["case_id"] != found[0]["case_id"]
    assert await types(intake, found[0]["case_id"]) == ["case.opened", "case.contact_added", "case.contact_added"]


async def test_IN_4_a_closed_case_takes_no_more_and_the_conversation_goes_on_in_a_new_one(intake: House) -> None:
    case = (await arrives(intake, contact("old", "咨询发票", conversation="T2")))["case_id"]
    await work(intake, "closed", "Z01", case, result="已答复", measure="无")
    await becomes(intake, case, "closed")
    assert (await arrives(intake, contact("new", "再问一个问题", conversation="T2")))["case_id"] != case


async def test_IN_3_one_customer_over_two_channels(intake: House) -> None:
    by_phone = contact("one-1", channel="phone", customer={"phone": "+8613900000001", "name": "李雷"})
    by_app = contact("one-2", channel="app", customer={"app_id": "li-lei"})
    both = contact("one-3", channel="app", customer={"app_id": "li-lei", "phone": "139 0000 0001"})
    cases = {(await arrives(intake, body))["case_id"] for body in (by_phone, by_app, both)}
    assert len(cases) == 3
    phone = await intake.get("intake", "/v1/customers", phone="+8613900000001")
    app = await intake.get("intake", "/v1/customers", app_id="li-lei")
    assert phone == app
    assert phone["name"] == "李雷"
    await intake.quiet()
    updates = {said.id: said for said in await intake.said("customers.v1")}.values()
    merged = [said for said in updates if said.data["merged_into"] == phone["customer_id"]]
    assert len(merged) == 1


async def test_IN_3_a_refused_contact_joins_no_customers(intake: House) -> None:
    alice = contact("alice-1", customer={"phone": "+8613844440001"})
    bob = contact("bob-1", customer={"email": "bob-1@example.com"})
    for body in (alice, bob):
        assert (await intake.ask("POST", "intake", "/v1/contacts", body)).status_code == 201
    forged = {**alice, "text": "别的内容", "customer": {"phone": "+8613844440001", "email": "bob-1@example.com"}}
    refused = await intake.ask("POST", "intake", "/v1/contacts", forged)
    assert (refused.status_code, refused.json()["field"]) == (422, "revision")
    found = await intake.get("intake", "/v1/customers", email="bob-1@example.com")
    assert [point for point in found["points"] if point.startswith("phone:")] == []


async def test_IN_3_a_joined_customer_shows_the_cases_of_all_he_was(intake: House) -> None:
    for id_, customer in (("m-1", {"phone": "+8613844440002"}), ("m-2", {"email": "m-2@example.com"})):
        body = contact(id_, customer=customer)
        assert (await intake.ask("POST", "intake", "/v1/contacts", body)).status_code == 201
    both = contact("m-3", customer={"phone": "+8613844440002", "email": "m-2@example.com"})
    assert (await intake.ask("POST", "intake", "/v1/contacts", both)).status_code == 201
    found = await intake.get("intake", "/v1/customers", email="m-2@example.com")
    assert len(found["cases"]) == 3
    listed = await intake.get("intake", "/v1/cases", customer=found["customer_id"])
    assert len(listed["items"]) == 3


async def test_PF_4_a_shorter_rule_counts_at_once_and_a_resolved_case_closes_by_itself(
    intake: House, rules: Path
) -> None:
    case = (await arrives(intake, contact("forgotten", "咨询保修政策")))["case_id"]
    put_rules(rules, "intake", "lifecycle", auto_close_after_h=0.5 / 3600)
    await eventually(lambda: "rules of intake read again" in intake.log("intake"))
    await work(intake, "resolved", "Z01", case, result="已答复")
    await becomes(intake, case, "closed", within=15)
    closed = (await given_out(intake, case))[-1]
    assert (closed.type, closed.data["how"], closed.data["by"]) == ("case.closed", "timer", "timer")


async def test_all_that_was_read_is_read_again_and_nothing_changes(intake: House) -> None:
    await nothing_changes_when_read_again(intake, "intake", READS, GIVES)
