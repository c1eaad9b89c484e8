"""Staff searches the knowledge base in either language, and reads what it finds in that one (IN-21, IN-22)."""

import pytest

from services.intake.api_ask import behind
from services.intake.domain.knowledge import Found, Library, whole
from shared.http import Problem
from tests.unit.intake.given import RULES

LIBRARY = Library(RULES.knowledge.entries)


def first(q: str, **by: str | None) -> Found:
    wanted: dict[str, str | None] = {"kind": None, "language": None, "product": None, **by}
    return LIBRARY.search(q, wanted["kind"], wanted["language"], wanted["product"])[0]


@pytest.mark.parametrize(
    ("q", "id_", "language"),
    [
        ("路由器 重置", "router-r6-reset", "zh"),
        ("reset to factory", "router-r6-reset", "en"),
        ("退货 七天", "law-seven-days", "zh"),
        ("refund days", "refund-when", "en"),
        ("router-r6-reset", "router-r6-reset", "en"),
    ],
)
def test_IN_21_an_entry_is_found_and_read_in_the_language_of_the_question(q: str, id_: str, language: str) -> None:
    assert (first(q).entry.id, first(q).language) == (id_, language)


@pytest.mark.parametrize("kind", ["product_model", "frequent_problem", "solution", "law"])
def test_IN_21_each_of_the_four_kinds_can_be_searched_alone(kind: str) -> None:
    found = LIBRARY.search("", kind, None, None)
    assert found
    assert {one.entry.kind for one in found} == {kind}


def test_IN_22_a_found_entry_shows_its_steps_with_results_and_its_options_weighed() -> None:
    shown = whole(first("WiFi经常掉线"), "zh")
    assert all(step["do"] and step["expect"] for step in shown["steps"])
    assert shown["options"]
    assert all(option["pros"] and option["cons"] and option["cost"] and option["when"] for option in shown["options"])


def test_IN_21_pages_follow_each_other_without_a_gap_or_a_repeat() -> None:
    found = LIBRARY.search("", None, None, None)
    pages: list[str] = []
    while page := behind(found, pages[-1] if pages else "")[:5]:
        pages += [item["id"] for item in page]
    assert pages == [one.entry.id for one in found]


def test_IN_21_a_place_that_was_retired_meanwhile_is_refused_and_named() -> None:
    with pytest.raises(Problem) as refused:
        behind(LIBRARY.search("", None, None, None), "retired-meanwhile")
    assert (refused.value.status, refused.value.type, refused.value.field) == (422, "bad_cursor", "after")
    assert "retired-meanwhile" in refused.value.detail
