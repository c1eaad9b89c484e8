"""FB-6: the month in words and as a table says what its figures say."""

import csv
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback.domain.figures import Group, Sums, figures
from services.feedback.domain.findings import findings
from services.feedback.domain.report import Day, Improvements, Report, rows
from services.feedback.pages import report as page
from services.feedback.reports import plain, table


def group(key: str, taken: int = 10, stars: float = 40.0, answered: int = 10) -> Group:
    return Group(key, figures(Sums(taken=taken, resolved=taken, asked=answered, answered=answered, stars=stars)))


def month(**changes: Any) -> Report:
    whole = Sums(
        taken=20, resolved=18, first_contact=9, promised=20, kept=19, asked=20, answered=10, stars=40, satisfied=8
    )
    told: dict[str, Any] = {
        "month": "2026-11", "zone": "Asia/Shanghai", "whole": figures(whole), "before": figures(Sums(taken=16)),
        "categories": (group("支付问题 / 退款异常", 12), group("物流查询", 8)), "days": (Day("2026-11-01", 20, 18),),
        "stars": (1, 0, 1, 4, 4), "teams": (group("支付组", stars=45.0), group("物流组", stars=35.0)), "agents": (),
        "improvements": Improvements(opened=2, closed=1, open=1, overdue=1),
    }  # fmt: skip
    return Report(**told | changes)


def said(report: Report, language: str = "zh") -> str:
    return "\n".join(findings(report, language, few=5))


def test_FB_6_the_findings_say_what_came_how_it_went_and_what_is_to_do():
    text = said(month())
    for words in (
        "受理 20 件",
        "增加 25%",
        "支付问题 / 退款异常",
        "60%",
        "均值 4.0",
        "80%",
        "物流组（3.5）",
        "95%",
        "1 件逾期",
    ):
        assert words in text
    english = said(month(), "en")
    for words in ("20 cases", "+25%", "4.0 of 5", "lowest in 物流组 (3.5)", "1 of them overdue"):
        assert words in english


def test_FB_6_few_answers_prove_nothing():
    few = figures(Sums(taken=20, answered=4, stars=4, asked=20))
    assert "不足以得出结论" in said(month(whole=few))
    assert "too few" in said(month(whole=few), "en")
    assert "物流组" not in said(month(teams=(group("支付组"), group("物流组", answered=4, stars=4.0))))


def test_FB_6_a_month_that_follows_none_is_compared_with_none():
    assert "上月无数据" in said(month(before=figures(Sums())))


EMPTY = {"whole": figures(Sums()), "days": (Day("2026-11-01"),), "improvements": Improvements(open=1), "categories": ()}


@pytest.mark.parametrize(
    "happened",
    [
        {"answers_in": 1},
        {"improvements": Improvements(opened=1)},
        {"improvements": Improvements(closed=1)},
        {"days": (Day("2026-11-01", closed=1),)},
    ],
)
def test_FB_6_a_month_in_which_anything_happened_is_shown(happened: dict[str, Any]):
    assert month(**EMPTY).is_empty
    assert not month(**EMPTY | happened).is_empty
    assert "本月没有工单" not in bytes(page("zh", month(**EMPTY | happened)).body).decode()


def test_FB_7_the_page_shows_how_easy_it_was():
    html = bytes(page("en", month(whole=figures(Sums(taken=1, effort=7, efforts=2)))).body).decode()
    assert "<span>CES, of 5</span><b>3.5</b>" in html


def test_FB_6_the_page_shows_what_customers_and_agents_are_called_as_text():
    html = bytes(page("zh", month(teams=(group("<script>x</script>"),))).body).decode()
    assert "&lt;script&gt;" in html
    assert "<script" not in html


def test_FB_6_the_table_holds_each_value_of_the_json_and_no_formula():
    report = month(teams=(group("=cmd()"), group("物流组")))
    lines = {line["field"]: line["value"] for line in csv.DictReader(table(report).splitlines())}
    expected = {path: "" if value is None else str(value) for path, value in rows(plain(report))}
    assert lines == expected | {"teams.1.key": "'=cmd()"}
    assert lines["improvements.overdue"] == "1"


VALUES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
)


@given(VALUES)
def test_every_value_has_a_line_of_its_own(value: Any):
    paths = [path for path, _ in rows(value)]
    assert len(paths) == len(set(paths))
