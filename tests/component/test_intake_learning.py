"""Intake as a process that learned, and learning from what agents decided (IN-5, RT-2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.component.conftest import Alone
from tests.e2e.agents import now, work
from tests.e2e.house import House
from tests.unit.intake.taught import DELIVERY, EXAMPLES, HARDWARE, model
from tests.waiting import eventually

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
async def intake(alone: Alone, rules: Path) -> AsyncIterator[House]:
    (rules / "intake").mkdir()
    np.savez_compressed(rules / "intake" / "category_model.npz", allow_pickle=False, **model().arrays())
    async with alone("intake") as house:
        await house.say("agents.v1", {"type": "agent.updated", "agent_id": "Z01", "at": now()}, key="Z01")
        yield house


async def opened(intake: House, id_: str, text: str) -> dict[str, Any]:
    said = {"source": "web", "id": id_, "channel": "web", "text": text, "customer": {"app_id": f"app-{id_}"}}
    answer = await intake.insist("POST", "intake", "/v1/contacts", said)
    case: dict[str, Any] = await intake.get("intake", f"/v1/cases/{answer.json()['case_id']}")
    return case


async def test_IN_5_a_contact_in_jargon_is_classified_by_what_was_learned(intake: House) -> None:
    case = await opened(intake, "jargon", "steam wand drips")
    assert " / ".join(case["category"]) == HARDWARE
    assert case["category_by_model"]["version"] == model().version
    assert case["review"] is None


async def test_RT_2_what_nobody_understands_is_given_to_a_person(intake: House) -> None:
    case = await opened(intake, "strange", "wie geht es dem Kaffee")
    assert (case["category"], case["review"]) == (["产品咨询", "其他咨询"], "uncertain_category")
    await work(intake, "reclassified", "Z01", case["case_id"], category=HARDWARE.split(" / "))

    async def corrected() -> bool:
        seen = await intake.get("intake", f"/v1/cases/{case['case_id']}")
        return (seen["category_by"], seen["review"]) == ("Z01", None)

    await eventually(corrected)


async def test_IN_5_what_agents_decided_is_learned_from_whole_pages_and_part_pages(
    intake: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided = [example for example in EXAMPLES if example.label in (HARDWARE, DELIVERY)]
    for number, (text, label) in enumerate(decided):
        case = await opened(intake, f"decided-{number}", text)
        await work(intake, "reclassified", "Z01", case["case_id"], category=label.split(" / "))

    async def shown() -> bool:
        pages = [page async for page in _pages(intake, limit=7)]
        return {item["text"] for page in pages for item in page["items"]} >= {text for text, _ in decided}

    await eventually(shown)
    for name in ("INTAKE_URL", "SWITCHBOARD_KEY"):
        monkeypatch.setenv(name, intake.env[name])
    words = ["learn", "--from-cases", "--into", str(tmp_path / "rules"), "--json"]
    told = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    assert (said["examples"] >= len(decided), said["labels"]) == (True, 2)


async def test_PF_1_customers_words_are_not_shown_to_a_channel_system(intake: House) -> None:
    answer = await intake.ask("GET", "intake", "/v1/examples", key=intake.new_key("channel"))
    assert answer.status_code == 403


async def _pages(intake: House, limit: int) -> AsyncIterator[dict[str, Any]]:
    after: str | None = ""
    while after is not None:
        page = await intake.get("intake", "/v1/examples", limit=str(limit), after=after)
        yield page
        after = page["next"]
