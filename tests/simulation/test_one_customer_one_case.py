"""One customer, one case (IN-3, IN-4), told as stories before the real stores in memory."""

from typing import Any

from services.intake.domain.case import Case
from services.intake.store import Cases
from shared.ids import contact_id
from tests.simulation.test_joining import PHONE, calls, says, solved, told
from tests.simulation.test_parted import parted
from tests.simulation.test_two_cases import Everybody, said_by, work

FANG = {"social": "fang", "name": "王芳", "phone": PHONE}
EVE = {"social": "eve", "name": "赵六"}
PRINTER = "打印机卡纸，硬件故障，无法打印，请维修"


async def split_off(cases: Cases, case: Case, contact: str) -> tuple[Case, Case]:
    """What is left, and the new case."""
    everybody: Any = Everybody()
    cases.roster = everybody
    outcome = await work(cases, "split", case.case_id, contact_id=contact)
    assert outcome.state is not None
    return outcome.state, await said_by(cases, outcome.state.links[-1].to)


def test_IN_3_whoever_comments_below_anothers_post_is_told_nothing_of_her_case() -> None:
    async def story(cases: Cases) -> None:
        post = {"channel": "social", "conversation": "post-9"}
        hers = await says(cases, "1", "订单A20261121-553重复扣款", customer=FANG, **post)
        after = await says(cases, "2", "我也被重复扣款了", customer=EVE, **post)
        assert (after.case_id, after.reach, after.claims) == (hers.case_id, hers.reach, hers.claims)
        alone = await says(cases, "3", "重复扣款的退款怎么还没处理", "social", conversation="post-78", customer=EVE)
        assert alone.case_id != hers.case_id

    told(story)


def test_IN_3_who_gives_his_number_in_the_middle_of_a_chat_is_known_by_it_from_then_on() -> None:
    async def story(cases: Cases) -> None:
        chat = {"channel": "chat", "conversation": "anon1"}
        case = await says(cases, "1", PRINTER, customer={}, **chat)
        after = await says(cases, "2", "我的电话是13911112222", customer={"phone": PHONE}, **chat)
        (customer,) = await cases.customers.who_have([f"phone:{PHONE}"])
        assert (after.case_id, after.customer_id) == (case.case_id, customer.customer_id)
        asks = [("m1", "怎么还没处理？"), ("m2", PRINTER), ("m3", f"工单 {case.number} 怎么样了")]
        assert {(await says(cases, *asked)).case_id for asked in asks} == {case.case_id}

    told(story)


def test_IN_3_whose_matter_another_case_of_his_holds_already_leaves_it_there() -> None:
    async def story(cases: Cases) -> None:
        chat = {"channel": "chat", "conversation": "anon1"}
        first = await says(cases, "m1", PRINTER)
        await says(cases, "1", PRINTER, customer={}, **chat)
        second = await says(cases, "2", "我的电话是13911112222", customer={"phone": PHONE}, **chat)
        assert (second.claims, second.customer_id) == ((), first.customer_id)

    told(story)


def test_IN_4_a_matter_that_was_never_reported_opens_a_case_of_its_own_whatever_he_waits_for() -> None:
    async def story(cases: Cases) -> None:
        printer = await says(cases, "m1", PRINTER)
        refund = await says(cases, "m2", "I was charged twice and I am still waiting for my refund")
        assert refund.case_id != printer.case_id
        assert (await says(cases, "m3", "重复扣款的退款怎么还没处理")).case_id == refund.case_id

    told(story)


def test_IN_4_who_only_complains_of_the_delay_lends_his_case_no_topic() -> None:
    async def story(cases: Cases) -> None:
        printer = await says(cases, "m1", PRINTER)
        asked = await says(cases, "m2", "怎么还没处理？")
        assert (asked.case_id, asked.claims) == (printer.case_id, printer.claims)

    told(story)


def test_IN_4_the_words_of_a_call_about_another_matter_lead_no_one_to_the_wrong_case() -> None:
    async def story(cases: Cases) -> None:
        printer = await says(cases, "m1", PRINTER)
        await calls(cases, "call-1")
        call = await calls(cases, "call-1", "订单A20261121-901重复扣款两次，请退款给我", revision=6)
        assert (call.case_id, call.flags, call.claims) == (printer.case_id, ("another_matter",), printer.claims)
        mail = await says(cases, "m2", "订单A20261121-901的退款到账了吗")
        assert mail.case_id != printer.case_id
        left, _ = await split_off(cases, call, contact_id("phone", "call-1"))
        assert left.flags == ()

    told(story)


def test_IN_15_what_a_stranger_said_is_split_off_as_his() -> None:
    async def story(cases: Cases) -> None:
        hers = await says(cases, "<a@x>", "订单A20261121-777没有收到货", customer={"email": "v@x.example"})
        his = {"email": "s@x.example", "name": "李强"}
        both = await says(cases, "<b@x>", "我的笔记本开不了机，请维修", customer=his, replies_to=["<a@x>"])
        assert both.case_id == hers.case_id
        _, new = await split_off(cases, both, contact_id("email", "<b@x>"))
        (stranger,) = await cases.customers.who_have(["email:s@x.example"])
        assert (new.customer_id, new.reach.email, new.opened_from) == (
            stranger.customer_id,
            "s@x.example",
            ("email:s@x.example",),
        )

    told(story)


def test_IN_15_a_call_is_split_off_by_its_words_though_its_recording_came_last() -> None:
    async def story(cases: Cases) -> None:
        words, recorded = "笔记本开不了机", {"recording": {"name": "r", "url": "https://r.example/1.mp3"}}
        said = {"channel": "phone", "conversation": "call-1"}
        await says(cases, "call-1", words, revision=6, **said)
        case = await says(cases, "call-1", None, subject="通话录音", voice=recorded, revision=7, **said)
        _, new = await split_off(cases, case, contact_id("phone", "call-1"))
        assert new.text == words

    told(story)


def test_IN_15_what_is_split_off_is_told_to_nobody_who_was_not_told_of_the_whole() -> None:
    async def story(cases: Cases) -> None:
        await says(cases, "m1", PRINTER, customer={"email": "a@x.example", "phone": PHONE})
        case = await says(cases, "call-1", "发票抬头错误，请更正", "phone", conversation="call-1")
        _, new = await split_off(cases, case, contact_id("phone", "call-1"))
        assert (new.reach.email, new.opened_from) == ("a@x.example", (f"phone:{PHONE}",))

    told(story)


def test_SL_11_our_call_back_after_two_days_leaves_the_case_solved() -> None:
    async def story(cases: Cases) -> None:
        case = await solved(cases, await says(cases, "m1", PRINTER))
        ours = {"voice": {"direction": "outbound", "state": "ended", "agent": "Z01"}, "subject": "外呼"}
        after = await says(cases, "call-1", None, "phone", conversation="call-1", **ours)
        assert (after.case_id, after.status, len(after.contacts)) == (case.case_id, "resolved", 2)

    told(story)


def test_IN_3_after_a_wrong_merger_is_undone_each_is_told_of_his_own_case_only() -> None:
    async def story(cases: Cases) -> None:
        shared, his = "info@firm.example", {"phone": "+8613811119902", "name": "李强"}
        fang = await says(cases, "1", "订单A20261121-553重复扣款，请退款", customer={"email": shared, "name": "王芳"})
        li = await says(cases, "2", PRINTER, "phone", customer=his, conversation="2")
        assert (await says(cases, "3", PRINTER, customer=his | {"email": shared})).case_id == li.case_id, (
            "taken for one"
        )
        one, other = [await cases.customers.get(case.customer_id) for case in (fang, li)]
        assert one
        assert other
        await parted(cases, one, other)
        now = await cases.customers.get_many([one.customer_id, other.customer_id])
        assert [now[of.customer_id].points for of in (one, other)] == [(f"email:{shared}",), (f"phone:{his['phone']}",)]
        again = await says(cases, "4", "重复扣款的退款到账了吗", customer=his | {"email": shared})
        assert (again.case_id != fang.case_id, again.customer_id) == (True, li.customer_id)

    told(story)


def test_IN_15_two_cases_about_one_order_of_two_who_turn_out_to_be_one_are_linked_by_his_next_contact() -> None:
    async def story(cases: Cases) -> None:
        order = "订单A20261121-553没有收到货"
        one = await says(cases, "1", order, customer={"email": "a@x.example"})
        other = await says(cases, "2", order, "phone", customer={"phone": PHONE}, conversation="2")
        assert one.case_id != other.case_id
        case = await says(cases, "3", order, customer={"email": "a@x.example", "phone": PHONE})
        assert {case.case_id, *(link.to for link in case.links)} == {one.case_id, other.case_id}

    told(story)
