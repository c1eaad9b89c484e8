from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.tokens import MOST_TOKENS, asked, tokens, words


def test_IN_9_whatever_two_signs_a_chinese_text_holds_are_found() -> None:
    text = "一体机开不了机，请派工程师上门"
    found = set(tokens(text))
    for start in range(6):
        for end in range(start + 2, 8):
            assert set(asked(text[start:end])) <= found
    assert not set(asked("机请")) <= found, "signs with a stop between them are no word"


def test_IN_9_english_words_are_found_in_any_case_and_number() -> None:
    found = set(tokens("The Refunds for my POLICIES aren't here"))
    for q in ("refund", "REFUNDS", "policy", "refund policies", "the refund"):
        assert set(asked(q)) <= found, q
    assert not set(asked("refund invoice")) <= found


def test_IN_9_a_code_is_found_with_and_without_its_dashes_and_only_as_a_whole() -> None:
    found = set(tokens("订单A20261121-553退款，序列号 SN7Q-4M2X"))
    for q in ("A20261121-553", "a20261121553", "sn7q-4m2x", "SN7Q4M2X", "订单A20261121-553"):
        assert set(asked(q)) <= found, q
    for q in ("A20261121-554", "2026112155", "SN7Q-4M2Y", "7Q-4M2X"):
        assert not set(asked(q)) <= found, q
    assert set(asked("SN7Q-4M2X")) <= set(tokens("序列号SN7Q4M2X")), "however it was said"


def test_full_width_signs_are_the_same_as_narrow_ones() -> None:
    assert tokens("Ｒ６路由器　ＷｉＦｉ") == tokens("r6路由器 wifi")


def test_fillers_and_single_signs_ask_for_nothing() -> None:
    assert asked("the of a 新 x ！？") == ()


def test_codes_say_who_it_is_about_and_not_what() -> None:
    assert words(tokens("订单 A20261121-553 退款")) == {"订单", "退款", "553"}


@given(st.text(max_size=400))
def test_any_text_has_tokens_in_which_its_own_words_are_found(text: str) -> None:
    found = tokens(text)
    assert len(found) == len(set(found)) <= MOST_TOKENS
    assert all(set(asked(piece)) <= set(found) for piece in text.split())


def test_a_long_text_has_a_bounded_number_of_tokens() -> None:
    assert len(tokens(" ".join(f"word{n}" for n in range(5_000)))) == MOST_TOKENS
