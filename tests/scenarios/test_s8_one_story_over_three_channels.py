"""S8: one story over three channels."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.agents import work
from tests.e2e.house import House
from tests.scenarios.told import SHIPPED, accepted, happened, on_duty, posted, shown

pytestmark = [pytest.mark.stack, SHIPPED]
APP = {"app_id": "app-s8", "language": "zh"}
BOTH = {"app_id": "app-s8", "phone": "+8613900139000", "language": "zh"}


async def test_S8_one_customer_whole_timeline_corrected_and_solved_in_the_first_contact(house: House) -> None:
    await on_duty(house, "Z08", name="吴梅", team="技术组")
    answered = await asks(house, "路由器R6怎么重置")
    assert (answered["handed_over"], answered["source"]["id"]) == (False, "router-r6-reset")
    assert answered["confidence"] > 0.5
    handed_over = await asks(house, "还是不行，转人工")
    case = handed_over["case_id"]
    joined = await posted(house, "s8-phone", "我刚才在APP里说过了", customer=BOTH)
    assert (joined["case_id"], joined["opened"], joined["number"]) == (case, False, handed_over["number"])

    seen = await house.get("intake", f"/v1/cases/{case}")
    said = [line["text"] for line in seen["timeline"] if line["kind"].startswith("contact")]
    assert said == ["路由器R6怎么重置\n还是不行，转人工", "我刚才在APP里说过了"]
    assert answered["answer"] in [turn["text"] for turn in seen["timeline"][0]["data"]["self_service"]]
    (opened,) = await happened(house, case, "case.opened")
    assert opened["tried"] == seen["tried"] != [], "whoever is called for help knows what was tried (SL-4)"
    by_app = await house.get("intake", "/v1/customers", app_id="app-s8")
    by_phone = await house.get("intake", "/v1/customers", phone="+8613900139000")
    assert by_app["customer_id"] == by_phone["customer_id"]
    assert [one["case_id"] for one in by_phone["cases"]] == [case]

    await accepted(house, case, "Z08")
    work_done = {"agent_id": "Z08", "case_id": case, "reason": "客户说是硬件"}
    asked = {"type": "reclassified", "id": "s8-1", "category": ["技术故障", "硬件故障"], **work_done}
    answer = await house.ask("POST", "intake", "/v1/work", asked)
    assert answer.status_code == 200, answer.text
    (changed,) = await happened(house, case, "case.reclassified")
    assert (changed["by"], changed["why"], changed["to"][:2]) == ("Z08", "客户说是硬件", ["技术故障", "硬件故障"])

    await work(house, "closed", "Z08", case, result="已远程重置", measure="无", reason="当场解决")
    await happened(house, case, "case.closed")
    kpis = await shown(
        house, "feedback", "/v1/kpis?by=agent", lambda said: any(i["key"] == "Z08" for i in said["items"])
    )
    of_agent = next(item for item in kpis["items"] if item["key"] == "Z08")
    assert (of_agent["taken"], of_agent["resolved"], of_agent["first_contact"]) == (1, 1, 1)


async def asks(house: House, text: str) -> dict[str, Any]:
    body = {"source": "app", "conversation": "s8", "channel": "app", "text": text, "customer": APP}
    answer = await house.ask("POST", "intake", "/v1/ask", body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told
