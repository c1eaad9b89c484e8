"""How an order stands (IN-11): told by the customer system, to whose order it is, and to nobody else."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.domain.ask import Asked, Conversation, Known, decide_ask, told
from services.intake.domain.found import Found
from services.intake.domain.knowledge import Library
from services.intake.domain.order_state import OrderState, order_asked_for, order_state
from services.intake.domain.rules_ask import AskFile
from tests.unit.intake.given import NOW, RULES, arrive, opened

ORDER = "A20261121-553"
WHERE = f"我的订单 {ORDER} 到哪了"
STATE = {"state": "运输中", "carrier": "顺丰", "expected": "2026-11-24", "device_model": "R6"}
LIBRARY = Library(RULES.knowledge.entries)


def found(owner: str | None = "C1", asker: str | None = "C1", facts: dict[str, str] | None = None) -> Found:
    order: Any = {"customer": owner, "facts": STATE if facts is None else facts}
    customer: Any = {"id": asker} if asker else None
    return Found(source="crm", customer=customer, facts={"order": order})


def asked(answer: OrderState | None, text: str = WHERE, **fields: Any) -> Conversation:
    said = Asked.model_validate({"source": "app", "conversation": "k1", "text": text, **fields})
    return decide_ask(None, NOW, asked=said, known=Known(LIBRARY, (), answer), rules=RULES).state


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (WHERE, ORDER),
        (f"订单号{ORDER}什么时候发货", ORDER),
        (f"where is my order {ORDER}?", ORDER),
        (f"has order {ORDER} shipped", ORDER),
        (f"What is the status of order {ORDER}", ORDER),
        (f"订单 {ORDER} 扣了两次款", ""),
        ("我的订单到哪了", ""),
        ("where is my order", ""),
    ],
)
def test_IN_11_a_question_about_the_state_of_an_order_names_it(text: str, number: str) -> None:
    assert order_asked_for(text, RULES) == number


def test_IN_11_the_state_of_his_own_order_is_told_with_its_source() -> None:
    got = told(asked(order_state(ORDER, found())), RULES)
    assert got["answer"] == f"订单 {ORDER}：状态 运输中，承运商 顺丰，预计送达 2026-11-24。"
    assert (got["handed_over"], got["confidence"]) == (False, 1.0)
    assert got["source"] == {"id": ORDER, "kind": "order", "of": "crm"}


def test_IN_11_it_is_told_in_the_askers_language_or_in_english() -> None:
    state = order_state(ORDER, found(facts={"state": "shipped"}))
    assert told(asked(state, f"where is my order {ORDER}"), RULES)["answer"] == f"Order {ORDER}: status shipped."
    assert "status shipped" in told(asked(state, language="es"), RULES)["answer"]


@pytest.mark.parametrize("answer", [found(owner="C2"), found(owner=None), found(asker=None), found(facts={})])
def test_IN_11_an_order_of_another_or_of_nobody_goes_to_a_person_without_a_word_of_it(answer: Found) -> None:
    talk = asked(order_state(ORDER, answer))
    assert (talk.handed_over, talk.reply.why) == (True, "unsure")
    assert "运输中" not in str(told(talk, RULES))


def test_IN_11_an_order_that_the_customer_system_does_not_know_goes_to_a_person() -> None:
    customer: Any = {"id": "C1"}
    talk = asked(order_state(ORDER, Found(source="crm", customer=customer, facts={"order": None})))
    assert (talk.handed_over, talk.reply.why) == (True, "unsure")


@pytest.mark.parametrize(
    ("text", "says"), [(WHERE, "暂时查不到订单状态。已为您转接"), (f"where is my order {ORDER}", "can't be looked up")]
)
def test_IN_11_a_customer_system_that_is_away_is_said_and_a_person_takes_over(text: str, says: str) -> None:
    talk = asked(order_state(ORDER, None), text)
    assert (talk.handed_over, talk.reply.why) == (True, "look_up_away")
    assert says in told(talk, RULES)["answer"]
    (contact,) = talk.waiting.values()
    assert contact.text == text


def test_IN_11_nothing_but_what_the_rules_name_is_told_of_an_order() -> None:
    assert "R6" not in told(asked(order_state(ORDER, found())), RULES)["answer"]


def test_PF_4_what_is_told_has_its_name_in_every_language() -> None:
    read = RULES.ask.model_dump()
    read["order_tells"]["state"] = {"zh": "状态"}
    with pytest.raises(ValidationError, match=r"order_tells\.state\.en is missing"):
        AskFile.model_validate(read)


def steps(*texts: str) -> Conversation:
    talk: Conversation | None = None
    for text in texts:
        said = Asked(source="app", conversation="k1", text=text)
        talk = decide_ask(talk, NOW, asked=said, known=Known(LIBRARY), rules=RULES).state
    assert talk is not None
    return talk


@pytest.mark.parametrize("word", ["下一步", "没用", "next", "did not help"])
def test_IN_11_the_next_step_is_given_when_asked_for(word: str) -> None:
    assert steps("路由器R6怎么重置", word).reply.step == 2


def test_IN_11_what_was_tried_in_vain_stands_on_the_case() -> None:
    talk = steps("路由器R6怎么重置", "没用", "转人工")
    (contact,) = talk.waiting.values()
    tried = RULES.knowledge.entries[0].texts["zh"].steps[:2]
    case = arrive(None, contact).state
    assert case.tried == tuple(step.do for step in tried)
    assert f"已试: {tried[1].do}" in case.summary
    joined = arrive(opened().changed(tried=("重启",)), contact).state
    assert joined.tried == ("重启", *case.tried)


def test_IN_11_what_helped_was_not_tried_in_vain() -> None:
    (contact,) = steps("路由器R6怎么重置", "已经好了", "转人工").waiting.values()
    assert arrive(None, contact).state.tried == ()
