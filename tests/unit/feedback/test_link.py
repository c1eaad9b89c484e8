"""FB-1: the link of a survey can't be made up, and names its case without a look-up."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.feedback.domain.link import LENGTH, Links, read_token, token_of

SECRET, OTHER = b"s" * 32, b"o" * 32
CASES = st.uuids().map(str)
NUMBERS = st.integers(1, 255)
POSITIONS = st.integers(0, LENGTH - 1)
SIGNS = st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(CASES, NUMBERS)
def test_FB_1_a_link_says_which_case_and_which_survey(case: str, nth: int):
    token = token_of(SECRET, case, nth)
    assert len(token) == LENGTH
    assert read_token(SECRET, token) == (case, nth)
    assert read_token(OTHER, token) is None


@given(CASES, NUMBERS, POSITIONS, SIGNS)
def test_FB_1_a_link_with_any_sign_changed_is_forged(case: str, nth: int, place: int, sign: str):
    token = token_of(SECRET, case, nth)
    forged = token[:place] + sign + token[place + 1 :]
    assert (read_token(SECRET, forged) is None) == (forged != token)


def test_FB_1_a_link_is_written_in_one_way_only():
    token = next(t for n in range(1, 256) if "-" in (t := token_of(SECRET, str(UUID(int=7)), n)))
    assert read_token(SECRET, token) is not None
    assert read_token(SECRET, token.replace("-", "+")) is None


@given(st.text(max_size=60))
def test_FB_1_whatever_comes_as_a_token_is_read_or_refused(text: str):
    assert read_token(SECRET, text) is None


def test_the_secret_is_in_no_log():
    links = Links("https://care.example", SECRET)
    assert "sss" not in repr(links)
    assert links.url(str(UUID(int=1)), 1).startswith("https://care.example/s/")
