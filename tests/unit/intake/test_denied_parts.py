"""A negation denies only what stands in its own part of a sentence: risks (IN-7), impact, complaints (IN-19)."""

import pytest

from services.intake.domain.keywords import unify, unify_parts
from tests.unit.intake.given import opened


@pytest.mark.parametrize(
    ("subject", "text"),
    [("无", "着火了"), ("没有", "着火了，快来人"), ("No", "Smoke everywhere"), ("-", "no\rSmoke everywhere")],
)
def test_IN_7_a_subject_denies_no_danger_in_the_text(subject: str, text: str) -> None:
    assert opened(text, subject=subject).priority == "P0"


@pytest.mark.parametrize(
    "text",
    [
        "Is it safe to use? No\n\nSmoke everywhere", "Turned off? no\nSmoke: yes", "人员伤亡：无\n起火：是",
        "Off\tno\tSmoke\tyes", "设备还能用吗：不\r\n冒烟严重", "safe to use: no\u2028smoke",
    ],
)  # fmt: skip
def test_IN_7_an_answer_denies_no_danger_on_the_next_line_or_in_the_next_cell(text: str) -> None:
    assert opened(text).priority == "P0"


@pytest.mark.parametrize(
    "text", ["是否已断电：无 冒烟：有", "不能 冒烟了", "是否已断电：无-冒烟：有", "已断电：无　冒烟：有"]
)
def test_IN_7_a_blank_between_chinese_words_ends_what_is_denied(text: str) -> None:
    assert opened(text).priority == "P0"


@pytest.mark.parametrize(
    "text", ["Safe: no - smoke and fire", "safe: no -- smoke", "safe: no--smoke", "safe: no- smoke"]
)
def test_IN_7_a_dash_ends_what_is_denied(text: str) -> None:
    assert opened(text).priority == "P0"


@pytest.mark.parametrize(
    "text", ["设备坏了\n没有冒烟", "It is broken\nno  smoke", "no-smoke zone question", "not a sign of smoke"]
)
def test_IN_7_what_a_line_denies_itself_stays_denied(text: str) -> None:
    assert opened(text).priority != "P0"


@pytest.mark.parametrize(
    ("subject", "text"), [("无", "投诉你们的快递员"), (None, "还没好\n要投诉"), (None, "你们并不负责任")]
)
def test_IN_19_a_complaint_is_heard_behind_what_is_denied_elsewhere(subject: str | None, text: str) -> None:
    assert opened(text, subject=subject).kind == "complaint"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("收银系统并不能使用了", "business-stopped"),
        ("系统并不能使用", "user-stopped"),
        ("都不是无法使用的问题", "user-stopped"),
        ("款并没到账", "fault"),
    ],
)
def test_IN_7_a_word_that_holds_its_own_negation_is_not_denied(text: str, rule: str) -> None:
    assert opened(text).priority_reason.rule == rule


def test_IN_17_what_a_word_of_not_wanting_runs_into_is_not_wanted() -> None:
    assert (opened("不要退款").demand, opened("不要退款，要换货").demand) == (None, "exchange")


@pytest.mark.parametrize(
    ("text", "unified", "ends"),
    [
        ("No\n\n smoke - and\tfire", ("no", "smoke", "and", "fire"), (2, 8, 12)),
        ("\n\n", (), ()),
        ("\nno-smoke\n", ("no smoke",), ()),
        ("ＡＢ－ ①\r\nÉ", ("ab", "1", "é"), (2, 4)),
    ],
)
def test_a_text_is_unified_the_same_with_and_without_the_places_where_its_parts_end(
    text: str, unified: tuple[str, ...], ends: tuple[int, ...]
) -> None:
    assert unify_parts(text) == (" ".join(unified), ends)
    assert unify(text) == " ".join(unified)
