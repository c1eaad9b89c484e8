"""How an order stands, asked of self-service over a real broker and database (IN-11)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.component.conftest import Alone
from tests.e2e.house import House

pytestmark = pytest.mark.stack
ORDER, OTHERS = "A20261121-553", "B20261121-777"
EXPORT = {
    "customers": [{"id": "C1", "app_id": "app-wang"}, {"id": "C2", "app_id": "app-li"}],
    "orders": [
        {"order": ORDER, "customer": "C1", "state": "运输中", "expected": "2026-11-24"},
        {"order": OTHERS, "customer": "C2", "state": "已签收"},
    ],
}
NOBODY = "http://127.0.0.1:9/look"


@pytest.fixture
async def intake(alone: Alone, tmp_path: Path) -> AsyncIterator[House]:
    export = tmp_path / "crm.json"
    export.write_text(json.dumps(EXPORT), encoding="utf-8")
    async with alone("intake", SWITCHBOARD_LOOKUP=str(export)) as house:
        yield house


async def asked(intake: House, conversation: str, text: str, app_id: str | None = "app-wang") -> dict[str, Any]:
    body = {"source": "app", "conversation": conversation, "text": text, "customer": {"app_id": app_id}}
    answer = await intake.ask("POST", "intake", "/v1/ask", body)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_IN_11_his_own_order_is_told_and_nobody_elses(intake: House) -> None:
    told = await asked(intake, "own", f"我的订单 {ORDER} 到哪了")
    assert (told["handed_over"], told["answer"]) == (False, f"订单 {ORDER}：状态 运输中，预计送达 2026-11-24。")
    assert told["source"] == {"id": ORDER, "kind": "order", "of": "file"}
    english = await asked(intake, "own-en", f"where is my order {ORDER}?")
    assert english["answer"] == f"Order {ORDER}: status 运输中, expected 2026-11-24."

    others = await asked(intake, "others", f"我的订单 {OTHERS} 到哪了")
    assert (others["handed_over"], others["why"]) == (True, "unsure")
    stranger = await asked(intake, "stranger", f"我的订单 {ORDER} 到哪了", app_id=None)
    for answer in (others, stranger):
        assert "已签收" not in json.dumps(answer, ensure_ascii=False)
        assert "运输中" not in json.dumps(answer, ensure_ascii=False)
    await intake.get("intake", "/v1/customers", app_id="app-wang")
    await intake.get("intake", "/v1/cases", q=f"订单 {OTHERS}")
    for personal in ("app-wang", ORDER, OTHERS, "到哪了"):
        assert personal not in intake.log("intake"), "PF-1: nothing personal in logs"


async def test_IN_11_what_self_service_had_him_try_in_vain_stands_on_the_case(intake: House) -> None:
    first = await asked(intake, "steps", "路由器R6怎么重置")
    second = await asked(intake, "steps", "下一步")
    assert (first["step"], second["step"]) == (1, 2)
    handed = await asked(intake, "steps", "转人工")
    case = await intake.get("intake", f"/v1/cases/{handed['case_id']}")
    assert case["tried"] == [step["do"] for step in first["steps"][:2]]
    assert case["tried"][-1] in case["summary"]


async def test_IN_11_a_customer_system_that_is_away_hands_over_and_says_so(alone: Alone) -> None:
    async with alone("intake", SWITCHBOARD_LOOKUP=NOBODY) as house:
        told = await asked(house, "away", f"我的订单 {ORDER} 到哪了")
        assert (told["handed_over"], told["why"]) == (True, "look_up_away")
        assert told["answer"].startswith("暂时查不到订单状态。")
        case = await house.get("intake", f"/v1/cases/{told['case_id']}")
        assert case["facts"]["order"] == ORDER
