"""What self-service says to courtesies, and once a person took over, over a real broker and database (IN-11)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.component.conftest import Alone
from tests.component.test_intake_ask import RESET, asked
from tests.e2e.house import House

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        yield house


async def test_IN_11_a_greeting_and_thanks_open_no_case(intake: House) -> None:
    for text in ("你好", RESET, "谢谢", "hello"):
        assert (await asked(intake, "polite", text, customer={"app_id": "polite"}))["handed_over"] is False
    answer = await intake.ask("GET", "intake", "/v1/customers", app_id="polite")
    assert answer.status_code == 404, "nobody became a customer, so no case was opened"


async def test_IN_11_after_the_first_answer_what_is_said_is_passed_on(intake: House) -> None:
    first = await asked(intake, "on", "充电器冒烟了")
    later = await asked(intake, "on", "谢谢")
    assert (first["first"], later["first"]) == (True, False)
    assert later["case_id"] == first["case_id"]
    assert later["number"] in later["answer"]
    assert "119" in first["answer"]
    assert "119" not in later["answer"]
