"""S6: a mail is accepted, and then nothing happens. Three levels of escalation, and how each answer changes them."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from typing import Any

import pytest

from deploy.local.paths import ROOT
from tests.e2e.house import House
from tests.scenarios.told import (
    ESCALATIONS,
    FAST,
    SHIPPED,
    accepted,
    events,
    happened,
    lines,
    moment,
    on_duty,
    posted,
    shown,
)
from tests.waiting import eventually, never

pytestmark = pytest.mark.stack

SILENCE_S = 48
CLIMB_S = 15
LEVEL_S = 2


def mail(name: str) -> dict[str, Any]:
    customer = {"name": "王芳", "email": f"{name}@wang.example", "language": "zh"}
    return {"channel": "email", "conversation": f"s6-{name}", "customer": customer}


async def a_mail_accepted(house: House, name: str) -> str:
    await on_duty(house, "Z06", name="周晨", team="票务组", supervisor="S06")
    sent = await posted(house, f"s6-{name}", "发票抬头错误，请更正", **mail(name))
    await accepted(house, sent["case_id"], "Z06")
    return str(sent["case_id"])


async def asks_again(house: House, name: str, case: str) -> None:
    again = await posted(house, f"s6-{name}-again", "怎么还没处理？", **mail(name))
    assert (again["case_id"], again["opened"]) == (case, False)


async def replied(house: House, call: dict[str, Any], answer: str, **more: Any) -> None:
    named = {key: call[key] for key in ("escalation_id", "case_id", "department")}
    id_ = f"{call['escalation_id']}:{call['level']}:{answer}"
    await house.say("escalation-replies.v1", {**named, "type": f"escalation.{answer}", "id": id_, "by": "值班", **more})


async def of_silence(house: House, case: str, type_: str, level: int, within: float) -> dict[str, Any]:
    (call, *_) = await happened(house, case, type_, within=within, target="inactivity", level=level)
    return call


@SHIPPED
async def test_SL_3_silence_is_due_48_hours_after_our_last_step_whoever_asks(house: House) -> None:
    case = await a_mail_accepted(house, "shipped")
    await asks_again(house, "shipped", case)
    (assigned,) = [
        one for one in await house.said("assignments.v1") if (one.subject, one.type) == (case, "case.assigned")
    ]
    await house.quiet()
    seen = await shown(house, "sla", f"/v1/cases/{case}/targets", lambda watch: bool(watch["targets"]))
    silence = next(target for target in seen["targets"] if target["target"] == "inactivity")
    assert moment(silence["due_at"]) - moment(assigned.headers["ce_time"]) == timedelta(hours=48)
    assert seen["escalations"] == []


@FAST
async def test_S6_silence_climbs_three_levels_and_answers_stop_raise_or_end_it(house: House) -> None:
    climbing, stopped, refused = [await a_mail_accepted(house, name) for name in ("climbing", "stopped", "refused")]
    await asks_again(house, "climbing", climbing)
    await asyncio.gather(
        it_climbs_to_management(house, climbing), it_is_acknowledged(house, stopped), it_is_refused(house, refused)
    )


async def it_climbs_to_management(house: House, case: str) -> None:
    call = await of_silence(house, case, "escalation.raised", 1, SILENCE_S + CLIMB_S)
    assert call["department"] == "frontline"
    assert "发票抬头错误，请更正" in call["description"]
    assert "怎么还没处理？" in str(call["history"])
    assert call["ask"]
    second = await of_silence(house, case, "escalation.level_raised", 2, CLIMB_S)
    third = await of_silence(house, case, "escalation.level_raised", 3, CLIMB_S)
    assert third["department"] == "management"
    assert second["department"] not in ("frontline", "management")
    heard = await eventually(lambda: three(lines(house, case, "escalated", to="climbing@wang.example")))
    assert len({line["text"] for line in heard}) >= 3
    await replied(house, third, "resolved", text="已重开发票并寄出")
    await happened(house, case, "escalation.answered", answer="resolved", stands=0)
    timeline = await shown(
        house, "intake", f"/v1/cases/{case}", lambda shown: "已重开发票并寄出" in str(shown["timeline"])
    )
    assert timeline["case_id"] == case


def three(heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return heard if len(heard) >= 3 else []


async def it_is_acknowledged(house: House, case: str) -> None:
    call = await of_silence(house, case, "escalation.raised", 1, SILENCE_S + CLIMB_S)
    await replied(house, call, "acknowledged")
    await happened(house, case, "escalation.answered", answer="acknowledged", stands=1)
    await never(lambda: climbed(house, case, call), during=LEVEL_S + 1.5)


async def it_is_refused(house: House, case: str) -> None:
    call = await of_silence(house, case, "escalation.raised", 1, SILENCE_S + CLIMB_S)
    await replied(house, call, "refused", text="不归一线处理")
    second = await of_silence(house, case, "escalation.level_raised", 2, CLIMB_S)
    assert "不归一线处理" in second["why"]


async def climbed(house: House, case: str, call: dict[str, Any]) -> bool:
    higher = await events(house, case, "escalation.level_raised", *ESCALATIONS)
    return any(one["escalation_id"] == call["escalation_id"] for one in higher)


@FAST
async def test_SL_5_the_sample_department_hears_and_its_answer_stops_the_climb(house: House) -> None:
    case = await a_mail_accepted(house, "sample")
    environ = {**os.environ, "KAFKA": house.env["SWITCHBOARD_KAFKA"]}
    desk = await asyncio.create_subprocess_exec(
        sys.executable, "demo/subscribers/department.py", "frontline", cwd=ROOT, env=environ,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        (answered, *_) = await happened(house, case, "escalation.answered", within=60, answer="acknowledged")
        assert (answered["department"], answered["by"], answered["stands"]) == ("frontline", "frontline-desk", 1)
        assert desk.stdout is not None
        assert b"escalation.raised" in await desk.stdout.readline()
    finally:
        desk.kill()
        await desk.wait()
