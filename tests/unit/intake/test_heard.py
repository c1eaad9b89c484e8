"""Which words spoke of discontent (IN-12): they are told with the sentiment, for the supervisor to read."""

import pytest

from shared.events.cases import CaseContactAdded, CaseOpened
from shared.events.schemas import personal_fields
from tests.unit.intake.given import NOW, arrive, contact, opened


def heard(text: str) -> tuple[str, ...]:
    feeling = opened(text).sentiment
    assert feeling is not None
    return feeling.heard


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("退款拖了一个月，态度恶劣，再也不买了", ("拖了", "恶劣", "再也不")),
        ("服务不好，太差了", ("不好", "太差")),
        ("This is not good. Rude people!", ("not good", "rude")),
        ("谢谢，非常好", ()),
        ("我的订单号是 A20261121-553", ()),
    ],
)
def test_IN_12_the_words_of_discontent_are_told_as_they_were_said(text: str, words: tuple[str, ...]) -> None:
    assert heard(text) == words


def test_IN_12_a_flood_of_anger_is_told_by_a_few_words_each_once() -> None:
    assert len(heard("垃圾，恶劣，垃圾，太差，恶心，骗子，气死我，失望，糟糕，难吃")) == 5


def test_IN_12_S10_the_case_that_it_opens_and_the_one_that_it_joins_tell_them() -> None:
    angry = contact("退款拖了一个月，态度恶劣，再也不买了", id="c2", rating=1)
    for state in (None, opened("退款多久到账")):
        (event, *_) = arrive(state, angry, NOW).events
        assert isinstance(event, CaseOpened | CaseContactAdded)
        assert event.sentiment is not None
        assert (event.sentiment.label, event.sentiment.heard) == ("strong_negative", ("拖了", "恶劣", "再也不"))


def test_PF_1_they_are_marked_as_the_customers_own_words() -> None:
    assert "sentiment.heard[]" in personal_fields(CaseOpened)
