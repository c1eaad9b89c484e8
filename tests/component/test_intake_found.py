"""Cases that are named and filtered at once, over a real broker and database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.component.conftest import Alone
from tests.component.test_intake_search import listed, posted
from tests.e2e.house import House

pytestmark = pytest.mark.stack
PHONE, ORDER = "13912345679", "A20261121-654"


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        yield house


@pytest.fixture(scope="module")
async def case(intake: House) -> Any:
    text = f"昨天支付了两次，重复扣款，订单 {ORDER}，请尽快退款"
    told = await posted(intake, "found-1", text, customer={"phone": f"+86{PHONE}"})
    await posted(intake, "found-2", "打印机卡纸", customer={"phone": f"+86{PHONE}"})
    return await intake.get("intake", f"/v1/cases/{told['case_id']}")


@pytest.mark.parametrize("levels", [1, 2, 3])
async def test_a_number_or_a_phone_finds_its_case_within_the_category_too(
    intake: House, case: dict[str, Any], levels: int
) -> None:
    category = " / ".join(case["category"][:levels])
    for q in (case["number"], PHONE):
        assert await listed(intake, q=q, category=category) == [case["case_id"]]
        assert await listed(intake, q=q, category=category, status=case["status"]) == [case["case_id"]]
        assert await listed(intake, q=q, category="物流查询") == []
        assert await listed(intake, q=q, category=category, status="closed") == []
        assert await listed(intake, q=q, customer="nobody") == []
