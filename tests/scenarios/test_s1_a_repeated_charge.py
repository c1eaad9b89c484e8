"""S1: a repeated charge, through the public doors, as far as intake, routing and notify carry it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.agents import comes_online, work
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack

ORDER = "A20261121-553"
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
    await comes_online(
        house, "Z01", name="林悦", team="支付组", skills={"payments": 4}, languages=["zh"], capacity={"total": 2}
    )
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

    offered = await eventually(lambda: _of(house, case, "case.offered"), within=20)
    assert offered[0]["agent_id"] == "Z01"
    await work(house, "accepted", "Z01", case)
    assigned = await eventually(lambda: _of(house, case, "case.assigned"), within=20)
    assert (assigned[0]["agent_id"], assigned[0]["team"]) == ("Z01", "支付组")
    reason = assigned[0]["reason"]
    assert (reason["skill"], reason["level"], reason["language"]) == ("payments", 4, "zh")
    assert reason["policy_version"]
    assert len(await _of(house, case, "case.queued")) == 1
    assert (await house.get("routing", f"/v1/cases/{case}/routing"))["status"] == "assigned"
    await eventually(lambda: _is(house, case, "assigned"), within=20)

    done = {
        "type": "resolved",
        "id": "z-1",
        "agent_id": "Z01",
        "case_id": case,
        "text": "已退款",
        "result": "多扣的款项已原路退回",
    }
    answer = await house.ask("POST", "intake", "/v1/work", done)
    assert (answer.status_code, answer.json()["status"]) == (200, "resolved")
    await house.quiet()

    told = [line for line in house.told() if line["case_id"] == case]
    assert [line["template"] for line in told] == ["received", "assigned", "resolved"]
    assert {(line["channel"], line["to"], line["language"]) for line in told} == {("sms", "+8613800138000", "zh")}
    first, second, third = (line["text"] for line in told)
    assert received["number"] in first
    assert "预计处理周期" in first
    assert "沟通方式" in first
    assert "工号 Z01" in second
    assert "支付组" in second
    assert "多扣的款项已原路退回" in third

    again = await house.ask("POST", "intake", "/v1/contacts", CONTACT)
    assert (again.status_code, again.json()) == (201, received)
    await house.quiet()
    assert [line for line in house.told() if line["case_id"] == case] == told


async def _of(house: House, case: str, type_: str) -> list[dict[str, Any]]:
    return [said.data for said in await house.said("assignments.v1") if (said.subject, said.type) == (case, type_)]


async def _is(house: House, case: str, status: str) -> bool:
    return bool((await house.get("intake", f"/v1/cases/{case}"))["status"] == status)
