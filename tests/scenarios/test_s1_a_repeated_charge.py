"""S1: a repeated charge, through the public doors; the promise of a third party breaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.agents import work
from tests.e2e.house import House
from tests.scenarios.told import events, happened, is_fast, lines, moment, on_duty, shown, told
from tests.waiting import eventually

pytestmark = pytest.mark.stack
ORDER, RESULT, MAIL = "A20261121-553", "多扣的款项已原路退回", "wang@mail.example"
CONTACT: dict[str, Any] = {
    "source": "hotline-cti", "id": "call-20261122-77812", "revision": 1, "channel": "phone",
    "conversation": "call-77812",
    "occurred_at": "2026-11-22T08:00:00Z",
    "customer": {"name": "王芳", "phone": "+8613800138000", "email": None, "app_id": None, "social": None,
                 "language": "zh", "tier": "gold"},
    "subject": "重复扣款", "text": "昨天支付了两次，订单 A20261121-553，请尽快退款",
    "facts": {"order": ORDER, "device_model": None, "serial": None, "account": None},
    "attachments": [
        {"name": "bill.png", "media_type": "image/png", "url": "https://files.example/1", "bytes": 18211}
    ],
    "diagnostics": None, "diagnostics_consent": False, "rating": None, "voice": None,
}  # fmt: skip


async def test_S1_a_repeated_charge(house: House) -> None:
    await on_duty(
        house, "Z01", name="林悦", team="支付组", skills={"payments": 4}, languages=["zh"], capacity={"total": 2},
        supervisor="S01",
    )  # fmt: skip
    answer = await house.ask("POST", "intake", "/v1/contacts", CONTACT)
    assert answer.status_code == 201
    received = answer.json()
    case = received["case_id"]
    assert received["opened"] is True

    seen = await house.get("intake", f"/v1/cases/{received['number']}")
    assert seen["category"][:2] == ["支付问题", "退款异常"]
    assert seen["facts"]["order"] == ORDER
    assert not {"contact_point", "description", "order"} & set(seen["missing"])
    assert seen["priority_reason"]["rule"]
    assert seen["timeline"][0]["kind"] == "contact"

    offered = await happened(house, case, "case.offered")
    assert offered[0]["agent_id"] == "Z01"
    await work(house, "accepted", "Z01", case)
    (assigned,) = await happened(house, case, "case.assigned")
    assert (assigned["agent_id"], assigned["team"], assigned["supervisor"]) == ("Z01", "支付组", "S01")
    reason = assigned["reason"]
    assert (reason["skill"], reason["level"], reason["language"]) == ("payments", 4, "zh")
    assert reason["policy_version"]
    assert len(await events(house, case, "case.queued", "assignments.v1")) == 1
    assert (await house.get("routing", f"/v1/cases/{case}/routing"))["status"] == "assigned"
    await work(house, "responded", "Z01", case, text="已联系支付平台")

    await a_mail_of_the_same_person_joins(house, case)
    await a_third_party_is_waited_for(house, case)

    done = {"type": "resolved", "id": "z-1", "agent_id": "Z01", "case_id": case, "text": "已退款", "result": RESULT}
    answer = await house.ask("POST", "intake", "/v1/work", done)
    assert (answer.status_code, answer.json()["status"]) == (200, "resolved")
    assert RESULT in (await told(house, case, "resolved"))["text"]

    customer = [line for line in house.told() if line["case_id"] == case and line["channel"] != "desk"]
    assert [line["template"] for line in customer][:3] == ["received", "assigned", "waiting"]
    assert {(line["channel"], line["to"]) for line in customer[:2]} == {("sms", "+8613800138000")}
    assert {(line["channel"], line["to"]) for line in customer[2:]} == {("email", MAIL)}, "where she wrote last"
    assert {line["language"] for line in customer} == {"zh"}
    first, second = (line["text"] for line in customer[:2])
    assert all(words in first for words in (received["number"], "预计处理周期", "沟通方式"))
    assert all(words in second for words in ("工号 Z01", "支付组"))

    opened = await events(house, case, "case.opened", "cases.v1")
    again = await house.ask("POST", "intake", "/v1/contacts", CONTACT)
    assert (again.status_code, again.json()) == (201, received)
    await house.quiet()
    assert await events(house, case, "case.opened", "cases.v1") == opened
    assert len(lines(house, case, "received")) == 1


async def a_mail_of_the_same_person_joins(house: House, case: str) -> None:
    mail = {
        "source": "mail", "id": "s1@mail.example", "channel": "email", "text": f"订单{ORDER}退款到账了吗",
        "customer": {"name": "王芳", "phone": "138 0013 8000", "email": MAIL},
    }  # fmt: skip
    answer = await house.ask("POST", "intake", "/v1/contacts", mail)
    assert (answer.json()["case_id"], answer.json()["opened"]) == (case, False)
    (added,) = await happened(house, case, "case.contact_added")
    assert (added["channel"], added["joined_by"]) == ("email", "order")
    by_mail = await house.get("intake", "/v1/customers", email=MAIL)
    assert by_mail == await house.get("intake", "/v1/customers", phone="+8613800138000")


async def a_third_party_is_waited_for(house: House, case: str) -> None:
    """24 hours are promised; with an hour that lasts a second (and less patience) the promise breaks here and now."""
    promise_at = datetime.now(UTC) + (timedelta(seconds=5) if is_fast(house) else timedelta(hours=24))
    await work(
        house, "waiting", "Z01", case, on="third_party", party="支付平台",
        promise_at=promise_at.isoformat(timespec="milliseconds"),
    )  # fmt: skip
    waiting = await told(house, case, "waiting")
    assert "支付平台" in waiting["text"]

    def promised(seen: Any) -> bool:
        return any(target["target"] == "promise" for target in seen["targets"])

    targets = (await shown(house, "sla", f"/v1/cases/{case}/targets", promised))["targets"]
    promise = next(target for target in targets if target["target"] == "promise")
    assert abs(moment(promise["due_at"]) - promise_at) < timedelta(milliseconds=2)
    assert promise["party"] == "支付平台"
    if is_fast(house):
        (missed,) = await happened(house, case, "target.missed", target="promise")
        assert (missed["party"], missed["agent_id"]) == ("支付平台", "Z01")
        reminded = await eventually(
            lambda: [m for m in lines(house, case, "missed", to="Z01") if "支付平台" in m["text"]]
        )
        assert [message["channel"] for message in reminded] == ["desk"]
        delay = (await told(house, case, "delay"))["text"]
        assert "支付平台" in delay or "第三方" in delay
        assert "补救措施：我们会持续催办" in delay
    await work(house, "resumed", "Z01", case, on="third_party")
