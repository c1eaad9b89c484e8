"""Self-service over a real broker and database (IN-11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.component.conftest import Alone
from tests.e2e.house import House

pytestmark = pytest.mark.stack
RESET = "路由器R6怎么重置"


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        yield house


async def asked(intake: House, conversation: str, text: str, **more: Any) -> dict[str, Any]:
    body = {"source": "app", "conversation": conversation, "text": text, **more}
    answer = await intake.ask("POST", "intake", "/v1/ask", body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_S8_an_answer_with_source_and_confidence_then_a_person_with_all_that_was_said(intake: House) -> None:
    first = await asked(intake, "s8", RESET, customer={"app_id": "app-s8"})
    assert (first["handed_over"], first["source"]["id"]) == (False, "router-r6-reset")
    assert first["confidence"] > 0.5
    second = await asked(intake, "s8", "还是不行，转人工", customer={"app_id": "app-s8"})
    assert (second["handed_over"], second["why"]) == (True, "asked")
    case = await intake.get("intake", f"/v1/cases/{second['case_id']}")
    assert second["number"] == case["number"]
    assert second["number"] in second["answer"]
    (line,) = [line for line in case["timeline"] if line["kind"] == "contact"]
    assert line["text"] == f"{RESET}\n还是不行，转人工"
    turns = line["data"]["self_service"]
    assert [turn["by"] for turn in turns] == ["customer", "self_service", "customer"]
    assert turns[1]["text"] == first["answer"]
    assert turns[1]["source"] == "router-r6-reset@2"
    customer = await intake.get("intake", "/v1/customers", app_id="app-s8")
    assert [one["case_id"] for one in customer["cases"]] == [second["case_id"]]


async def test_IN_11_what_is_said_later_joins_the_case_and_so_does_a_contact_of_the_channel(intake: House) -> None:
    case = (await asked(intake, "later", "转人工"))["case_id"]
    assert (await asked(intake, "later", "我的型号是R6"))["case_id"] == case
    contact = {"source": "app", "id": "later-1", "channel": "app", "conversation": "later", "text": "在吗"}
    assert (await intake.ask("POST", "intake", "/v1/contacts", contact)).json()["case_id"] == case
    lines = (await intake.get("intake", f"/v1/cases/{case}"))["timeline"]
    assert [line["text"] for line in lines if line["kind"] == "contact"] == ["转人工", "我的型号是R6", "在吗"]
    said = [one.data["text"] for one in await intake.said("contacts.v1") if one.data.get("conversation") == "later"]
    assert set(said) == {"转人工", "我的型号是R6", "在吗"}, "the topic holds everything"


async def test_the_same_question_under_the_same_key_is_asked_once(intake: House) -> None:
    body = {"source": "app", "conversation": "twice", "text": "可以货到付款吗"}
    headers = {"Authorization": f"Bearer {intake.env['SWITCHBOARD_KEY']}", "Idempotency-Key": "t1"}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        posts = [client.post(f"{intake.url('intake')}/v1/ask", json=body, headers=headers) for _ in range(3)]
        answers = [answer.json() for answer in await asyncio.gather(*posts)]
    assert answers[0]["handed_over"]
    assert [answer["case_id"] for answer in answers] == [answers[0]["case_id"]] * 3
    lines = (await intake.get("intake", f"/v1/cases/{answers[0]['case_id']}"))["timeline"]
    assert len([line for line in lines if line["kind"] == "contact"]) == 1


async def test_many_at_once_in_one_conversation_end_in_one_case(intake: House) -> None:
    answers = await asyncio.gather(*(asked(intake, "crowd", f"转人工 {n}") for n in range(8)))
    (case,) = {answer["case_id"] for answer in answers}
    lines = (await intake.get("intake", f"/v1/cases/{case}"))["timeline"]
    said = [line["text"] for line in lines if line["kind"] == "contact"]
    assert sorted(said) == [f"转人工 {n}" for n in range(8)]


async def test_IN_11_who_is_vouched_for_is_told_the_state_of_his_own_cases_only(intake: House) -> None:
    me = {"app_id": "own-1"}
    body = {"source": "app", "id": "own", "channel": "app", "text": "订单A1234567退款没到账", "customer": me}
    number = (await intake.ask("POST", "intake", "/v1/contacts", body)).json()["number"]
    own = await asked(intake, "own", "我的工单处理到哪了", customer=me)
    assert number in own["answer"]
    english = await asked(intake, "own-en", "What is the status of my case?", customer=me)
    assert english["answer"].startswith(f"Case {number}")
    for conversation, more in (
        ("own-2", {"customer": {"app_id": "own-2"}}),
        ("own-3", {"customer": {"phone": "+8613800138000"}}),
        ("own-4", {"channel": "web", "customer": {"app_id": "own-1"}}),
    ):
        assert (await asked(intake, conversation, "我的工单处理到哪了", **more))["handed_over"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"conversation": "x", "text": "x"}, "source"),
        ({"source": "app", "conversation": "x"}, "text"),
        ({"source": "app", "conversation": "x", "text": "x" * 65537}, "text"),
        ({"source": "app", "conversation": "x", "text": "x", "channel": "pigeon"}, "channel"),
    ],
)
async def test_what_can_not_be_asked_is_refused_and_named(intake: House, body: dict[str, str], field: str) -> None:
    answer = await intake.ask("POST", "intake", "/v1/ask", body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_channels_may_ask_and_the_rest_of_the_world_may_not(intake: House) -> None:
    body = {"source": "app", "conversation": "who", "text": RESET}
    assert (await intake.ask("POST", "intake", "/v1/ask", body, key=intake.new_key("channel"))).status_code == 200
    assert (await intake.ask("POST", "intake", "/v1/ask", body, key=intake.new_key("department"))).status_code == 403
    assert (await intake.ask("POST", "intake", "/v1/ask", body, key="nobody")).status_code == 401
