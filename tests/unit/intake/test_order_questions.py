"""Which questions are about nothing but the state of an order (IN-11)."""

import pytest

from services.intake.domain.order_state import order_asked_for
from tests.unit.intake.given import RULES
from tests.unit.intake.test_order_state import ORDER


@pytest.mark.parametrize(
    "text",
    [
        f"订单{ORDER}到了，但是屏幕碎了，我要投诉",
        f"订单{ORDER}重复扣款，什么时候退给我",
        f"订单{ORDER}什么时候能退款",
        f"订单{ORDER}的手机冒烟了，什么时候有人来",
        f"订单{ORDER}收到了怎么激活",
        f"订单{ORDER}什么时候能开发票",
        f"When can I cancel order {ORDER}?",
        f"I refused order {ORDER} when it came, where is my refund?",
        f"where do I return order {ORDER}",
        f"订单{ORDER}什么时候送到，保修多久",
        f"订单{ORDER}到哪了，配送太慢，我要投诉",
        f"my order {ORDER} arrived broken",
        f"我的订单到哪了{ORDER}，再不来我就起诉你们",
    ],
)
def test_IN_11_who_asks_for_something_else_too_is_not_put_off_with_the_state_of_his_order(text: str) -> None:
    assert order_asked_for(text, RULES) == ""


@pytest.mark.parametrize(
    "text",
    [
        f"订单{ORDER}到了吗",
        f"我想知道订单{ORDER}什么时候送到",
        f"请帮我查一下订单{ORDER}到哪了",
        f"订单{ORDER}什么时候能到",
        f"订单{ORDER}现在是什么状态",
        f"when will order {ORDER} arrive?",
        f"please track order {ORDER}",
        f"where is my order {ORDER}",
        f"can you tell me where order {ORDER} is",
        f"my order {ORDER}, when will it be delivered",
    ],
)
def test_IN_11_who_asks_only_for_the_state_of_his_order_is_told(text: str) -> None:
    assert order_asked_for(text, RULES) == ORDER
