"""IN-1: a text is read in a time that goes with its length, and nothing unseen hides it or shows it as another."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.keywords import unify
from services.intake.domain.understand import understand
from services.intake.domain.visible import readable, shown, visible
from shared.events.contacts import MAX_TEXT_BYTES, Contact
from tests.unit.intake.given import RULES, arrive, contact

PIECES = [
    "a", "1", "急", "不急", "非常不", "很差", "订单 ", "order-", "账号a.", "a@", "refund card arrive ", ">\n",
    "from:\n", "\n", " ", "👨‍👩‍👧", "\u202e1", "退\u200b款", "ﷺ", "写道：\n", "<div>", "((((", "序列号：", "SN-", "20",
]  # fmt: skip


@pytest.mark.parametrize("channel", ["chat", "email"])
@pytest.mark.parametrize("piece", PIECES)
def test_64_KiB_of_one_piece_are_read_in_seconds(piece: str, channel: str) -> None:
    text = "x" + (piece * MAX_TEXT_BYTES).encode()[: MAX_TEXT_BYTES - 2].decode(errors="ignore")
    said = contact(text, subject=text, channel=channel)
    started = time.thread_time()
    arrive(None, said)
    assert time.thread_time() - started < 5, "seconds; it took 158 where each hit was held against each other one"


@pytest.mark.parametrize(
    "text",
    [
        "退\u200b款异常",
        "退\u2060款\ufeff异常",
        "\u202e退款异常\u202c",
        "退\u00ad款\u200d异\x00常",
        "re\u200bfund",
        "\u2066refund\u2069",
    ],
)
def test_IN_5_a_word_is_found_whatever_invisible_stands_in_it(text: str) -> None:
    assert understand(contact(text), RULES).classification.category[0] == "支付问题"


def test_IN_8_a_number_is_found_whatever_invisible_stands_in_it() -> None:
    said = contact("订单 A20\u200d26\u200b1121-5\u20605\u202d3\u202c\u200e")
    assert understand(said, RULES).facts["order"] == "A20261121-553"


def test_a_number_is_shown_in_the_order_in_which_it_was_written() -> None:
    said = contact("pay \u202e0001\u202c now", subject="\u2067order 1\u2069", customer={"name": "Bank\u202e"})
    decision = arrive(None, said)
    assert (decision.state.text, decision.state.subject, decision.state.reach.name) == (
        "pay 0001 now",
        "order 1",
        "Bank",
    )
    assert decision.note is not None
    assert decision.note.text == "pay 0001 now"


@pytest.mark.parametrize("text", ["👨‍👩‍👧", "می‌خواهم", "👍🏽\ufe0f", "a\tb\nc", "שלום \u200fa"])
def test_what_a_script_is_written_with_stays(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_what_is_readable_or_visible_stays_so(text: str) -> None:
    assert readable(readable(text)) == readable(text)
    assert visible(visible(text)) == visible(text)
    assert unify(readable(text)) == unify(text)


def test_an_identity_is_never_changed_by_how_it_shows() -> None:
    said = contact("hi", id="a\u200bb", conversation="t\u202e1")
    assert (shown(said).id, shown(said).conversation) == (said.id, said.conversation)


def test_a_contact_of_nothing_visible_opens_a_case_that_lacks_a_description() -> None:
    state = arrive(None, contact("\u200b\u2060\u202e")).state
    assert "description" in state.missing
    assert state.text == ""


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\u0085", "\u2028"])
def test_control_characters_do_no_harm(character: str) -> None:
    said = Contact.model_validate({"source": "s", "id": "1", "channel": "chat", "text": f"退{character}款"})
    assert arrive(None, said).state.contacts
