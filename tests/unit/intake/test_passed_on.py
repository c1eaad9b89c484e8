"""What is said after a person took over is passed on, with a short word (IN-11)."""

from tests.unit.intake.given import RULES
from tests.unit.intake.test_ask import answer, goes_on, said

ZH, EN = RULES.ask.texts["zh"], RULES.ask.texts["en"]
SAFETY = RULES.ask.risks["safety"]["zh"]


def test_IN_11_only_the_first_answer_says_at_length_that_a_person_takes_over() -> None:
    first = said("充电器冒烟了")
    assert answer(first)["answer"] == SAFETY + ZH.handed_over.format(number="")
    assert answer(first)["first"] is True
    for text in ("怎么办", "谢谢"):
        later = answer(goes_on(first, text))
        assert (later["answer"], later["first"], later["why"]) == (ZH.passed_on.format(number=""), False, "risk")


def test_IN_11_it_is_passed_on_in_the_language_of_the_talk() -> None:
    assert answer(said("agent please", "it is urgent"))["answer"] == EN.passed_on.format(number="")


def test_IN_11_a_danger_is_answered_also_after_a_person_took_over() -> None:
    later = answer(said("转人工", "充电器冒烟了"))
    assert later["answer"] == SAFETY + ZH.passed_on.format(number="")
    assert (later["first"], later["why"]) == (False, "asked")
    assert answer(said("转人工", "充电器冒烟了", "好的"))["answer"] == ZH.passed_on.format(number="")


def test_IN_10_what_is_passed_on_is_kept_for_the_case_word_for_word() -> None:
    assert [contact.text for contact in said("转人工", "急", "谢谢").waiting.values()] == ["转人工", "急", "谢谢"]
