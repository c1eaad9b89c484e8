"""S4: a bad survey becomes an improvement case, and closing that needs proof."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.e2e.agents import work
from tests.e2e.house import House
from tests.scenarios.told import FAST, SHIPPED, accepted, events, happened, lines, moment, on_duty, posted, shown, told
from tests.waiting import eventually

pytestmark = pytest.mark.stack
WORDS = "等了三天没人理，推来推去"
BAD = {"attitude": "1", "speed": "1", "solved": "no", "words": WORDS}


async def closed(house: House, id_: str) -> str:
    """A case of Z01, solved and closed at once."""
    await on_duty(house, "Z01", name="林悦", team="支付组", supervisor="S01")
    case: str = (await posted(house, id_, "订单一直没有发货，请处理"))["case_id"]
    await accepted(house, case, "Z01")
    await work(house, "responded", "Z01", case, text="马上为您处理")
    await work(house, "closed", "Z01", case, reason="已处理", result="已补发", measure="已提醒仓库")
    await happened(house, case, "case.closed", how="agent")
    return case


@SHIPPED
async def test_S4_the_survey_is_due_within_24_hours_of_closing(house: House) -> None:
    case = await closed(house, "s4-shipped")

    async def due() -> Any:
        documents = (await house.documents("feedback"))["outcomes"]
        return next((one["due"] for one in documents if one["_id"] == case and "due" in one), None)

    at = await eventually(due)
    closed_at = (await house.get("intake", f"/v1/cases/{case}"))["closed_at"]
    assert timedelta() < at.replace(tzinfo=UTC) - moment(closed_at) <= timedelta(hours=24)
    assert lines(house, case, "survey") == []


@FAST
async def test_S4_a_bad_survey_becomes_one_improvement_that_closes_with_proof(house: House) -> None:
    case = await closed(house, "s4-fast")
    asked = await told(house, case, "survey")
    link = re.search(r"https?://\S+/s/[A-Za-z0-9_-]+", asked["text"])
    assert link, asked["text"]
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(link[0])
        assert (page.status_code, "服务" in page.text) == (200, True)
        thanks = await browser.post(link[0], data=BAD)
        assert thanks.status_code == 200

    (answered,) = await happened(house, case, "survey.answered")
    assert (answered["bad"], answered["agent_id"], answered["words"]) == (True, "Z01", WORDS)
    (opened,) = await happened(house, case, "improvement.opened")
    assert (opened["person"], opened["supervisor"]) == ("Z01", "S01")
    assert all(opened[name] for name in ("department", "due_at", "criteria", "why"))
    assert (await told(house, case, "improvement", to="S01"))["channel"] == "desk"

    figures = await house.get("feedback", "/v1/kpis", by="agent")
    of_agent = next(one for one in figures["items"] if one["key"] == "Z01")
    assert of_agent["answers"] >= 1
    assert of_agent["csat"] is not None
    timeline = (await shown(house, "intake", f"/v1/cases/{case}", lambda c: "improvement" in kinds(c)))["timeline"]
    assert WORDS in str(timeline)

    await closing_needs_proof(house, opened["improvement_id"])
    async with httpx.AsyncClient(trust_env=False) as browser:
        corrected = await browser.post(link[0], data={**BAD, "attitude": "2"})
        assert corrected.status_code == 200
    assert (await happened(house, case, "survey.answered", count=2))[-1]["revision"] == 2
    assert len(await events(house, case, "improvement.opened", "feedback.v1")) == 1


async def closing_needs_proof(house: House, id_: str) -> None:
    door = f"/v1/improvements/{id_}"
    assert (await house.get("feedback", door))["status"] == "open"
    proof = {"before": "平均等待 3 天", "after": "平均等待 4 小时"}
    for missing in proof:
        said = {"status": "closed", "measure": "已辅导", **{k: v for k, v in proof.items() if k != missing}}
        refused = await house.ask("PATCH", "feedback", door, said)
        assert (refused.status_code, refused.json()["field"]) == (422, missing)
    done = await house.ask("PATCH", "feedback", door, {"status": "closed", "measure": "已辅导", **proof})
    assert (done.status_code, done.json()["status"]) == (200, "closed")
    unknown = await house.ask("PATCH", "feedback", "/v1/improvements/none", {"status": "closed", **proof})
    assert unknown.status_code == 404


@FAST
async def test_S4_a_forged_link_and_a_page_of_words_change_nothing(house: House) -> None:
    case = await closed(house, "s4-forged")
    link = re.search(r"https?://\S+/s/[A-Za-z0-9_-]+", (await told(house, case, "survey"))["text"])
    assert link
    token = urlsplit(link[0]).path.rpartition("/")[2]
    forged = link[0].replace(token, token[:-2] + ("AA" if not token.endswith("AA") else "BB"))
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(forged)).status_code == 404
        assert (await browser.post(forged, data=BAD)).status_code == 404
        assert (await browser.post(link[0], data={**BAD, "attitude": "9"})).status_code == 422
        assert (await browser.post(link[0], data={**BAD, "words": "长" * 350_000})).status_code in (413, 422)
    await house.quiet()
    assert await events(house, case, "survey.answered", "feedback.v1") == []


def kinds(case: dict[str, Any]) -> str:
    return " ".join(line["kind"] for line in case["timeline"])
