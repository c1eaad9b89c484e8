"""The samples that others copy: senders for channel systems, a department that listens and answers."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import pytest

from deploy.local.paths import ROOT
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
TEXT = '昨天支付了两次，"请"尽快退款\n订单 A20261121-553'
SENDERS = {
    "python": (sys.executable, "demo/senders/send.py"),
    "curl": ("sh", "demo/senders/send.sh"),
    "java": ("java", "-Dfile.encoding=UTF-8", "demo/senders/Send.java"),
}


def environ(house: House) -> dict[str, str]:
    return {**os.environ, **house.env, "KAFKA": house.env["SWITCHBOARD_KAFKA"], "LC_ALL": "C.UTF-8"}


@pytest.mark.parametrize("sender", SENDERS)
async def test_IN_1_a_copied_sender_opens_a_case_with_its_very_words(house: House, sender: str) -> None:
    known = {case["case_id"] for case in await cases(house)}
    asked = await asyncio.create_subprocess_exec(
        *SENDERS[sender], TEXT, env=environ(house), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    answer, error = await asked.communicate()
    assert asked.returncode == 0, answer.decode() + error.decode()

    async def one_more() -> list[dict[str, Any]]:
        return [case for case in await cases(house) if case["case_id"] not in known]

    (case,) = await eventually(one_more, within=30)
    assert (await house.get("intake", f"/v1/cases/{case['case_id']}"))["text"] == TEXT


async def cases(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.get("intake", "/v1/cases", limit="500"))["items"]
    return found
