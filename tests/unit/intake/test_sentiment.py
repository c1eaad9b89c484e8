import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.sentiment import sentiment
from tests.unit.intake.given import RULES


def score(text: str, **more: object) -> float:
    return sentiment(RULES.scanner.scan(text), RULES, **more).score  # type: ignore[arg-type]


def label(text: str, **more: object) -> str:
    return sentiment(RULES.scanner.scan(text), RULES, **more).label  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("很好，非常满意，谢谢", "positive"), ("服务不错", "positive"), ("excellent service, thank you", "positive"),
        ("味道不好吃", "negative"), ("I am not happy with this", "negative"), ("送餐好慢", "negative"),
        ("退款拖了一个月，态度恶劣，再也不买了", "strong_negative"),
        ("This is outrageous, the worst, disgusting", "strong_negative"),
        ("请问营业时间", "neutral"), ("Where is my card?", "neutral"), ("没有问题", "neutral"),
        ("差不多三点到", "neutral"),
    ],
)  # fmt: skip
def test_IN_12_feeling_in_two_languages(text: str, expected: str) -> None:
    assert label(text) == expected


@pytest.mark.parametrize(
    ("plain", "negated"), [("满意", "不满意"), ("好吃", "不好吃"), ("happy", "not happy"), ("good", "not good")]
)
def test_IN_12_a_negation_turns_it_round(plain: str, negated: str) -> None:
    assert score(plain) > 0 > score(negated)


@pytest.mark.parametrize(
    ("weak", "strong"), [("有点慢", "慢"), ("慢", "非常慢"), ("bad", "very bad"), ("a bit slow", "slow")]
)
def test_IN_12_words_of_degree_count(weak: str, strong: str) -> None:
    assert score(strong) < score(weak) < 0


def test_IN_12_a_negation_ends_with_its_clause() -> None:
    assert score("不，很好") > 0
    assert score("没有餐具，好吃") > score("没有餐具不好吃")


def test_IN_12_a_rating_is_a_word_too() -> None:
    assert score("送到了", rating=1) < 0 < score("送到了", rating=5)


def test_IN_12_telephony_may_have_heard_worse() -> None:
    assert label("请帮我查一下", voice={"sentiment": -0.9}) == "strong_negative"
    assert score("气死我了", voice={"sentiment": 0.5}) < 0
    assert label("请帮我查一下", voice={"sentiment": "loud"}) == "neutral"


@given(st.text(alphabet="好差不很慢快太满意，。 goodbadnot", max_size=300), st.integers(0, 10))
def test_IN_12_the_score_stays_between_minus_one_and_one(text: str, rating: int) -> None:
    assert -1 <= score(text, rating=rating) <= 1
