"""An order is asked for in many words; with its number they need not say `order` (IN-11)."""

import pytest

from services.intake.domain.order_state import order_asked_for
from tests.unit.intake.given import RULES
from tests.unit.intake.test_order_state import ORDER


@pytest.mark.parametrize(
    "text",
    [
        f"物流到哪了，单号{ORDER}",
        f"我的快递到哪了 {ORDER}",
        f"查一下{ORDER}的物流",
        f"帮我查快递 {ORDER}",
        f"帮我看看{ORDER}的快递",
        f"{ORDER}到哪了",
        f"包裹{ORDER}怎么样了",
        f"我想查一下{ORDER}发货没有",
        f"track {ORDER}",
        f"has {ORDER} shipped yet?",
        f"what's the delivery status of {ORDER}",
        f"where is my parcel {ORDER}",
        f"when will {ORDER} arrive?",
        f"Any news on the delivery of {ORDER}?",
    ],
)
def test_IN_11_with_its_number_an_order_is_asked_for_in_any_of_these_words(text: str) -> None:
    assert order_asked_for(text, RULES) == ORDER


@pytest.mark.parametrize(
    "text",
    [
        f"{ORDER}的退款到哪了",
        f"{ORDER}什么时候到账",
        f"快递坏了 {ORDER}",
        f"包裹少了一件 单号{ORDER}",
        f"你们的快递太慢了 {ORDER}",
        f"快递{ORDER}丢了",
        f"发货地址改一下 {ORDER}",
        f"{ORDER}显示已签收但我没收到",
        f"{ORDER}的手机状态异常，开不了机",
        f"track {ORDER} and cancel it",
        f"where is the invoice of {ORDER}",
        f"where is my refund for {ORDER}",
        f"{ORDER} shipped to the wrong address",
        f"I want to change the delivery address of {ORDER}",
        "我的快递到哪了",
        "track my parcel",
    ],
)
def test_IN_11_who_wants_something_else_of_it_or_names_none_is_not_put_off_with_its_state(text: str) -> None:
    assert order_asked_for(text, RULES) == ""
