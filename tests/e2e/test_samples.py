"""The samples that channel systems copy."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from deploy.local.paths import ROOT
from tests.e2e.house import House, Said
from tests.waiting import eventually

pytestmark = pytest.mark.stack
TEXT = '昨天支付了两次，"请"尽快退款\n订单 A20261121-553'
SENDERS = {
    "python": (sys.executable, "demo/senders/send.py"),
    "curl": ("sh", "demo/senders/send.sh"),
    "java": ("java", "-Dfile.encoding=UTF-8", "demo/senders/Send.java"),
}


@pytest.mark.parametrize("sender", SENDERS)
async def test_IN_1_a_copied_sender_opens_a_case_with_its_very_words(house: House, sender: str) -> None:
    before = await house.ends("cases.v1")
    asked = await asyncio.create_subprocess_exec(
        *SENDERS[sender], TEXT, env=environ(house), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    answer, error = await asked.communicate()
    assert asked.returncode == 0, answer.decode() + error.decode()

    async def opened() -> list[Said]:
        new = await house.said("cases.v1", after=before)
        return [said for said in new if said.type == "case.opened" and said.data["contact"]["source"] == "my-system"]

    (case,) = await eventually(opened, within=30)
    assert case.data["text"] == TEXT


def environ(house: House) -> dict[str, str]:
    return {**os.environ, **house.env, "KAFKA": house.env["SWITCHBOARD_KAFKA"], "LC_ALL": "C.UTF-8"}
