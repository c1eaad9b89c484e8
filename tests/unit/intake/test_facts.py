import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.facts import extracted_facts, given_facts, joined_facts
from shared.events.contacts import Facts
from tests.unit.intake.given import RULES

PATTERNS = RULES.fact_patterns


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("昨天支付了两次，订单 A20261121-553，请尽快退款", {"order": "A20261121-553"}),
        ("订单A20261121-553退款到账了吗", {"order": "A20261121-553"}),
        ("订单号：88371625", {"order": "88371625"}),
        ("my order no. ab-99812 is late", {"order": "AB-99812"}),
        ("order #55512 please", {"order": "55512"}),
        ("关于A20261121-553的问题", {"order": "A20261121-553"}),
        ("一体机E500开不了机，序列号SN88210，请派工程师上门", {"device_model": "E500", "serial": "SN88210"}),
        ("Serial number: 99AB-1234", {"serial": "99AB-1234"}),
        ("SN88210坏了", {"serial": "SN88210"}),
        ("路由器R6怎么重置", {"device_model": "R6"}),
        ("the X200 router", {"device_model": "X200"}),
        ("型号TX-100A", {"device_model": "TX-100A"}),
        ("账号13800138000登不上", {"account": "13800138000"}),
        ("account number 77812345", {"account": "77812345"}),
        ("账号：li.ming2@mail.example", {"account": "li.ming2@mail.example"}),
    ],
)
def test_IN_8_facts_are_found_in_the_customers_words(text: str, facts: dict[str, str]) -> None:
    assert extracted_facts(text, PATTERNS) == facts


@pytest.mark.parametrize(
    "text",
    ["我的订单还没到", "order arrived 2 days late", "I placed an order yesterday", "等了2个小时",
     "我有3台电脑", "no account yet 12",
     "订单2026-11-21下的", "在2026年买的手机"],
)  # fmt: skip
def test_IN_8_what_is_no_number_of_that_kind_is_not_taken_for_one(text: str) -> None:
    assert extracted_facts(text, PATTERNS) == {}


def test_IN_8_facts_that_are_given_are_trimmed_and_empty_ones_left_out() -> None:
    assert given_facts(Facts(order="  A1 ", serial="", account=None)) == {"order": "A1"}


def test_IN_8_given_beats_extracted_in_either_order() -> None:
    none, order = frozenset[str](), frozenset({"order"})
    assert joined_facts({"order": "said"}, none, {"order": "given"}, order) == {"order": "given"}
    assert joined_facts({"order": "given"}, order, {"order": "said"}, none, corrects=True) == {"order": "given"}


def test_IN_8_what_is_known_stays_unless_it_is_corrected() -> None:
    none = frozenset[str]()
    assert joined_facts({"order": "one"}, none, {"order": "two"}, none) == {"order": "one"}
    assert joined_facts({"order": "one"}, none, {"order": "two"}, none, corrects=True) == {"order": "two"}
    assert joined_facts({"order": "one"}, none, {"serial": "S1"}, none) == {"order": "one", "serial": "S1"}


@given(st.text(max_size=300))
def test_IN_8_any_text_can_be_searched(text: str) -> None:
    assert set(extracted_facts(f"订单 {text}", PATTERNS)) <= set(RULES.facts.facts)
