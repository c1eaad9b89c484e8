"""Notify over a real broker and database; all its neighbours are played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiosmtpd.smtp import SMTP

from deploy.local.paths import ROOT
from shared.events.cases import (
    CaseContactAdded,
    CaseCustomer,
    CaseNoted,
    CaseOpened,
    CaseResolved,
    CaseWaiting,
    ContactRef,
    Reach,
)
from shared.events.escalations import EscalationLevelRaised, EscalationRaised
from shared.events.feedback import ImprovementChanged, ImprovementOpened, SurveyRequested
from shared.events.sla import EscalationAnswered, PolicyRef, TargetMissed, TargetReminder
from shared.ids import named
from tests.component.conftest import Alone
from tests.component.neighbours import (
    Neighbour,
    case_assigned,
    case_opened,
    case_queued,
    ids,
    nothing_changes_when_read_again,
    put_rules,
)
from tests.e2e.house import READS as READERS
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
READS, GIVES = tuple(sorted(READERS["notify"])), ("notifications.v1",)
SOON = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
POLICY = PolicyRef(id="default", version="1")
HOST = "127.0.0.1"


class SlowMail:
    """A mail server that answers for a message only once it is let go on."""

    def __init__(self) -> None:
        self.handed: list[str] = []
        self.may_go_on = asyncio.Event()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.handed += envelope.rcpt_tos
        await self.may_go_on.wait()
        return "250 OK"


@pytest.fixture(scope="module")
def mail() -> SlowMail:
    return SlowMail()


@pytest.fixture(scope="module")
async def notify(alone: Alone, rules: Path, mail: SlowMail) -> AsyncIterator[House]:
    """Only who wrote over the web is answered through the mail server; everything else goes through `local`."""
    told = yaml.safe_load((ROOT / "services/notify/rules/channels.yaml").read_text(encoding="utf-8"))
    email = told["channels"]["email"]
    channels = {
        **told["channels"],
        "email": {**email, "providers": ["local"]},
        "mail": {**email, "providers": ["smtp"]},
    }
    put_rules(rules, "notify", "channels", channels=channels, answers={**told["answers"], "web": "mail"})
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(mail), HOST, 0)
    port = str(server.sockets[0].getsockname()[1])
    smtp = {"SWITCHBOARD_SMTP_HOST": HOST, "SWITCHBOARD_SMTP_PORT": port, "SWITCHBOARD_SMTP_FROM": "care@example.com"}
    async with alone("notify", **smtp) as house:
        yield house
    server.close()


@pytest.fixture(scope="module")
def intake(notify: House) -> Neighbour:
    return Neighbour(notify, "intake")


@pytest.fixture(scope="module")
def routing(notify: House) -> Neighbour:
    return Neighbour(notify, "routing")


@pytest.fixture(scope="module")
def sla(notify: House) -> Neighbour:
    return Neighbour(notify, "sla")


@pytest.fixture(scope="module")
def feedback(notify: House) -> Neighbour:
    return Neighbour(notify, "feedback")


def told(notify: House, case: str) -> list[dict[str, Any]]:
    return [line for line in notify.told() if line["case_id"] == case]


async def outcomes(notify: House, case: str) -> list[tuple[str, str]]:
    """Of each message: what became of it, and its template."""
    await notify.quiet()
    events = {said.id: said for said in await notify.said("notifications.v1") if said.subject == case}
    in_order = sorted(events.values(), key=lambda event: event.sequence)
    return [(event.type.removeprefix("notification."), event.data["template"]["id"]) for event in in_order]


async def test_NT_1_the_milestones_are_told_in_chinese(notify: House, intake: Neighbour, routing: Neighbour) -> None:
    opened = case_opened("zh")
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    await routing.says(case_queued(case), case_assigned(case))
    intake.has_seen(case, assignments=2)
    await intake.says(CaseResolved(**ids(case), by="Z01", resolution="多扣的款项已退回"))
    assert await outcomes(notify, case) == [("sent", "received"), ("sent", "assigned"), ("sent", "resolved")]
    lines = told(notify, case)
    assert {(line["channel"], line["to"], line["language"]) for line in lines} == {("sms", "+8613800138000", "zh")}
    received, assigned, resolved = (line["text"] for line in lines)
    assert all(words in received for words in (opened.number, "预计处理周期", "沟通方式"))
    assert all(words in assigned for words in ("工号 Z01", "支付组"))
    assert "多扣的款项已退回" in resolved


async def test_NT_1_the_milestones_are_told_in_english(notify: House, intake: Neighbour, routing: Neighbour) -> None:
    reach = Reach(name="Ann", email="ann@example.com")
    opened = case_opened("en", language="en", channel="email", customer=CaseCustomer(id="ann", reach=reach))
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    await routing.says(case_assigned(case, "Z02", "Li", "Payments"))
    intake.has_seen(case, assignments=1)
    await intake.says(CaseResolved(**ids(case), by="Z02", resolution="The second charge was refunded"))
    assert await outcomes(notify, case) == [("sent", "received"), ("sent", "assigned"), ("sent", "resolved")]
    lines = told(notify, case)
    assert {(line["channel"], line["to"], line["language"]) for line in lines} == {("email", "ann@example.com", "en")}
    assert all(opened.number in line["subject"] for line in lines)
    received, assigned, resolved = (line["text"] for line in lines)
    assert "Expected handling time" in received
    assert all(words in assigned for words in ("Z02", "Payments"))
    assert "The second charge was refunded" in resolved
    listed = (await notify.get("notify", "/v1/notifications", case=opened.number))["items"]
    assert [(item["state"], item["text"]) for item in listed] == [("sent", line["text"]) for line in lines]


async def test_a_customer_who_cannot_be_reached_is_told_nothing_until_he_can(
    notify: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = case_opened("silent", channel="web", customer=CaseCustomer(id="nobody"))
    case = opened.case_id
    await intake.says(opened)
    assert await outcomes(notify, case) == [("suppressed", "received")]
    assert told(notify, case) == []
    further = CaseContactAdded(
        **ids(case), contact_id=named("contact", "further"), contact=ContactRef(source="test", id="further"),
        channel="sms", text="我的电话是…", reach=Reach(phone="+8613900139000"),
    )  # fmt: skip
    await intake.says(further)
    routing.has_seen(case, cases=2)
    await routing.says(case_assigned(case))
    assert await outcomes(notify, case) == [("suppressed", "received"), ("sent", "assigned")]
    assert [line["to"] for line in told(notify, case)] == ["+8613900139000"]


async def test_what_comes_before_its_cause_is_told_after_it(
    notify: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = case_opened("early")
    case = opened.case_id
    routing.has_seen(case, cases=1)
    await routing.says(case_assigned(case))
    await intake.says(opened)
    assert await outcomes(notify, case) == [("sent", "received"), ("sent", "assigned")]
    assert [line["template"] for line in told(notify, case)] == ["received", "assigned"]


async def test_NT_7_another_agent_presents_himself_and_the_same_one_does_not_again(
    notify: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = case_opened("handed on")
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    for agent in ("Z01", "Z01", "Z02"):
        await routing.says(case_assigned(case, agent))
        await notify.quiet()
    texts = [line["text"] for line in told(notify, case) if line["template"] == "assigned"]
    assert [("Z01" in text, "Z02" in text) for text in texts] == [(True, False), (False, True)]


def alarm(case: str, **more: Any) -> dict[str, Any]:
    owner = {"agent_id": "Z01", "supervisor": "S01", "pool": "payments.zh"}
    return {**ids(case), **owner, "at": SOON, "due_at": SOON, "policy": POLICY, **more}


def call(case: str, level: int, department: str, **more: Any) -> EscalationRaised | EscalationLevelRaised:
    kind = EscalationRaised if level == 1 else EscalationLevelRaised
    body = {"escalation_id": f"e-{case}", "priority": "P2", "target": "inactivity", "due_at": SOON}
    return kind(**ids(case), level=level, department=department, **body | more)


def answer(case: str, said: str, **more: Any) -> EscalationAnswered:
    body = {"escalation_id": f"e-{case}", "department": "technical", "level": 2, "stands": 2, "by": "赵工"}
    return EscalationAnswered(**ids(case), answer=said, **body | more)


async def with_agent(opened: CaseOpened, intake: Neighbour, routing: Neighbour) -> str:
    """The case is opened and with Z01, whose supervisor is S01."""
    case = opened.case_id
    await intake.says(opened)
    routing.has_seen(case, cases=1)
    await routing.says(case_queued(case), case_assigned(case).model_copy(update={"supervisor": "S01"}))
    return case


IN_CHINESE = {
    "waiting": "正在等待支付平台处理，预计 11月23日 16:00 前有结果",
    "delay": "原因：配件缺货。补救措施：临时替代方案。新的预计时间：11月23日 16:00。",
    "escalated": "现由技术专家团队跟进",
    "escalation_progress": "技术专家团队正在处理，预计 11月23日 16:00 完成",
    "survey": "https://s.example/s/t0k3n",
}
IN_ENGLISH = {
    "waiting": "waiting for 支付平台; an answer is expected by 23 Nov 16:00 (GMT+8)",
    "delay": "Reason: a spare part is out of stock. What we do about it: a temporary solution. New time: 23 Nov 16:00",
    "escalated": "is now with our team of experts",
    "escalation_progress": "our team of experts is at work on your problem; it is expected to be mended by 23 Nov",
    "survey": "https://s.example/s/t0k3n",
}
TO_STAFF = {
    "reminder": ("Z01", "S01"), "missed": ("Z01", "S01"), "escalation_answered": ("Z01",),
    "improvement": ("S01", "Z01"), "improvement_changed": ("S01", "Z02"),
}  # fmt: skip


@pytest.mark.parametrize(("language", "words"), [("zh", IN_CHINESE), ("en", IN_ENGLISH)])
async def test_NT_2_NT_3_NT_4_NT_10_what_sla_and_feedback_bring_is_told_once(
    notify: House, intake: Neighbour, routing: Neighbour, sla: Neighbour, feedback: Neighbour,
    language: str, words: dict[str, str],
) -> None:  # fmt: skip
    case = await with_agent(case_opened(f"everything {language}", language=language), intake, routing)
    intake.has_seen(case, assignments=2)
    await intake.says(
        CaseWaiting(**ids(case), by="Z01", on="third_party", party="支付平台", promise_at=SOON),
        CaseNoted(**ids(case), by="Z01", kind="delay", why="parts", remedy="temporary", promise_at=SOON),
    )
    sla.has_seen(case, cases=3, assignments=2)
    await sla.says(
        TargetReminder(**alarm(case, target="resolution"), share=0.9),
        TargetMissed(**alarm(case, target="inactivity"), late_s=7200),
        call(case, 2, "technical"),
        answer(case, "progress", fix_at=SOON, text="日志显示驱动问题"),
    )
    feedback.has_seen(case, cases=3, assignments=2, sla=3)
    await feedback.says(
        SurveyRequested(**ids(case), survey_id="s1", url="https://s.example/s/t0k3n", expires_at=SOON),
        ImprovementOpened(
            **ids(case), improvement_id="i1", survey_id="s1", person="Z01", supervisor="S01", department="payment",
            due_at=SOON, criteria=("一周内无同类投诉",),
        ),
        ImprovementChanged(
            **ids(case), improvement_id="i1", person="Z02", supervisor="S01", department="payment", due_at=SOON,
            by="S01",
        ),
    )  # fmt: skip
    await notify.quiet()
    customer = {line["template"]: line for line in told(notify, case) if line["channel"] == "sms"}
    staff = [line for line in told(notify, case) if line["channel"] == "desk"]
    assert {template: words[template] in customer[template]["text"] for template in words} == dict.fromkeys(words, True)
    assert len(told(notify, case)) == len(customer) + len(staff)
    assert sorted((line["template"], line["to"]) for line in staff) == sorted(
        (template, to) for template, desks in TO_STAFF.items() for to in desks
    )
    assert {line["language"] for line in staff} == {"zh"}
    assert "日志显示驱动问题" not in str(customer)
    assert {what for what, _ in await outcomes(notify, case)} == {"sent"}


async def test_NT_2_a_broken_promise_is_told_to_those_who_can_act_and_to_the_customer(
    notify: House, intake: Neighbour, routing: Neighbour, sla: Neighbour
) -> None:
    case = await with_agent(case_opened("promise"), intake, routing)
    sla.has_seen(case, cases=1, assignments=2)
    missed = alarm(case, target="promise", party="支付平台", promise="今天退款")
    await sla.says(TargetMissed(**missed, late_s=60), call(case, 1, "frontline", target="promise"))
    await notify.quiet()
    lines = [line for line in told(notify, case) if line["template"] not in ("received", "assigned")]
    assert sorted((line["template"], line["to"]) for line in lines) == [
        ("delay", "+8613800138000"), ("missed", "S01"), ("missed", "Z01"),
    ]  # fmt: skip
    delay = next(line["text"] for line in lines if line["template"] == "delay")
    assert all(part in delay for part in ("原因：第三方处理延迟", "补救措施：我们会持续催办"))


async def test_NT_3_a_level_that_comes_before_what_it_rests_on_is_told_after_it(
    notify: House, intake: Neighbour, routing: Neighbour, sla: Neighbour
) -> None:
    case = await with_agent(case_opened("levels"), intake, routing)
    ahead = Neighbour(notify, "sla")
    ahead.has_seen(case, cases=1, assignments=2, sla=1)
    await ahead.says(call(case, 1, "frontline"))
    ahead.has_seen(case, **{"escalations.frontline": 1})
    await ahead.says(call(case, 2, "technical"))
    ahead.has_seen(case, **{"escalations.technical": 1})
    await ahead.says(call(case, 3, "management"))
    sla.has_seen(case, cases=1, assignments=2)
    await sla.says(TargetMissed(**alarm(case, target="inactivity"), late_s=1))
    await notify.quiet()
    levels = [line["text"] for line in told(notify, case) if line["template"] == "escalated"]
    expected = ("客服主管", "技术专家团队", "管理层")
    assert [name in text for name, text in zip(expected, levels, strict=True)] == [True] * 3


async def test_a_drill_is_told_to_nobody(notify: House, intake: Neighbour, routing: Neighbour, sla: Neighbour) -> None:
    case = await with_agent(case_opened("drill", drill=True), intake, routing)
    sla.has_seen(case, cases=1, assignments=2)
    await sla.says(TargetMissed(**alarm(case, target="promise"), late_s=60), call(case, 3, "management", drill=True))
    assert {what for what, _ in await outcomes(notify, case)} == {"suppressed"}
    assert told(notify, case) == []


async def test_NT_6_a_provider_that_is_slow_for_one_recipient_does_not_delay_another(
    notify: House, intake: Neighbour, routing: Neighbour, sla: Neighbour, mail: SlowMail
) -> None:
    reach = Reach(name="Ann", email="ann@example.com")
    opened = case_opened("slow", channel="web", customer=CaseCustomer(id="slow", reach=reach))
    case = await with_agent(opened, intake, routing)
    await eventually(lambda: mail.handed)
    sla.has_seen(case, cases=1, assignments=2)
    await sla.says(TargetReminder(**alarm(case, target="resolution"), share=0.5))
    other = case_opened("quick")
    await intake.says(other)
    await eventually(lambda: told(notify, case) and told(notify, other.case_id))
    assert [(line["template"], line["to"]) for line in told(notify, case)] == [("reminder", "Z01")]
    assert mail.handed == ["ann@example.com"], "what comes after it waits for it"
    mail.may_go_on.set()
    assert sorted(await outcomes(notify, case)) == [("sent", "assigned"), ("sent", "received"), ("sent", "reminder")]
    assert mail.handed == ["ann@example.com"] * 2


async def test_all_that_was_read_is_read_again_and_nothing_changes(notify: House) -> None:
    await nothing_changes_when_read_again(notify, "notify", READS, GIVES)
