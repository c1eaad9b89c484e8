"""What somebody wants of self-service, by his words (IN-11)."""

import pytest

from services.intake.domain.wishes import read
from tests.unit.intake.given import RULES
from tests.unit.intake.test_ask import RESET, answer, goes_on, said


@pytest.mark.parametrize(
    "text",
    [
        "It is still not solved",
        "problem not solved",
        "that did not work, not solved",
        "it has not been solved",
        "I do not think it is solved",
        "不可以了",
        "还是不可以了",
        "没有解决了",
        "根本没修好了",
        "没修好",
        "哪里可以了？灯都不亮",
        "已经好了吗？还是不行",
    ],
)
def test_IN_11_who_says_that_it_is_not_solved_gets_the_next_step(text: str) -> None:
    assert answer(said(RESET, text))["step"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "已经好了",
        "没事了已经好了",
        "不用了，可以了",
        "差不多可以了",
        "没问题，解决了",
        "It is solved",
        "no, all good",
        "that worked",
        "I do not know what was wrong with it but it is solved",
    ],
)
def test_IN_11_who_says_that_it_is_solved_is_wished_well(text: str) -> None:
    talk = said(RESET, text)
    assert (talk.handed_over, talk.entry) == (False, None)
    assert talk.reply.answer in {texts.solved for texts in RULES.ask.texts.values()}


def test_IN_11_what_a_denied_word_of_solved_was_tried_in_vain() -> None:
    (contact,) = goes_on(said(RESET, "没有解决了"), "转人工").waiting.values()
    assert [turn.step is not None for turn in contact.self_service if turn.by != "customer"] == [True, True]


def test_polite_words_are_no_part_of_a_question() -> None:
    assert read("请问一下，保修多久？谢谢", RULES)[1].strip(" ,?") == "保修多久"
