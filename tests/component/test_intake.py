"""Intake over a real broker and database; its neighbours and the agents' desktops are played by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient

from shared.clock import utc_now
from shared.events.assignments import CaseUnassigned
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.feedback import ImprovementClosed, ImprovementOpened, Scores, SurveyAnswered
from shared.events.sla import ClockStarted, EscalationAnswered, PolicyRef, TargetMissed, TargetReminder
from shared.ids import contact_id, named
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
from tests.e2e.house import READS as READERS
from tests.e2e.house import House, Said
from tests.waiting import eventually

pytestmark = pytest.mark.stack
READS, GIVES = tuple(sorted(READERS["intake"])), ("cases.v1", "customers.v1")
SOON = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
async def intake(alone: Alone, rules: Path) -> AsyncIterator[House]:
    """Many of its contacts are alike; they are no burst."""
    put_rules(rules, "intake", "bursts", at_least=10_000)
    async with alone("intake") as house:
        await house.say("agents.v1", {"type": "agent.updated", "agent_id": "Z01", "at": now()}, key="Z01")
        yield house


@pytest.fixture(scope="module")
def routing(intake: House) -> Neighbour:
    return Neighbour(intake, "routing")


@pytest.fixture(scope="module")
def sla(intake: House) -> Neighbour:
    return Neighbour(intake, "sla")


@pytest.fixture(scope="module")
def feedback(intake: House) -> Neighbour:
    return Neighbour(intake, "feedback")


def contact(id_: str, text: str = "昨天支付了两次，请尽快退款", **more: Any) -> dict[str, Any]:
    return {
        "source": "chat-widget",
        "id": id_,
        "channel": "chat",
        "text": text,
        "customer": {"app_id": f"app-{id_}"},
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
    opened, *_ = await eventually(partial(given_out, intake, case))
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


def clock(case: str, **more: Any) -> dict[str, Any]:
    policy = PolicyRef(id="default", version="1")
    return {**ids(case), "target": "resolution", "at": SOON, "due_at": SOON, "policy": policy, **more}


def call(case: str, level: int, department: str) -> EscalationRaised | EscalationLevelRaised:
    kind = EscalationRaised if level == 1 else EscalationLevelRaised
    return kind(
        **ids(case), escalation_id="e1", level=level, department=department, priority="P2", target="resolution",
        due_at=SOON, why="resolution was missed",
    )  # fmt: skip


def lines_of(seen: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(line["kind"], line["by"], line["text"]) for line in seen["timeline"][1:]]


async def test_SL_5_IN_10_what_sla_and_departments_say_shows_on_the_case(intake: House, sla: Neighbour) -> None:
    case = (await arrives(intake, contact("escalated")))["case_id"]
    sla.has_seen(case, cases=1)
    await sla.says(
        ClockStarted(**clock(case)),
        TargetReminder(**clock(case), share=0.5, agent_id="Z01"),
        TargetMissed(**clock(case), late_s=60, agent_id="Z01", pool="payments.zh"),
    )
    sla.has_seen(case, sla=3)
    await sla.says(call(case, 1, "frontline"))
    await intake.quiet()
    seen = await shown(intake, case)
    assert seen["due_at"] == "2026-11-23T08:00:00Z"
    assert seen["escalation"] == {"id": "e1", "level": 1, "department": "frontline", "acknowledged": False}
    assert lines_of(seen) == [("target_missed", "sla", ""), ("escalation_raised", "sla", "resolution was missed")]
    assert seen["timeline"][1]["data"]["late_s"] == 60
    sla.has_seen(case, **{"escalations.frontline": 1})
    await sla.says(
        EscalationAnswered(
            **ids(case), escalation_id="e1", department="frontline", level=1, answer="acknowledged", by="王主管",
            text="马上处理", stands=1,
        )
    )  # fmt: skip
    await intake.quiet()
    seen = await shown(intake, case)
    assert (seen["escalation"]["acknowledged"], lines_of(seen)[-1]) == (
        True, ("escalation_answered", "王主管", "马上处理"),
    )  # fmt: skip
    sla.has_seen(case, sla=4)
    await sla.says(
        EscalationWithdrawn(**ids(case), escalation_id="e1", level=1, department="frontline", why="resolved")
    )
    await intake.quiet()
    seen = await shown(intake, case)
    assert (seen["escalation"], lines_of(seen)[-1]) == (None, ("escalation_withdrawn", "sla", "resolved"))
    assert await types(intake, case) == ["case.opened"], "it follows and gives nothing out"


async def test_SL_5_a_level_that_comes_before_what_it_rests_on_waits_for_it(intake: House, sla: Neighbour) -> None:
    case = (await arrives(intake, contact("levels")))["case_id"]
    ahead = Neighbour(intake, "sla")
    ahead.has_seen(case, cases=1, sla=1, **{"escalations.frontline": 1})
    await ahead.says(call(case, 2, "technical"))
    sla.has_seen(case, cases=1)
    await sla.says(TargetMissed(**clock(case), late_s=60))
    await eventually(lambda: _waits(intake, case, 1))
    assert (await shown(intake, case))["escalation"] is None
    sla.has_seen(case, sla=1)
    await sla.says(call(case, 1, "frontline"))
    await intake.quiet()
    seen = await shown(intake, case)
    assert (seen["escalation"]["level"], seen["escalation"]["department"]) == (2, "technical")
    assert [kind for kind, _, _ in lines_of(seen)] == [
        "target_missed", "escalation_raised", "escalation_level_raised",
    ]  # fmt: skip


async def test_IN_10_what_came_of_a_case_is_in_its_timeline(intake: House, feedback: Neighbour) -> None:
    case = (await arrives(intake, contact("rated")))["case_id"]
    feedback.has_seen(case, cases=1)
    improvement = {"improvement_id": "i1", "criteria": ("一周内无同类投诉",), "due_at": SOON, "department": "payment"}
    await feedback.says(
        SurveyAnswered(**ids(case), survey_id="s1", scores=Scores(attitude=1), csat=1.0, words="等了三天", bad=True),
        ImprovementOpened(**ids(case), survey_id="s1", person="Z01", **improvement),
        ImprovementClosed(**ids(case), improvement_id="i1", by="S01", measure="每日跟进", before="3 天", after="1 天"),
    )
    await intake.quiet()
    assert lines_of(await shown(intake, case)) == [
        ("survey_answered", "customer", "等了三天"), ("improvement_opened", "feedback", ""),
        ("improvement_closed", "S01", "每日跟进"),
    ]  # fmt: skip


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
    other = await arrives(intake, contact("talk-0", "咨询保修", conversation="T1", source="another-widget"))
    assert len({one["case_id"] for one in found}) == 1
    assert other["case_id"] != found[0]["case_id"]
    assert await types(intake, found[0]["case_id"]) == ["case.opened", "case.contact_added", "case.contact_added"]


async def test_IN_4_a_case_closed_for_too_long_takes_no_more_and_a_new_one_follows_it(
    intake: House, rules: Path
) -> None:
    case = (await arrives(intake, contact("old", "咨询发票", conversation="T2")))["case_id"]
    await work(intake, "closed", "Z01", case, result="已答复", measure="无")
    await becomes(intake, case, "closed")
    await ruled(intake, rules, "joining", version="at once", reopen_within_h=0)
    new = await arrives(intake, contact("new", "再问一个问题", conversation="T2"))
    links = (await shown(intake, new["case_id"]))["links"]
    assert [(link["kind"], link["to"]) for link in links] == [("follows", case)]
    await ruled(intake, rules, "joining")


async def ruled(intake: House, rules: Path, file: str, **changes: Any) -> None:
    """Changed rules are in force."""
    said = "rules of intake read again"
    before = intake.log("intake").count(said)
    put_rules(rules, "intake", file, **changes)
    await eventually(lambda: intake.log("intake").count(said) > before)


async def test_IN_3_one_customer_over_two_channels(intake: House) -> None:
    by_phone = contact("one-1", channel="phone", customer={"phone": "+8613900000001", "name": "李雷"})
    by_app = contact("one-2", "屏幕碎了", channel="app", customer={"app_id": "li-lei"})
    both = contact("one-3", "咨询保修", channel="app", customer={"app_id": "li-lei", "phone": "139 0000 0001"})
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
    for id_, text, customer in (
        ("m-1", "屏幕碎了", {"phone": "+8613844440002"}),
        ("m-2", "咨询保修", {"email": "m-2@example.com"}),
    ):
        body = contact(id_, text, customer=customer)
        assert (await intake.ask("POST", "intake", "/v1/contacts", body)).status_code == 201
    both = contact("m-3", customer={"phone": "+8613844440002", "email": "m-2@example.com"})
    assert (await intake.ask("POST", "intake", "/v1/contacts", both)).status_code == 201
    found = await intake.get("intake", "/v1/customers", email="m-2@example.com")
    assert len(found["cases"]) == 3
    listed = await intake.get("intake", "/v1/cases", customer=found["customer_id"])
    assert len(listed["items"]) == 3


async def test_a_contact_in_a_parked_key_is_said_to_wait_and_why(intake: House, routing: Neighbour) -> None:
    """Promise 1: it has arrived, and its sender can see it."""
    body = contact("stands")
    own = contact_id("chat-widget", "stands")
    case = named("case", own)
    await routing.says(case_queued(case))
    await eventually(lambda: _waits(intake, case, 1))
    await intake.say("contacts.v1", body, key="chat-widget:stands")
    await eventually(lambda: _waits(intake, case, 2))
    where = await whereabouts(intake, "stands")
    why = "Refused: an assignment of a case that was never opened"
    assert where | {"since": ""} == {
        "contact_id": own, "case_id": case, "waiting": "parked", "since": "", "error": why,
    }  # fmt: skip
    assert where["since"]
    listed = await intake.get("intake", "/v1/cases", limit="500")
    assert case not in {item["case_id"] for item in listed["items"]}
    unknown = await intake.ask("GET", "intake", "/v1/contacts", source="another-widget", id="stands")
    assert unknown.status_code == 404
    (stands,) = [item for item in (await intake.get("intake", "/v1/parked"))["items"] if item["key"] == case]
    first = stands["blocked_by"]
    skipped = await intake.ask("POST", "intake", f"/v1/parked/{case}/skip", why="never opened", **first)
    assert skipped.status_code == 200, skipped.text
    where = await whereabouts(intake, "stands")
    assert (where["case_id"], where["revision"], "waiting" in where) == (case, 1, False)


async def test_IN_4_what_waits_to_join_or_amend_a_parked_case_is_said_to_wait(intake: House) -> None:
    first = contact("pause-1", conversation="T3")
    case = (await arrives(intake, first))["case_id"]
    async with parked(intake, case, "KeyError: 13900000000"):
        for said in (contact("pause-2", "在吗", conversation="T3"), {**first, "revision": 2, "text": "两笔"}):
            await intake.say("contacts.v1", said, key="T3")
        await eventually(lambda: _waits(intake, case, 2))
        new = await whereabouts(intake, "pause-2")
        assert (new["case_id"], new["waiting"], new["error"]) == (case, "parked", "KeyError: 13900000000")
        amended = await whereabouts(intake, "pause-1")
        assert (amended["case_id"], amended["revision"], amended["waiting"]) == (case, 1, "parked")
        channel = await whereabouts(intake, "pause-2", key=intake.new_key("channel"))
        assert (channel["waiting"], "139" in channel["error"]) == ("parked", False), "PF-1"
    for id_, revision in (("pause-1", 2), ("pause-2", 1)):
        where = await whereabouts(intake, id_)
        assert (where["case_id"], where["revision"], "waiting" in where) == (case, revision, False)


async def whereabouts(intake: House, id_: str, **more: Any) -> dict[str, Any]:
    answer = await intake.ask("GET", "intake", "/v1/contacts", source="chat-widget", id=id_, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@asynccontextmanager
async def parked(intake: House, case: str, error: str) -> AsyncIterator[None]:
    """The case stands as after an error of ours, until an operator's replay at the end."""
    async with AsyncMongoClient[dict[str, Any]](intake.env["SWITCHBOARD_MONGO"]) as client:
        stands = {"$set": {"parked": {"since": utc_now(), "error": error}}, "$inc": {"v": 1}}
        await client["switchboard_intake"]["cases"].update_one({"_id": case}, stands)
    yield
    answer = await intake.ask("POST", "intake", f"/v1/parked/{case}/replay")
    assert answer.json()["flows"], answer.text


async def test_the_same_key_and_batch_get_the_same_answer_and_another_batch_none(intake: House) -> None:
    """CONTRACTS section 3."""
    batch = [contact("batch-1"), contact("batch-2", channel="pigeon"), contact("batch-3")]
    first = await sent(intake, batch, "b1")
    assert (first.status_code, [item["status"] for item in first.json()]) == (207, [201, 422, 201])
    again = await sent(intake, batch, "b1")
    assert (again.status_code, again.content) == (207, first.content)
    other = await sent(intake, batch[:1], "b1")
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency_key_reused")
    assert (await sent(intake, batch[:1], "b2")).status_code == 207


async def test_an_item_that_no_document_can_hold_does_not_touch_the_others_of_its_batch(intake: House) -> None:
    deep: Any = {}
    for _ in range(900):
        deep = {"in": deep}
    batch = [contact("deep-1"), contact("deep-2", voice=deep), contact("deep-3", voice={"a\0b": 1}), contact("deep-4")]
    answer = await sent(intake, batch, "b-deep")
    assert [item["status"] for item in answer.json()] == [201, 422, 422, 201]


async def test_a_batch_with_an_item_turned_away_for_now_may_come_again_under_its_key(intake: House) -> None:
    case = (await arrives(intake, contact("later-1", conversation="T4")))["case_id"]
    batch = [contact("later-2", conversation="T4"), contact("later-3")]
    async with parked(intake, case, "KeyError"):
        assert [item["status"] for item in (await sent(intake, batch, "b3")).json()] == [503, 201]
    assert [item["status"] for item in (await sent(intake, batch, "b3")).json()] == [201, 201]


async def sent(intake: House, batch: list[dict[str, Any]], key: str) -> httpx.Response:
    url, bearer = intake.url("intake"), intake.env["SWITCHBOARD_KEY"]
    headers = {"Authorization": f"Bearer {bearer}", "Idempotency-Key": key}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        return await client.post(f"{url}/v1/contacts/batch", json=batch, headers=headers)


async def test_PF_4_a_shorter_rule_counts_at_once_and_a_resolved_case_closes_by_itself(
    intake: House, rules: Path
) -> None:
    case = (await arrives(intake, contact("forgotten", "咨询保修政策")))["case_id"]
    await ruled(intake, rules, "lifecycle", auto_close_after_h=0.5 / 3600)
    await work(intake, "resolved", "Z01", case, result="已答复")
    await becomes(intake, case, "closed", within=15)
    closed = (await given_out(intake, case))[-1]
    assert (closed.type, closed.data["how"], closed.data["by"]) == ("case.closed", "timer", "timer")


async def test_all_that_was_read_is_read_again_and_nothing_changes(intake: House) -> None:
    await nothing_changes_when_read_again(intake, "intake", READS, GIVES)
