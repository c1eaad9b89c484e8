from datetime import UTC, datetime

import pytest

from services.intake.domain.query import Cursor, number_in, read
from tests.unit.intake.given import RULES, refusal


@pytest.mark.parametrize("q", ["7KQ4-M2XD", "7kq4m2xd", "7kq4-m2xd", "7KQ4 M2XD"])
def test_a_case_number_is_understood_in_any_spelling(q: str) -> None:
    assert read(q, RULES).number == "7KQ4-M2XD"


def test_letters_that_look_like_digits_are_taken_for_them() -> None:
    assert number_in("oi1l-m2xd") == "0111-M2XD"
    assert number_in("退款") == number_in("7KQ4-M2XDD") == number_in("refundUU") == ""


@pytest.mark.parametrize("q", ["13800138000", "138 0013 8000", "+86 138-0013-8000", "+8613800138000"])
def test_IN_3_a_phone_is_understood_in_any_spelling(q: str) -> None:
    assert "phone:+8613800138000" in read(q, RULES).points


def test_IN_3_a_mail_address_or_an_id_of_an_app_may_be_what_is_meant() -> None:
    assert "email:wang@example.com" in read("Wang@Example.com", RULES).points
    assert "app:app-s8" in read("app-s8", RULES).points
    assert read("退款", RULES).points == read("refund please", RULES).points == ()


@pytest.mark.parametrize("q", ["新", "the", "of a", "!?", "   x "])
def test_what_names_nothing_is_refused_and_says_what_to_say(q: str) -> None:
    refused = refusal(lambda: read(q, RULES))
    assert (refused.status, refused.field, refused.code) == (422, "q", "too_short")


def test_a_cursor_comes_back_as_it_was_given() -> None:
    cursor = Cursor(datetime(2026, 11, 22, 9, 0, 0, 123000, tzinfo=UTC), "7KQ4-M2XD")
    assert Cursor.read(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["x", "1.", ".7KQ4-M2XD", "-1.7KQ4-M2XD", "1e3.7KQ4-M2XD", "²3.7KQ4-M2XD", "9" * 15 + ".7KQ4-M2XD"]
)
def test_a_cursor_that_nobody_gave_out_is_refused(text: str) -> None:
    refused = refusal(lambda: Cursor.read(text))
    assert (refused.status, refused.field) == (422, "after")
