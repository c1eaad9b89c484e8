import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.keywords import Keywords, Scanner, parts_of, unify


def found(text: str, *keywords: str, ignore: tuple[str, ...] = ()) -> set[str]:
    table = Keywords((keyword, keyword) for keyword in keywords)
    return table.values(Scanner(table.parts, ignore).scan(text))


@pytest.mark.parametrize("text", ["退款到账了吗", "我要退款", "ＡＢＣ退款"])
def test_chinese_is_found_anywhere(text: str) -> None:
    assert found(text, "退款") == {"退款"}


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("My PIN is blocked", True),
        ("pins", True),
        ("spinning", False),
        ("pinned", False),
        ("我的PIN码", True),
        ("pin.", True),
    ],
)
def test_english_is_found_as_a_whole_word_or_its_plural(text: str, hit: bool) -> None:
    assert (found(text, "pin") == {"pin"}) is hit


@pytest.mark.parametrize("text", ["refund", "Refunded", "refunds!", "they are REFUNDING it"])
def test_a_star_finds_the_beginning_of_a_word(text: str) -> None:
    assert found(text, "refund*") == {"refund*"}


def test_a_star_does_not_reach_into_the_middle_of_a_word() -> None:
    assert found("prerefund", "refund*") == set()


@pytest.mark.parametrize("text", ["top up", "top-up", "Top\n  UP", "top‐up".replace("‐", "-")])
def test_hyphens_and_white_space_make_no_difference(text: str) -> None:
    assert found(text, "top-up") == {"top-up"}


def test_joined_parts_count_only_together_and_in_any_order() -> None:
    keyword = "card + arriv* + not"
    assert found("it has not arrived, the card", keyword) == {keyword}
    assert found("the card arrived", keyword) == set()


def test_a_word_inside_a_longer_ignored_phrase_is_not_there() -> None:
    assert found("不急，慢慢来", "急", ignore=("不急",)) == set()
    assert found("不急？很急！", "急", ignore=("不急",)) == {"急"}


def test_an_ignored_phrase_may_be_a_keyword_itself() -> None:
    assert found("请尽快", "尽快", "快", ignore=("尽快",)) == {"尽快"}


@pytest.mark.parametrize("keyword", ["", "  ", "a + ", "*", "a*b", "+"])
def test_a_keyword_without_letters_is_an_error(keyword: str) -> None:
    with pytest.raises(ValueError, match="keyword"):
        parts_of(keyword)


@given(st.text(max_size=200), st.text(alphabet="abc 退款*+", min_size=1, max_size=8))
def test_any_text_can_be_scanned(text: str, extra: str) -> None:
    table = Keywords([("退款", 1), ("refund*", 2), ("a + b", 3)])
    scan = Scanner(table.parts).scan(text + extra)
    assert all(scan.text[hit.start : hit.end] == hit.part.rstrip("*") for hit in scan.hits)


@given(st.text(max_size=100))
def test_unify_is_stable(text: str) -> None:
    assert unify(unify(text)) == unify(text)


def test_joined_parts_far_from_each_other_do_not_count() -> None:
    keyword = "card + lost"
    assert found("my card is lost", keyword) == {keyword}
    assert found(f"my card {'and so on ' * 20} lost", keyword) == set()
