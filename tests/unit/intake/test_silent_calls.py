"""Calls of which nobody wrote anything down: they take nothing from what is known, and what we dial is not the customer
coming back."""

from typing import Any

import pytest

from services.intake.domain.case import Case
from services.intake.domain.choose_case import Place
from services.intake.domain.receive import receive
from shared.decisions import Decision
from shared.events.cases import CaseContactAdded, CaseOpened
from shared.events.contacts import Contact
from shared.ids import contact_id
from tests.unit.intake.given import HOUR, NOW, RULES, arrive, did, opened, types
from tests.unit.intake.test_phone import told


def dialled(**fields: str) -> Contact:
    return told(direction="outbound", called="+8613800138000", caller="400-820-8820", agent="Z01", **fields)


def solved() -> Case:
    return did(opened("打印机坏了，开不了机"), "resolved", NOW, result="换了电源").state


def test_IN_12_a_ring_leaves_the_anger_and_the_last_words_as_they_were() -> None:
    angry = opened("太气愤了，垃圾公司，骗子，我要投诉")
    angry = arrive(angry, told(transcript="怎么还没人管，太差劲了", call="1")).state
    after = arrive(angry, told(call="2"), NOW + HOUR).state
    assert (after.sentiment, after.latest) == (angry.sentiment, angry.latest)
    assert after.sentiment
    assert after.sentiment.label == "strong_negative"


def test_IN_16_what_a_call_is_called_is_nobodys_latest_word() -> None:
    assert arrive(opened("打印机坏了"), told()).state.latest is None


@pytest.mark.parametrize("words", [{}, {"transcript": "您好，请问问题解决了吗？解决了"}])
def test_SL_11_a_call_back_leaves_a_solved_case_solved(words: dict[str, str]) -> None:
    decision = arrive(solved(), dialled(state="ended", **words), NOW + 48 * HOUR)
    assert (decision.state.status, types(decision)) == ("resolved", ["case.contact_added"])
    (event,) = decision.events
    assert isinstance(event, CaseContactAdded)
    assert not event.asks


def test_IN_4_when_the_customer_calls_himself_his_solved_case_is_open_again() -> None:
    assert "case.reopened" in types(arrive(solved(), told(), NOW + 48 * HOUR))


def test_IN_15_our_own_call_does_not_answer_for_a_customer_whom_we_wait_for() -> None:
    waiting = did(opened("机器坏了"), "waiting", on="customer").state
    after = arrive(waiting, dialled(), NOW + HOUR).state
    assert (after.status, after.touched_at) == ("waiting_customer", waiting.touched_at)


def test_IN_10_the_line_of_our_own_call_is_the_agents() -> None:
    note = arrive(solved(), dialled(state="ended"), NOW + HOUR).note
    assert note
    assert (note.by, note.text) == ("Z01", "外呼")
    theirs = arrive(solved(), told(), NOW + HOUR).note
    assert theirs
    assert theirs.by == "customer"


@pytest.mark.parametrize(("said", "asks"), [(dialled(), False), (dialled(transcript="我要退款"), True), (told(), True)])
def test_NT_1_nothing_is_owed_to_who_was_called_by_us_and_of_whom_no_word_is_known(said: Contact, asks: bool) -> None:
    (event,) = arrive(None, said).events
    assert isinstance(event, CaseOpened)
    assert event.asks is asks


# words that turn out to be about another matter


def joined(text: str, **more: Any) -> Decision[Case]:
    """A call joined the only open case, about a printer; then its words came."""
    printer = opened("订单A20261121-100的打印机E500卡纸，硬件故障，无法打印")
    call = place(printer, told(call="9"), "caller").state
    return place(call, told(call="9", state="transcribed", transcript=text, **more), "contact", ("cu|order|A1",))


def place(case: Case, said: Contact, by: str, claims: tuple[str, ...] = ()) -> Decision[Case]:
    identity = contact_id(said.source, said.id)
    where = Place(case.case_id, by, claims)
    return receive(case, NOW, contact=said, contact_id=identity, place=where, customer=None, rules=RULES)


@pytest.mark.parametrize("text", ["订单A20261121-901重复扣款两次，请退款给我", "重复扣款，请退款，退款退到哪张卡"])
def test_IN_4_a_call_that_turns_out_to_be_about_another_matter_is_flagged_and_changes_no_fact(text: str) -> None:
    after = joined(text).state
    assert "another_matter" in after.flags
    assert (after.facts["order"], after.claims, after.category[0]) == ("A20261121-100", (), "技术故障")


def test_IN_4_what_comes_after_its_words_is_still_of_another_matter() -> None:
    case = joined("订单A20261121-901重复扣款两次，请退款给我").state
    late = told(
        call="9", state="transcribed", transcript="订单A20261121-901重复扣款", recording="https://r.example/1.mp3"
    )
    assert place(case, late, "contact").state.facts["order"] == "A20261121-100"


@pytest.mark.parametrize("text", ["打印机E500还是卡纸", "订单A20261121-100的打印机，要退款退货", "我想问一下进度"])
def test_IN_4_a_call_about_the_same_matter_or_none_is_not_flagged(text: str) -> None:
    assert "another_matter" not in joined(text).state.flags
