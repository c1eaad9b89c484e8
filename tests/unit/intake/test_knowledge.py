from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from services.intake.domain.approve import Approved, approve, retire
from services.intake.domain.findable import about
from services.intake.domain.knowledge import Library, brief, whole
from services.intake.domain.rules_knowledge import KnowledgeFile
from shared.events.feedback import KnowledgeApproved, KnowledgeRetired
from tests.unit.intake.given import NOW, RULES, opened

SHIPPED = RULES.knowledge.entries
LIBRARY = Library(SHIPPED)
STEPS = {"steps": [{"do": "重启", "expect": "恢复"}]}


def approved(**fields: Any) -> KnowledgeApproved:
    told = {
        "knowledge_id": "screen-line", "version": 1, "kind": "solution", "language": "zh", "title": "电视屏幕有黑线",
        "scenario": "屏幕出现固定的黑线", "questions": ["电视有一条黑线怎么办"], "audience": "all", **STEPS, **fields,
    }  # fmt: skip
    return KnowledgeApproved.model_validate(told)


def test_IN_21_knowledge_of_all_four_kinds_is_shipped_in_both_languages() -> None:
    assert {entry.kind for entry in SHIPPED} == {"product_model", "frequent_problem", "solution", "law"}
    assert len(SHIPPED) >= 12
    assert all({"zh", "en"} <= set(entry.texts) for entry in SHIPPED)


def test_IN_21_shipped_knowledge_belongs_to_categories_of_the_tree() -> None:
    paths = {path for entry in SHIPPED for path in entry.categories}
    assert {path for path in paths if RULES.categories.resolve(path) != path} == set()


def test_IN_22_a_solution_is_held_as_steps_with_what_to_expect_and_weighed_options() -> None:
    entry = LIBRARY.entries["pos-e500-no-power"].texts["zh"]
    assert entry.steps
    assert all(step.do and step.expect for step in entry.steps)
    assert all(option.pros and option.cons and option.cost and option.when for option in entry.options)
    assert len(entry.options) >= 2


@pytest.mark.parametrize(
    ("question", "id_"),
    [
        ("路由器R6怎么重置", "router-r6-reset"),
        ("家里WiFi连不上了怎么办", "router-offline"),
        ("E500开不了机", "pos-e500-no-power"),
        ("我的退款什么时候到", "refund-when"),
        ("发票抬头错误，请更正", "invoice-correction"),
        ("假一赔三", "law-fraud"),
        ("How do I reset my router?", "router-r6-reset"),
        ("I forgot my password", "password-forgotten"),
        ("the register does not turn on", "pos-e500-no-power"),
        ("my tracking has not updated in 3 days", "parcel-stuck"),
    ],
)
def test_IN_11_a_frequent_question_is_answered_surely_in_both_languages(question: str, id_: str) -> None:
    found = LIBRARY.answer(question)
    assert found is not None
    assert found.entry.id == id_
    assert found.score >= RULES.ask.sure_from


@pytest.mark.parametrize(
    "question",
    ["今天天气怎么样", "怎么加盟你们", "能开增值税专用发票吗", "怎么修改收货地址", "what are your opening hours",
     "do you ship to Canada", "is this product vegan", "", "!!!"],
)  # fmt: skip
def test_IN_11_what_the_base_does_not_hold_is_never_sure(question: str) -> None:
    found = LIBRARY.answer(question)
    assert found is None or found.score < RULES.ask.sure_from


def test_an_entry_of_one_model_is_not_offered_for_another() -> None:
    """FB-22: knowledge is bound to versions and models."""
    found = LIBRARY.answer("路由器R7怎么重置")
    assert found is None or found.entry.products == ()


def test_IN_9_knowledge_is_suggested_for_a_case_with_version_and_scenario() -> None:
    case = opened("你好，我家的一体机E500今天早上突然开不了机了，按电源键没有反应，门店还在营业，请尽快处理")
    found = LIBRARY.suggested(about(case), case.category, RULES.ask.suggest_from)
    told = brief(found[0], case.language)
    assert (told.id, told.version, told.language) == ("pos-e500-no-power", 1, "zh")
    assert told.scenario == "按电源键没有反应，或停在启动画面"


def test_IN_9_an_entry_of_the_cases_own_category_comes_first() -> None:
    library = Library(
        [
            approve(None, NOW, event=approved(knowledge_id=name, categories=[path])).state.entry
            for name, path in (("a", ["支付问题", "充值"]), ("b", ["技术故障", "硬件故障"]))
        ]
    )
    case = opened("电视屏幕有一条黑线怎么办")
    assert [one.entry.id for one in library.suggested(about(case), ("技术故障", "硬件故障", "屏幕故障"), 0.1)] == [
        "b",
        "a",
    ]


def test_IN_21_staff_finds_entries_by_words_kind_language_and_product() -> None:
    assert LIBRARY.search("针按住背面", None, None, None)[0].entry.id == "router-r6-reset"
    assert {one.entry.kind for one in LIBRARY.search("", "law", None, None)} == {"law"}
    assert {one.entry.id for one in LIBRARY.search("", None, "en", "e500")} == {"pos-e500-no-power", "product-e500"}
    assert LIBRARY.search("", None, "fr", None) == []
    assert len(LIBRARY.search("", None, None, None)) == len(SHIPPED)
    assert whole(LIBRARY.search("warranty", None, "en", None)[0], "en")["title"] == "Warranty and its extension"


def test_S10_what_was_approved_is_offered_with_its_version_and_a_newer_version_takes_its_place() -> None:
    first = approve(None, NOW, event=approved()).state
    found = Library(SHIPPED, [first]).answer("电视有一条黑线怎么办")
    assert found is not None
    assert (found.entry.id, found.entry.version) == ("screen-line", 1)
    second = approve(first, NOW, event=approved(version=2, title="电视黑线：更换屏幕")).state
    assert approve(second, NOW, event=approved()).state is second, "an older version comes late"
    assert Library(SHIPPED, [second]).entries["screen-line"].texts["zh"].title == "电视黑线：更换屏幕"


def test_S10_an_approved_entry_replaces_a_shipped_one_only_with_a_version_that_is_not_lower() -> None:
    lower = approve(None, NOW, event=approved(knowledge_id="router-r6-reset", version=1)).state
    assert Library(SHIPPED, [lower]).entries["router-r6-reset"].version == 2
    higher = approve(None, NOW, event=approved(knowledge_id="router-r6-reset", version=3)).state
    assert Library(SHIPPED, [higher]).entries["router-r6-reset"].version == 3


def test_the_same_version_in_another_language_is_added() -> None:
    zh = approve(None, NOW, event=approved()).state
    both = approve(zh, NOW, event=approved(language="en", title="A black line on the screen")).state
    assert set(both.entry.texts) == {"zh", "en"}


def test_what_was_retired_is_offered_no_more_and_does_not_come_back() -> None:
    known = approve(None, NOW, event=approved()).state
    gone = retire(known, NOW, event=KnowledgeRetired(knowledge_id="screen-line", version=1)).state
    assert "screen-line" not in Library(SHIPPED, [gone]).entries
    assert approve(gone, NOW, event=approved()).state is gone
    again = approve(gone, NOW, event=approved(version=2)).state
    assert retire(again, NOW, event=KnowledgeRetired(knowledge_id="screen-line", version=1)).state is again
    shipped = Approved(id="warranty", version=1)
    assert "warranty" not in Library(SHIPPED, [shipped]).entries


ENTRY = """
version: "1"
entries:
  - {id: a, version: 1, kind: law, texts: {zh: {title: t, scenario: s, body: b}}}
"""


@pytest.mark.parametrize(
    ("was", "becomes", "where"),
    [
        ("kind: law", "kind: gossip", "kind"),
        ("version: 1, kind", "version: 0, kind", "version"),
        (", body: b", "", "zh"),
        ("body: b", "steps: [{do: x}]", "expect"),
        ("body: b", "steps: [{do: x, expect: y, hope: z}]", "hope"),
        ("id: a", "id: A b", "id"),
        ("zh:", "Chinese:", "Chinese"),
    ],
)
def test_PF_4_an_entry_that_can_not_be_used_is_refused_and_named(was: str, becomes: str, where: str) -> None:
    KnowledgeFile.model_validate(yaml.safe_load(ENTRY))
    with pytest.raises(ValidationError) as error:
        KnowledgeFile.model_validate(yaml.safe_load(ENTRY.replace(was, becomes, 1)))
    assert where in [str(step) for fault in error.value.errors() for step in fault["loc"]]


def test_PF_4_two_entries_with_one_id_are_refused() -> None:
    document = yaml.safe_load(ENTRY)
    document["entries"] *= 2
    with pytest.raises(ValidationError, match="same id: a"):
        KnowledgeFile.model_validate(document)
