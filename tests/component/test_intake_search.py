"""Intake over a real broker and database: cases are found by what was said in them, and help each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from shared.clock import utc_now, wire
from shared.events.feedback import KnowledgeApproved, KnowledgeRetired
from shared.ids import event_id
from tests.component.conftest import Alone
from tests.e2e.agents import now, work
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
SOON_S = 5.0


@pytest.fixture(scope="module", params=["pymongo", "motor"])
async def intake(request: pytest.FixtureRequest, alone: Alone) -> AsyncIterator[House]:
    async with alone("intake", SWITCHBOARD_MONGO_DRIVER=request.param) as house:
        await house.say("agents.v1", {"type": "agent.updated", "agent_id": "Z01", "at": now()}, key="Z01")
        yield house


async def posted(intake: House, id_: str, text: str, **more: Any) -> dict[str, Any]:
    body = {"source": "web", "id": id_, "channel": "web", "text": text, "customer": {"app_id": f"app-{id_}"}, **more}
    answer = await intake.ask("POST", "intake", "/v1/contacts", body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def listed(intake: House, **query: str) -> list[str]:
    return [item["case_id"] for item in (await intake.get("intake", "/v1/cases", **query))["items"]]


async def found(intake: House, cases: list[str], **query: str) -> None:
    """These cases, in this order, as soon as the index has them."""

    async def so() -> bool:
        return await listed(intake, **query) == cases

    await eventually(so, SOON_S)


async def solved(intake: House, case: str, result: str) -> None:
    await work(intake, "resolved", "Z01", case, result=result, cause="硬件")

    async def so() -> bool:
        return bool((await intake.get("intake", f"/v1/cases/{case}"))["status"] == "resolved")

    await eventually(so)


async def test_cases_are_found_by_words_codes_and_numbers_in_both_languages(intake: House) -> None:
    zh = await posted(intake, "w-1", "序列号 SN7Q-4M2X 的打印机 (新) 卡纸，订单 A20261121-553")
    en = await posted(intake, "w-2", "My printer is jammed and the toner refunds never arrived")
    for q in ("打印机 卡纸", "打印", "sn7q-4m2x", "SN7Q4M2X", "A20261121-553", "a20261121553", "卡纸 sn7q-4m2x"):
        await found(intake, [zh["case_id"]], q=q)
    for q in ("printer jammed", "PRINTER", "toner refund"):
        await found(intake, [en["case_id"]], q=q)
    for spelling in (zh["number"], zh["number"].lower(), zh["number"].replace("-", "")):
        assert await listed(intake, q=spelling) == [zh["case_id"]], "at once"
    for q in ("打印机 墨盒", "printer refunded twice", "A20261121-554"):
        assert await listed(intake, q=q) == []


async def test_IN_3_cases_are_found_by_the_phone_of_their_customer_in_any_spelling(intake: House) -> None:
    case = (await posted(intake, "p-1", "发票抬头错误", customer={"phone": "+8613912345678"}))["case_id"]
    for q in ("13912345678", "139 1234 5678", "+86 139-1234-5678"):
        assert await listed(intake, q=q) == [case]
    assert await listed(intake, q="13912345670") == []


async def test_IN_10_words_of_every_contact_of_a_case_are_found(intake: House) -> None:
    case = (await posted(intake, "t-1", "洗衣机不转", conversation="t"))["case_id"]
    assert (await posted(intake, "t-2", "还漏水了", conversation="t"))["case_id"] == case
    assert (await posted(intake, "t-3", "声音很大", conversation="t"))["case_id"] == case
    await found(intake, [case], q="洗衣机 漏水 声音很大")


async def test_the_newest_come_first_and_pages_stay_as_they_are_while_cases_come_in(intake: House) -> None:
    cases = [(await posted(intake, f"page-{n}", "咨询香蕉手机的保修政策"))["case_id"] for n in range(5)]
    await found(intake, cases[::-1], q="香蕉手机")
    first = await intake.get("intake", "/v1/cases", q="香蕉手机", limit="2")
    late = (await posted(intake, "page-late", "咨询香蕉手机的保修政策"))["case_id"]
    await found(intake, [late, *cases[::-1]], q="香蕉手机")
    second = await intake.get("intake", "/v1/cases", q="香蕉手机", limit="2", after=first["next"])
    third = await intake.get("intake", "/v1/cases", q="香蕉手机", limit="2", after=second["next"])
    pages = [[item["case_id"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [cases[:2:-1], cases[2:0:-1], cases[:1]]
    assert third["next"] is None


async def test_lists_are_filtered_by_status_priority_customer_category_and_time(intake: House) -> None:
    began = utc_now()
    told = await posted(intake, "f-1", "收银系统崩溃，上海所有门店不能收款，芒果店")
    case = told["case_id"]
    whole = await intake.get("intake", f"/v1/cases/{case}")
    assert whole["priority"] == "P0"
    assert case in await listed(intake, status=whole["status"], priority="P0"), "at once"
    assert await listed(intake, customer=whole["customer_id"]) == [case]
    category = " / ".join(whole["category"][:2])
    for more in ({"category": category}, {"category": whole["category"][0]}, {"from": wire(began)}, {"priority": "P0"}):
        await found(intake, [case], q="芒果店", **more)
    for other in ({"priority": "P3"}, {"to": wire(began)}, {"category": "物流查询"}, {"customer": "nobody"}):
        assert await listed(intake, q="芒果店", **other) == []


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"q": "新"}, "q", "too_short"),
        ({"q": "the"}, "q", "too_short"),
        ({"after": "x"}, "after", "bad_cursor"),
        ({"category": "占星"}, "category", "unknown_category"),
        ({"from": "yesterday"}, "from", "invalid"),
    ],
)
async def test_what_can_not_be_looked_for_is_refused_and_named(
    intake: House, query: dict[str, str], field: str, code: str
) -> None:
    answer = await intake.ask("GET", "intake", "/v1/cases", **query)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.json()["type"] == f"/problems/{code}"


async def test_IN_9_an_agent_sees_what_helped_others_and_which_knowledge_fits(intake: House) -> None:
    text = "我的菠萝电视屏幕中间有一条竖的黑线，开机就有"
    solved_one = await posted(intake, "s-1", text)
    own = await posted(intake, "s-2", text, customer={"app_id": "app-s-2"})
    await solved(intake, solved_one["case_id"], "更换屏线后正常")
    asks = await posted(intake, "s-3", "菠萝电视的屏幕出现一条黑线，关机再开机还在")

    async def so() -> Any:
        return (await intake.get("intake", f"/v1/cases/{asks['case_id']}"))["similar"]

    (similar,) = await eventually(so, SOON_S)
    assert (similar["number"], similar["resolution"]) == (solved_one["number"], "更换屏线后正常")
    assert similar["cause"] == "hardware"
    assert own["case_id"] != similar["case_id"], "what is not solved helps nobody"
    stuck = await posted(intake, "s-4", "一体机E500开不了机，按电源键没有反应")
    seen = await intake.get("intake", f"/v1/cases/{stuck['case_id']}")
    assert (seen["suggestions"][0]["id"], seen["suggestions"][0]["version"]) == ("pos-e500-no-power", 1)


async def test_IN_20_what_was_similar_and_helps_is_archived_with_the_case(intake: House) -> None:
    text = "榴莲音箱连不上蓝牙，灯一直闪红色"
    first = await posted(intake, "a-1", text)
    await solved(intake, first["case_id"], "升级固件")
    await found(intake, [first["case_id"]], q="榴莲音箱", status="resolved")
    second = await posted(intake, "a-2", text)
    await work(intake, "closed", "Z01", second["case_id"], result="升级固件", measure="无")

    async def closed() -> Any:
        said = await intake.said("cases.v1")
        return [one for one in said if (one.subject, one.type) == (second["case_id"], "case.closed")]

    event = (await eventually(closed))[0]
    assert [one["number"] for one in event.data["similar"]] == [first["number"]]


async def approved(intake: House, number: int, event: KnowledgeApproved | KnowledgeRetired) -> None:
    """As feedback gives it out."""
    key = event.knowledge_id
    headers = {
        "ce_specversion": "1.0", "ce_id": event_id("feedback.v1", key, number), "ce_source": "/switchboard/feedback",
        "ce_type": event.TYPE, "ce_subject": key, "ce_time": wire(utc_now()), "ce_sequence": str(number),
        "content-type": "application/json",
    }  # fmt: skip
    raw = [(name, value.encode()) for name, value in headers.items()]
    await intake.say("feedback.v1", event.model_dump_json().encode(), key=key, headers=raw)


async def test_S10_approved_knowledge_is_offered_with_version_and_scenario_until_it_is_retired(intake: House) -> None:
    question = "西瓜手表怎么换表带"
    entry = KnowledgeApproved(
        knowledge_id="watch-strap", version=3, kind="solution", language="zh", title="西瓜手表更换表带",
        scenario="客户想自己更换表带", questions=(question,), body="按住表耳内侧的按钮，向外滑出表带。", by="Q01",
        audience="all",
    )  # fmt: skip
    await approved(intake, 1, entry)

    async def offered() -> Any:
        return (await intake.get("intake", "/v1/knowledge", q="西瓜手表 表带"))["items"]

    (item,) = [one for one in await eventually(offered) if one["id"] == "watch-strap"]
    assert (item["version"], item["scenario"], item["body"]) == (3, "客户想自己更换表带", entry.body)
    body = {"source": "app", "conversation": "strap", "text": question}
    answer = (await intake.ask("POST", "intake", "/v1/ask", body)).json()
    assert (answer["handed_over"], answer["source"]["id"], answer["source"]["version"]) == (False, "watch-strap", 3)
    case = (await posted(intake, "k-1", f"您好，{question}？"))["case_id"]
    assert (await intake.get("intake", f"/v1/cases/{case}"))["suggestions"][0]["version"] == 3
    await approved(intake, 2, KnowledgeRetired(knowledge_id="watch-strap", version=3, by="Q01"))

    async def gone() -> bool:
        return (await intake.ask("GET", "intake", "/v1/knowledge/watch-strap")).status_code == 404

    await eventually(gone)
    assert "watch-strap" not in {d["_id"] for d in (await intake.documents("intake"))["cases"]}


async def test_IN_21_all_staff_may_read_the_knowledge_base_and_channels_may_not(intake: House) -> None:
    for role in ("agent", "engineer", "department", "quality"):
        answer = await intake.ask("GET", "intake", "/v1/knowledge", key=intake.new_key(role), kind="law")
        assert answer.status_code == 200
        assert {item["kind"] for item in answer.json()["items"]} == {"law"}
    channel = await intake.ask("GET", "intake", "/v1/knowledge", key=intake.new_key("channel"))
    assert channel.status_code == 403


async def test_a_search_of_a_time_to_come_is_empty(intake: House) -> None:
    later = wire(utc_now() + timedelta(days=1))
    assert await listed(intake, **{"from": later}) == []
