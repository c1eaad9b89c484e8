"""What self-service hands over always becomes part of a case, and is kept until it is (IN-10, IN-11)."""

import pytest
from pydantic import ValidationError

from services.intake.change import contact_change
from services.intake.conversations import CONVERSATIONS
from services.intake.domain.ask import Asked, Conversation, Known, decide_ask, settle
from services.intake.domain.entry import Entry, Wording
from services.intake.domain.knowledge import Library
from shared.events.contacts import MAX_RECORD_BYTES
from shared.events.feedback import Step
from tests.unit.intake.given import HOUR, NOW, RULES, opened
from tests.unit.intake.test_ask import RESET, answer, goes_on, said

QUESTION = "如何申请发票抬头变更"


def talked(library: Library, *texts: str) -> Conversation:
    talk: Conversation | None = None
    for text in texts:
        asked = Asked(source="app", conversation="k1", text=text)
        talk = decide_ask(talk, NOW, asked=asked, known=Known(library), rules=RULES).state
    assert talk is not None
    return talk


@pytest.mark.parametrize("sign", ["说", '"'])
@pytest.mark.parametrize("stepwise", [False, True])
def test_IN_10_the_longest_conversation_with_the_longest_answers_becomes_one_contact(sign: str, stepwise: bool) -> None:
    step = Step(do=sign * 500, expect=sign * 500)
    wording = Wording(title=QUESTION, scenario="x", body=sign * 3900, steps=(step,) if stepwise else ())
    library = Library([*RULES.knowledge.entries, Entry(id="big", version=1, kind="solution", texts={"zh": wording})])
    question = QUESTION.ljust(1000, "。" if sign == "说" else sign)
    talk = talked(library, *[question] * (RULES.ask.most_questions - 1), "转人工" + sign * 20_000)
    (contact,) = talk.waiting.values()
    assert len(contact.self_service) == 2 * RULES.ask.most_questions - 1
    assert len(contact.model_dump_json().encode()) < MAX_RECORD_BYTES
    assert contact_change(contact, RULES).contact == contact


def test_IN_10_a_long_answer_is_handed_over_by_its_beginning_and_its_source() -> None:
    wording = Wording(title=QUESTION, scenario="x", body="说" * 3900)
    talk = talked(Library([Entry(id="big", version=1, kind="law", texts={"zh": wording})]), QUESTION, "转人工")
    (contact,) = talk.waiting.values()
    turn = contact.self_service[1]
    assert (turn.source, turn.text[-1]) == ("big@1", "…")
    assert turn.text[:-1] in talk.turns[1].text


def test_IN_11_a_long_question_goes_to_a_person_whole() -> None:
    long = "我的情况是这样的" * 200
    talk = said(long)
    assert (talk.handed_over, talk.reply.why) == (True, "long")
    assert next(iter(talk.waiting.values())).text == long
    assert said("机" * 20_000).handed_over


def test_what_says_more_of_the_customer_than_a_contact_can_hold_is_refused_and_named() -> None:
    with pytest.raises(ValidationError) as error:
        Asked.model_validate({"source": "app", "conversation": "k", "text": "x", "customer": {"name": "王" * 2000}})
    assert error.value.errors()[0]["loc"] == ("customer",)


def test_IN_11_nothing_that_waits_is_forgotten_and_the_oldest_of_it_says_since_when() -> None:
    assert CONVERSATIONS.index(said(RESET)) == {"forget_at": NOW + RULES.ask.forget_after, "waits_since": None}
    talk = goes_on(said("转人工"), "急", now=NOW + HOUR)
    assert CONVERSATIONS.index(talk) == {"forget_at": None, "waits_since": NOW}
    first = settle(talk, NOW, settled=["1"], case=opened()).state
    assert CONVERSATIONS.index(first) == {"forget_at": None, "waits_since": NOW + HOUR}
    all_ = settle(first, NOW, settled=["2"], case=opened()).state
    assert CONVERSATIONS.index(all_) == {"forget_at": NOW + HOUR + RULES.ask.forget_after, "waits_since": None}


def test_IN_11_the_category_of_a_case_is_told_in_the_language_of_the_talk() -> None:
    case = opened("昨天支付了两次，订单 A20261121-553，请尽快退款")
    assert case.category[-1] == "重复扣款"
    english = answer(said("what is the status of my case", cases=(case,)))["answer"]
    assert english.startswith(f"Case {case.number} (Charged twice): ")
    assert "（重复扣款）" in answer(said("我的工单处理到哪了", cases=(case,)))["answer"]
    left = case.changed(category=("支付问题", "从前的分类"))
    assert "从前的分类" in answer(said("what is the status of my case", cases=(left,)))["answer"]
