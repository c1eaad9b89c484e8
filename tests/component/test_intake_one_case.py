"""IN-4, IN-15 over a real broker and database: contacts find their case; people put right what rules did not see."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.component.conftest import Alone
from tests.component.test_intake import arrives, becomes, given_out, shown, types
from tests.e2e.agents import now, work
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
PAID_TWICE = "昨天支付了两次，订单 {order}，请尽快退款"


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        await house.say("agents.v1", {"type": "agent.updated", "agent_id": "Z01", "at": now()}, key="Z01")
        yield house


def contact(id_: str, text: str, customer: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"source": "mail", "id": id_, "channel": "email", "text": text, "customer": customer, **more}


async def posted(intake: House, body: dict[str, Any]) -> dict[str, Any]:
    answer = await intake.ask("POST", "intake", "/v1/contacts", body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def did(intake: House, verb: str, case: str, status: int = 200, **what: Any) -> dict[str, Any]:
    body = {"type": verb, "id": f"{verb}:{case}:{what}", "agent_id": "Z01", "case_id": case, **what}
    answer = await intake.ask("POST", "intake", "/v1/work", body)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_S1_a_mail_about_the_order_joins_the_case_that_came_by_phone(intake: House) -> None:
    caller = {"name": "王芳", "phone": "+8613800138010"}
    first = await posted(
        intake,
        contact(
            "s1", PAID_TWICE.format(order="A20261121-553"), caller, source="cti", channel="phone", conversation="1"
        ),
    )
    mailed = await posted(intake, contact("s2", "订单A20261121-553退款到账了吗", caller | {"email": "wang@x.example"}))
    assert (mailed["case_id"], mailed["opened"]) == (first["case_id"], False)

    async def joined_by() -> list[str]:
        told = await given_out(intake, first["case_id"])
        return [said.data["joined_by"] for said in told if said.type == "case.contact_added"]

    assert await eventually(joined_by) == ["order"]


async def test_IN_4_contacts_about_one_order_that_arrive_at_once_end_in_one_case(intake: House) -> None:
    customer = {"phone": "+8613800138011"}
    bodies = [
        contact(f"once-{n}", PAID_TWICE.format(order="B20261121-001"), customer, source=f"gate-{n}") for n in range(40)
    ]
    half = [posted(intake, body) for body in bodies[::2]]
    rest = [intake.say("contacts.v1", body, key=f"{body['source']}:{body['id']}") for body in bodies[1::2]]
    told = await asyncio.gather(*half, *rest)
    for body in bodies[1::2]:
        await arrives(intake, body)
    (case,) = {answer["case_id"] for answer in told[: len(half)]}
    assert len((await shown(intake, case))["contacts"]) == 40
    assert Counter(await types(intake, case))["case.opened"] == 1


async def test_IN_4_a_mail_thread_and_a_case_number_lead_to_the_case(intake: House) -> None:
    customer = {"email": "li@x.example"}
    first = await posted(intake, contact("<m1@x>", "发票抬头错了，请更正", customer))
    reply = await posted(intake, contact("<m2@x>", "谢谢", {"email": "colleague@x.example"}, replies_to=["<m1@x>"]))
    named = await posted(intake, contact("n1", f"请看 {first['number']}", customer, source="web", channel="web"))
    stranger = await posted(intake, contact("n2", f"请看 {first['number']}", {"email": "s@x.example"}, source="web"))
    assert reply["case_id"] == named["case_id"] == first["case_id"] != stranger["case_id"]


async def test_S6_who_asks_again_in_other_words_means_his_open_case(intake: House) -> None:
    customer = {"app_id": "asks-again"}
    first = await posted(intake, contact("again-1", "发票抬头错误，请更正", customer))
    second = await posted(intake, contact("again-2", "怎么还没处理？", customer, source="app", channel="app"))
    assert second["case_id"] == first["case_id"]


async def test_IN_4_another_order_of_the_same_customer_is_another_case(intake: House) -> None:
    customer = {"app_id": "two-orders"}
    one = await posted(intake, contact("o1", PAID_TWICE.format(order="C20261121-001"), customer))
    two = await posted(intake, contact("o2", PAID_TWICE.format(order="C20261121-002"), customer))
    assert one["case_id"] != two["case_id"]


async def test_IN_4_a_dry_run_says_which_case_it_would_join_and_writes_nothing(intake: House) -> None:
    customer = {"app_id": "dry"}
    first = await posted(intake, contact("dry-1", PAID_TWICE.format(order="D20261121-001"), customer))
    again = contact("dry-2", "订单D20261121-001怎么样了", customer)
    answer = await intake.ask("POST", "intake", "/v1/contacts", again, dry_run="true")
    assert (answer.json()["case_id"], answer.json()["opened"]) == (first["case_id"], False)
    assert len((await shown(intake, first["case_id"]))["contacts"]) == 1


async def test_IN_15_a_merged_case_leads_on_and_its_timeline_is_seen_in_the_other(intake: House) -> None:
    one = await posted(intake, contact("g1", "发票抬头错了", {"app_id": "g1"}, conversation="talk-g1"))
    two = await posted(intake, contact("g2", "屏幕碎了", {"app_id": "g1"}, conversation="talk-g2"))
    told = await did(intake, "merged", one["case_id"], to=two["number"], reason="同一件事")
    stays, ends = one["case_id"], two["case_id"]
    assert (told["case_id"], told["goes_on_as"], told["status"]) == (ends, stays, "closed")
    assert (await did(intake, "merged", one["case_id"], to=two["number"], reason="同一件事")) == told
    for body in (contact("g3", "在吗", {"app_id": "g1"}, conversation="talk-g1"),
                 contact("g4", "在吗", {"app_id": "g1"}, conversation="talk-g2")):  # fmt: skip
        assert (await posted(intake, body))["case_id"] == stays, "whichever conversation goes on"
    said = [line["text"] for line in (await shown(intake, stays))["timeline"] if line["kind"] == "contact"]
    assert sorted(said) == sorted(["发票抬头错了", "屏幕碎了", "在吗", "在吗"])
    assert (await types(intake, ends))[-1] == "case.merged"
    refused = await did(intake, "responded", two["number"], 409, text="好")
    assert refused["type"].endswith("merged_case")
    assert one["number"] in refused["detail"]


async def test_IN_15_cases_of_two_customers_are_not_merged_before_the_customers_are(intake: House) -> None:
    one = await posted(intake, contact("p1", "发票抬头错了", {"app_id": "p1"}))
    two = await posted(intake, contact("p2", "屏幕碎了", {"app_id": "p2"}))
    refused = await did(intake, "merged", one["case_id"], 409, to=two["case_id"])
    assert refused["type"].endswith("two_customers")
    assert "merge the customers first" in refused["detail"]


async def test_IN_15_a_split_opens_a_case_for_the_second_matter_and_links_both(intake: House) -> None:
    said = contact("two-matters", "退款没到，另外发票抬头错了", {"app_id": "split"})
    first = await posted(intake, said)
    told = await did(intake, "split", first["case_id"], contact_id=first["contact_id"], text="发票抬头错了")
    new = await shown(intake, told["new_case"])
    assert (new["text"], new["links"][0]["to"], new["links"][0]["kind"]) == ("发票抬头错了", first["case_id"], "split")
    assert (await shown(intake, first["case_id"]))["links"][0]["to"] == told["new_case"]
    assert new["customer_id"] == (await shown(intake, first["case_id"]))["customer_id"]


async def test_IN_15_two_cases_are_linked_by_a_record_of_work_too(intake: House) -> None:
    one = await posted(intake, contact("l1", "充电器坏了", {"app_id": "l1"}))
    two = await posted(intake, contact("l2", "电池鼓包", {"app_id": "l2"}))
    await work(intake, "linked", "Z01", one["case_id"], to=two["case_id"], reason="同一批次")

    async def both() -> bool:
        cases = [await shown(intake, one["case_id"]), await shown(intake, two["case_id"])]
        return [case["links"][0]["to"] if case["links"] else "" for case in cases] == [two["case_id"], one["case_id"]]

    await eventually(both)


async def test_IN_15_what_names_no_other_case_is_refused_with_the_field(intake: House) -> None:
    one = await posted(intake, contact("r1", "屏幕碎了", {"app_id": "r1"}))
    assert (await did(intake, "merged", one["case_id"], 422))["field"] == "to"
    assert (await did(intake, "linked", one["case_id"], 404, to="nowhere"))["field"] == "to"
    assert (await did(intake, "split", one["case_id"], 404, contact_id="nothing"))["field"] == "contact_id"


async def test_IN_15_a_closed_case_is_opened_again_when_the_customer_comes_back(intake: House) -> None:
    customer = {"app_id": "comes-back"}
    said = "订单E20261121-001没有收到货"
    first = await posted(intake, contact("back-1", said, customer))
    await did(intake, "closed", first["case_id"], result="已补发", measure="改进")
    again = await posted(intake, contact("back-2", "订单E20261121-001还是没有收到", customer))
    assert again["case_id"] == first["case_id"]
    assert (await becomes(intake, first["case_id"], "new"))["reopened"] == 1
