import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import CategoriesFile
from tests.unit.intake.given import RULES

SHIPPED = Path(__file__).parents[3] / "services" / "intake" / "rules"
DOCUMENTS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in SHIPPED.glob("*.yaml")}


def parsed(change: Any) -> Rules:
    documents = copy.deepcopy(DOCUMENTS)
    change(documents)
    return Rules.parse(documents)


def complaint(change: Any) -> str:
    with pytest.raises(ValidationError) as error:
        parsed(change)
    first = error.value.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


@pytest.mark.parametrize("name", ["技术故障", "产品咨询", "退换货", "投诉建议", "物流查询", "账户异常", "支付问题"])
def test_IN_19_the_shipped_tree_knows_the_first_levels(name: str) -> None:
    assert name in [top.name for top in RULES.categories.categories]


def test_IN_5_the_shipped_tree_knows_the_example_of_the_contract() -> None:
    assert RULES.categories.resolve(("支付问题", "退款异常", "重复扣款")) == ("支付问题", "退款异常", "重复扣款")


def test_every_category_has_an_english_name_by_which_it_is_found() -> None:
    assert RULES.categories.resolve(("payments", "Refunds", "Charged twice")) == ("支付问题", "退款异常", "重复扣款")


def test_a_path_outside_the_tree_is_not_resolved_and_the_choices_are_named() -> None:
    assert RULES.categories.resolve(("支付问题", "占星")) is None
    assert "退款异常" in RULES.categories.choices(("支付问题", "占星"))


def test_version_names_all_files() -> None:
    assert parsed(lambda d: d["words"].update(version="7")).version != RULES.version


def _first_keywords(documents: Any) -> list[Any]:
    return documents["categories"]["categories"][0]["children"][0]["keywords"]  # type: ignore[no-any-return]


def test_a_keyword_in_two_places_is_an_error_that_names_both() -> None:
    message = complaint(lambda d: _first_keywords(d).append("保修"))
    assert message.startswith("categories")
    assert "退款异常" in message
    assert "保修政策" in message


def test_a_keyword_in_two_places_of_opposite_mood_is_allowed() -> None:
    assert parsed(lambda d: None).categories.leaves


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        (lambda d: d["words"].update(surprise=1), "words.surprise", "not permitted"),
        (lambda d: d["lifecycle"].pop("auto_close_after_h"), "lifecycle.auto_close_after_h", "required"),
        (lambda d: d.pop("sentiment"), "sentiment", "required"),
        (lambda d: _first_keywords(d).append(False), "categories.categories.0.children.0.keywords", "quotes"),
        (lambda d: _first_keywords(d).append("a + "), "categories.categories.0.children.0.keywords", "every part"),
        (lambda d: d["categories"].update(fallback=["支付问题", "占星"]), "categories", "not in the tree"),
        (lambda d: d["priorities"]["rules"].pop(), "priorities", "without conditions"),
        (lambda d: d["priorities"]["rules"][0].update(priority="P9"), "priorities.rules.0.priority", "P0"),
        (lambda d: d["lifecycle"].update(max_contacts=5000), "lifecycle.max_contacts", "300"),
        (lambda d: d["lifecycle"]["facts_needed"][0].update(category=["占星"]), "", "not in categories"),
        (lambda d: d["sentiment"]["words"].update({3: ["垃圾"], -4: ["垃圾"]}), "sentiment", "two strengths"),
        (lambda d: d["categories"].update(version=""), "categories.version", "at least 1"),
    ],
)
def test_PF_4_wrong_rules_are_refused_naming_file_and_field(change: Any, field: str, says: str) -> None:
    message = complaint(change)
    assert message.startswith(field)
    assert says in message


def test_numbers_in_word_lists_are_words() -> None:
    assert "12315" in RULES.words.kinds["complaint"]


def test_kind_and_mood_come_down_the_tree_and_weight_does_not() -> None:
    tree = {
        "version": "1",
        "fallback": ["a", "b"],
        "categories": [
            {"name": "a", "en": "A", "kind": "fault", "children": [
                {"name": "b", "en": "B", "mood": "negative", "weight": 0.5, "keywords": ["x"], "children": [
                    {"name": "c", "en": "C", "kind": "request", "keywords": ["y"]},
                ]},
            ]},
        ],
    }  # fmt: skip
    second, third = CategoriesFile.model_validate(tree).leaves
    assert (second.kind, second.mood, second.weight, second.second) == ("fault", "negative", 0.5, 0)
    assert (third.kind, third.mood, third.weight, third.second) == ("request", "negative", 1.0, 0)
    assert third.path == ("a", "b", "c")
