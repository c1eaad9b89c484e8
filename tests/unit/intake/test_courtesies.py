"""Who greets, thanks or wants to try gets no person for it, and what comes next still counts (IN-11)."""

import pytest

from services.intake.domain.ask import Asked, Conversation, Known, decide_ask, told
from services.intake.domain.rules_ask import AskTexts
from tests.unit.intake.given import NOW, RULES
from tests.unit.intake.test_ask import LIBRARY, RESET, answer, goes_on, said

RESET_EN = "How do I reset router R6?"
ZH, EN = RULES.ask.texts["zh"], RULES.ask.texts["en"]


def tried(talk: Conversation) -> list[str]:
    """What he was asked to do and did in vain, once a person takes over."""
    (contact,) = goes_on(talk, "转人工").waiting.values()
    return [turn.step for turn in contact.self_service if turn.step]


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("你好", ZH),
        ("您好", ZH),
        ("在吗", ZH),
        ("你好，在吗？", ZH),
        ("hello", EN),
        ("Hi!", EN),
        ("hello there, thanks", EN),
    ],
)
def test_IN_11_a_greeting_is_greeted_in_its_language_and_opens_no_case(text: str, texts: AskTexts) -> None:
    talk = said(text)
    assert (talk.handed_over, talk.reply.answer) == (False, texts.greeting)
    assert answer(goes_on(talk, RESET))["source"]["id"] == "router-r6-reset", "the question that follows is answered"


@pytest.mark.parametrize("text", ["谢谢", "好的", "好的，谢谢", "好", "嗯嗯，知道了", "收到，谢谢您", "没事了"])
def test_IN_11_thanks_for_an_answer_need_no_person(text: str) -> None:
    talk = said(RESET, text)
    assert (talk.handed_over, talk.reply.answer) == (False, ZH.courtesy)
    assert tried(talk) == [], "what he said thanks for was not tried in vain"


@pytest.mark.parametrize(
    "text", ["thanks", "Thank you so much!", "ok", "OK, got it", "great, thanks a lot", "All right"]
)
def test_IN_11_thanks_in_english_need_no_person_either(text: str) -> None:
    talk = said(RESET_EN, text)
    assert (talk.handed_over, talk.reply.answer) == (False, EN.courtesy)


@pytest.mark.parametrize("text", ["弄好了，谢谢", "搞定了", "ok it works", "That did it, thank you!"])
def test_IN_11_who_says_that_it_works_was_helped(text: str) -> None:
    talk = said(RESET if not text.isascii() else RESET_EN, text)
    assert (talk.handed_over, talk.entry) == (False, None)
    assert talk.reply.answer in {ZH.solved, EN.solved}


def test_IN_11_thanks_without_an_open_answer_are_returned() -> None:
    assert said("谢谢").reply.answer == ZH.solved
    assert said(RESET, "已经好了", "thank you").reply.answer == EN.solved


def test_IN_11_who_thanked_too_early_goes_on_at_his_step() -> None:
    talk = goes_on(said(RESET, "好的"), "还是不行")
    assert answer(talk)["step"] == 2
    assert len(tried(talk)) == 2, "and what he did before was in vain"


@pytest.mark.parametrize(
    "text",
    [
        "不用转人工，我再试试",
        "先不转人工",
        "好的，我试试",
        "稍等",
        "I don't need an agent, let me try again",
        "one moment",
    ],
)
def test_IN_11_who_wants_to_try_stays_at_his_step_and_gets_no_person(text: str) -> None:
    talk = said(RESET, text)
    assert (talk.handed_over, talk.entry, talk.step) == (False, "router-r6-reset", 1)
    assert len(tried(talk)) == 1


def test_IN_11_who_wants_no_person_is_answered() -> None:
    talk = said("I don't want an agent, how do I reset router R6?")
    assert answer(talk)["source"]["id"] == "router-r6-reset"


@pytest.mark.parametrize(
    "text",
    [
        "要不要转人工？还是转人工吧",
        "我不要人工智能，我要转人工",
        "no agent answered my call, I want to speak to a human",
        "it does not work, agent",
        "still not working agent",
    ],
)
def test_IN_11_a_denial_elsewhere_keeps_nobody_from_a_person(text: str) -> None:
    assert said(text).reply.why == "asked"


@pytest.mark.parametrize("text", ["???", "好像坏了", "谢谢你们把我的快递弄丢了", "thanks for nothing, refund me"])
def test_IN_11_what_is_no_mere_courtesy_goes_to_a_person(text: str) -> None:
    assert said(text).handed_over


def test_PF_4_a_file_without_the_texts_for_it_says_what_it_has() -> None:
    old = ZH.model_copy(update={"greeting": "", "courtesy": "", "passed_on": ""})
    ask = RULES.ask.model_copy(update={"texts": {**RULES.ask.texts, "zh": old}})
    rules = RULES.model_copy(update={"ask": ask})
    asked = Asked(source="app", conversation="k1", text="你好")
    assert decide_ask(None, NOW, asked=asked, known=Known(LIBRARY), rules=rules).state.reply.answer == ZH.solved
    assert told(said("转人工", "急"), rules)["answer"] == ZH.handed_over.format(number="")
