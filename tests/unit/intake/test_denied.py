"""What is denied was not said, and a phrase is not its words: kind (IN-19), priority (IN-7), demand (IN-17)."""

import time

import pytest

from tests.unit.intake.given import opened


@pytest.mark.parametrize(
    "text",
    [
        "不是投诉，只是咨询保修",
        "这不是投诉",
        "我没有要投诉，想问问保修",
        "I do not want to complain",
        "this is not a complaint, just a question",
        "垃圾桶多少钱",
        "垃圾短信怎么屏蔽",
        "worst case, how long does delivery take?",
        "I was scammed by a phone caller, please block my card",
    ],
)
def test_IN_19_no_complaint_is_heard_where_none_is_made(text: str) -> None:
    case = opened(text)
    assert (case.kind == "complaint", case.category[0] == "投诉建议") == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "我要投诉", "再不处理就投诉", "我不得不投诉你们", "要不投诉吧", "I have to complain", "not fixed, I complain",
        "no problem with the price, my complaint is the service", "you scammed me",
    ],
)  # fmt: skip
def test_IN_19_a_complaint_is_heard_whatever_else_is_denied(text: str) -> None:
    assert opened(text).kind == "complaint"


@pytest.mark.parametrize(
    "text",
    [
        "Do you sell a smoke detector?",
        "燃气灶什么时候到货",
        "价格爆炸，太贵了",
        "防爆炸膜怎么退货",
        "手机没有冒烟",
        "没有人受伤",
        "电脑中毒了，怎么杀毒",
        "exploded view diagram please",
        "no smoke, just a question about warranty",
        "nobody was injured",
        "how do I set up my fire tv stick, on fire tv it is slow",
    ],
)
def test_IN_7_no_danger_is_heard_where_none_is(text: str) -> None:
    case = opened(text)
    assert (case.priority == "P0", "#人身安全" in case.tags) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "插座冒烟了", "是不是漏电了", "会不会爆炸", "有没有触电危险", "没有人受伤，但是起火了", "燃气灶漏气了",
        "煤气味很重", "不停冒烟", "不小心触电了", "it does not run and smoke comes out", "not only smoke, flames too",
        "No, it is on fire", "there is smoke from the smoke detector",
    ],
)  # fmt: skip
def test_IN_7_danger_is_heard_in_a_question_and_beside_what_is_denied(text: str) -> None:
    assert (opened(text).priority, opened(text).priority_reason.rule) == ("P0", "danger-to-people")


@pytest.mark.parametrize(
    ("text", "demand"),
    [
        ("我要退款", "refund"),
        ("我想退款", "refund"),
        ("要退钱", "refund"),
        ("想退费", "refund"),
        ("return my money", "refund"),
        ("我要退", "return"),
        ("我要退货", "return"),
        ("不要退款，要换货", "exchange"),
        ("I don't want a refund, send me a replacement", "exchange"),
        ("还没退款", "refund"),
        ("you have not refunded me", "refund"),
        ("Why was I charged twice? Refund me", "refund"),
        ("为什么还没退款", "refund"),
        ("为什么扣了两次", "explanation"),
        ("不要退款", None),
    ],
)
def test_IN_17_the_demand_is_what_the_customer_wants(text: str, demand: str | None) -> None:
    assert opened(text).demand == demand


def test_IN_5_what_is_not_there_yet_is_still_what_it_is_about() -> None:
    denied, beside, said = opened("没发货"), opened("没有受伤，发货"), opened("发货")
    assert denied.category == beside.category == said.category
    assert denied.category_confidence == beside.category_confidence == said.category_confidence, "it counts once"


@pytest.mark.parametrize("piece", ["不是", "不要退款", "not a complaint ", "no smoke "])
def test_many_denials_are_read_in_a_time_that_goes_with_their_number(piece: str) -> None:
    started = time.thread_time()
    opened(piece * 4_000)
    assert time.thread_time() - started < 5
