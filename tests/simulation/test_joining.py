"""Which case a contact joins (IN-4), told as stories before the real stores in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from services.intake.change import contact_change
from services.intake.domain.case import Case
from services.intake.domain.lifecycle import SETTLED
from services.intake.domain.work import decide_work
from services.intake.store import Cases
from services.intake.views import timeline
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.fold import Change
from tests.simulation.scheduler import run
from tests.simulation.test_customers import intake

PHONE = "+8613911112222"
ORDER = "A20261121-777"


def told(story: Callable[[Cases], Awaitable[None]]) -> None:
    async def with_cases() -> None:
        cases, _ = await intake()
        await story(cases)

    run(with_cases, 1)


async def says(cases: Cases, id_: str, text: str | None, channel: str = "email", **more: Any) -> Case:
    customer = more.pop("customer", {"phone": PHONE})
    said = {"source": channel, "id": id_, "channel": channel, "text": text, "customer": customer, **more}
    contact = Contact.model_validate(said)
    (outcome,) = await cases.apply([contact_change(contact, cases.rules())], recorded=True)
    case: Case = outcome.state
    return case


async def calls(cases: Cases, id_: str, text: str | None = None, revision: int = 1) -> Case:
    return await says(cases, id_, text, "phone", conversation=id_, subject="来电", revision=revision)


async def solved(cases: Cases, case: Case) -> Case:
    work = Work.model_validate({"id": "w", "agent_id": "Z01", "case_id": case.case_id, "result": "已处理"})
    (outcome,) = await cases.apply_only([Change(case.case_id, _resolved(cases, work), "w")])
    state: Case = outcome.state
    assert state.status in SETTLED
    return state


def _resolved(cases: Cases, work: Work) -> Any:
    return lambda state, now: decide_work(state, now, work=work, verb="resolved", rules=cases.rules())


def test_IN_4_a_call_of_which_nobody_wrote_anything_yet_is_about_the_callers_only_open_case() -> None:
    async def story(cases: Cases) -> None:
        mail = await says(cases, "m1", f"订单{ORDER}没有收到货")
        assert (await calls(cases, "call-1")).case_id == mail.case_id
        other = await says(cases, "m2", "发票抬头错误，请更正")
        assert other.case_id != mail.case_id
        assert (await calls(cases, "call-2")).case_id not in (mail.case_id, other.case_id), "which of the two?"

    told(story)


def test_IN_4_what_a_transcript_says_later_finds_the_case_of_the_call() -> None:
    async def story(cases: Cases) -> None:
        await calls(cases, "call-1")
        call = await calls(cases, "call-1", f"订单{ORDER}没有收到货", revision=6)
        assert (await says(cases, "m1", f"订单{ORDER}还是没有")).case_id == call.case_id

    told(story)


def test_IN_15_a_call_whose_transcript_names_the_matter_of_another_case_is_linked_with_that() -> None:
    async def story(cases: Cases) -> None:
        mail = await says(cases, "m1", f"订单{ORDER}没有收到货")
        await says(cases, "m2", "发票抬头错误，请更正")
        await calls(cases, "call-1")
        call = await calls(cases, "call-1", f"订单{ORDER}怎么还没处理", revision=6)
        assert [(link.kind, link.to) for link in call.links] == [("related", mail.case_id)]

    told(story)


def test_IN_4_whoever_answers_in_anothers_thread_is_heard_but_not_taken_for_him() -> None:
    async def story(cases: Cases) -> None:
        fang = await says(cases, "<a@x>", "我的订单被重复扣款", customer={"email": "fang@a.example"})
        eve = {"email": "eve@b.example", "name": "Eve"}
        case = await says(cases, "<b@x>", "什么时候能退款到账", customer=eve, replies_to=["<a@x>"])
        assert (case.case_id, case.reach.email, case.reach.name) == (fang.case_id, "fang@a.example", None)
        alone = await says(cases, "<c@x>", "退款怎么还没有到账", customer=eve)
        assert alone.case_id != fang.case_id

    told(story)


def test_IN_4_an_order_is_the_same_however_it_was_written() -> None:
    async def story(cases: Cases) -> None:
        web = await says(cases, "w1", "没有收到货", "web", facts={"order": "a20261121-777 "})
        assert (await says(cases, "m1", f"订单{ORDER}没有收到货")).case_id == web.case_id

    told(story)


@pytest.mark.parametrize("text", ["谢谢，已经好了", "非常感谢！", "Thanks a lot, it works now!"])
def test_IN_4_thanks_leave_a_solved_case_solved(text: str) -> None:
    async def story(cases: Cases) -> None:
        case = await solved(cases, await says(cases, "c1", "打印机卡纸了", "chat", conversation="talk"))
        after = await says(cases, "c2", text, "chat", conversation="talk")
        assert (after.case_id, after.status, len(after.contacts)) == (case.case_id, "resolved", 2)

    told(story)


@pytest.mark.parametrize("text", ["谢谢，但还没好", "不好了", "Thanks, but it is not fixed"])
def test_IN_4_thanks_with_a_complaint_open_a_solved_case_again(text: str) -> None:
    async def story(cases: Cases) -> None:
        await solved(cases, await says(cases, "c1", "打印机卡纸了", "chat", conversation="talk"))
        assert (await says(cases, "c2", text, "chat", conversation="talk")).reopened == 1

    told(story)


def test_IN_4_a_solved_case_is_not_opened_again_by_its_topic_alone_but_followed() -> None:
    async def story(cases: Cases) -> None:
        text = "昨天支付了两次，请尽快退款"
        case = await solved(cases, await says(cases, "m1", text))
        again = await says(cases, "m2", text)
        assert (again.case_id != case.case_id, [link.to for link in again.links]) == (True, [case.case_id])
        assert (await says(cases, "m3", text)).case_id == again.case_id

    told(story)


def test_IN_10_a_long_timeline_is_read_from_its_newest_lines_back_without_a_gap_or_a_repeat() -> None:
    async def story(cases: Cases) -> None:
        for number in range(8):
            case = await says(cases, f"c{number}", f"第{number}次说", "chat", conversation="talk")
            await asyncio.sleep(0.01)
        pages, until = [], None
        while not pages or until:
            page = await timeline(cases, case, until, most=3)
            pages.append([line["data"]["id"] for line in page["timeline"]])
            until = datetime.fromisoformat(page["earlier"]) if page["earlier"] else None
        assert pages == [["c5", "c6", "c7"], ["c2", "c3", "c4"], ["c0", "c1"]]

    told(story)
