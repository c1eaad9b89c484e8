"""S10: from a bad review to knowledge, through the public doors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.house import House
from tests.scenarios.told import SHIPPED, accepted, happened, lines, moment, on_duty, posted, shown
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, SHIPPED]
NOT_YET = [
    "ten alike in a month are a cluster among the top problems, with five whys: feedback looks for no clusters yet",
    "five solved alike make feedback propose an entry, which its door approves; what intake does with an approved one "
    "is told in tests/component/test_intake_search.py",
]
WORDS, RESULT, MEASURE = "退款拖了一个月，态度恶劣，再也不买了", "已退款并致歉", "超过七天的退款每天检查"


async def test_S10_a_bad_review_is_a_complaint_that_closes_with_result_and_measure_and_helps_the_next(
    house: House,
) -> None:
    await on_duty(house, "Z10", name="赵敏", team="投诉组", supervisor="S10")
    received = await reviewed(house, "s10-1")
    case = received["case_id"]
    seen = await house.get("intake", f"/v1/cases/{case}")
    assert received["opened"] is True
    assert (seen["channel"], seen["kind"], seen["facts"]) == ("review", "complaint", {})
    assert "contact_point" in seen["missing"]
    assert seen["sentiment"]["label"].endswith("negative")
    assert "#时效延误" in seen["tags"]
    assert seen["priority_reason"]["rule"]
    assert seen["timeline"][0]["text"] == WORDS
    (warning,) = await eventually(lambda: lines(house, case, "upset"))
    assert (warning["channel"], "恶劣" in warning["text"]) == ("desk", True)

    def promised(told: Any) -> bool:
        return any(target["target"] == "first_response" for target in told["targets"])

    targets = (await shown(house, "sla", f"/v1/cases/{case}/targets", promised))["targets"]
    due = next(target["due_at"] for target in targets if target["target"] == "first_response")
    assert moment(due) - moment(seen["opened_at"]) <= timedelta(hours=24)

    await accepted(house, case, "Z10")
    await closing_needs_result_and_measure(house, case)
    await the_next_one_is_helped(house, seen["number"])


async def reviewed(house: House, id_: str) -> dict[str, Any]:
    """By somebody whom nobody knows."""
    return await posted(house, id_, WORDS, channel="review", rating=1, customer={})


async def closing_needs_result_and_measure(house: House, case: str) -> None:
    for given, field in (({}, "result"), ({"result": RESULT}, "measure")):
        refused = await closes(house, case, **given)
        assert (refused.status_code, refused.json()["field"]) == (422, field), refused.text
    assert (await closes(house, case, result=RESULT, measure=MEASURE)).status_code == 200
    await happened(house, case, "case.closed", how="agent", by="Z10")


async def closes(house: House, case: str, **what: str) -> Any:
    done = {"type": "closed", "id": f"s10-{len(what)}", "agent_id": "Z10", "case_id": case, "reason": "已处理", **what}
    return await house.insist("POST", "intake", "/v1/work", done)


async def the_next_one_is_helped(house: House, number: str) -> None:
    second = (await reviewed(house, "s10-2"))["case_id"]
    helped = await shown(house, "intake", f"/v1/cases/{second}", lambda told: told["similar"])
    assert (helped["similar"][0]["number"], helped["similar"][0]["resolution"]) == (number, RESULT)
