"""IN-20 over a real broker and database: what was archived with a case stands on the sheet of its improvement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.events.cases import CaseClosed, SimilarCase, Suggestion
from tests.component.conftest import Alone
from tests.component.neighbours import Neighbour, case_opened, ids, put_rules
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
SIMILAR = SimilarCase(case_id="other", number="7KQ4-M2XD", score=0.8, resolution="升级固件", cause="software")
HELP = Suggestion(
    id="refund-when", version=2, kind="solution", language="zh", title="退款多久到账", scenario="退款已批准", score=0.9
)


@pytest.fixture
async def feedback(alone: Alone, rules: Path) -> AsyncIterator[House]:
    put_rules(rules, "feedback", "surveys", ask_after="1s")
    async with alone("feedback") as house:
        yield house


async def test_IN_20_similar_cases_and_solutions_stand_on_the_sheet_of_a_bad_answer(feedback: House) -> None:
    opened = case_opened("helped")
    case = opened.case_id
    closed = CaseClosed(**ids(case), by="Z01", how="agent", similar=(SIMILAR,), suggestions=(HELP,))
    await Neighbour(feedback, "intake").says(opened, closed)

    async def link() -> str:
        found = [one for one in await feedback.said("feedback.v1") if one.type == "survey.requested"]
        return str(found[0].data["url"]) if found else ""

    async with httpx.AsyncClient(timeout=30, trust_env=False) as customer:
        answer = await customer.post(await eventually(link, 20), json={"attitude": 1, "speed": 1, "solved": False})
    assert answer.status_code == 200, answer.text
    (listed,) = (await feedback.get("feedback", "/v1/improvements"))["items"]
    sheet: dict[str, Any] = await feedback.get("feedback", f"/v1/improvements/{listed['improvement_id']}")
    for shown in (listed, sheet):
        assert [(one["number"], one["resolution"]) for one in shown["similar"]] == [("7KQ4-M2XD", "升级固件")]
        assert [(one["id"], one["version"]) for one in shown["suggestions"]] == [("refund-when", 2)]
