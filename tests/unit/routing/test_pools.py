import pytest

from services.routing.domain.pools import language_of, level_wanted, place, skill_named, skill_of, skill_of_pool
from services.routing.domain.rules import Rules
from tests.unit.routing.makers import RULES


@pytest.mark.parametrize(
    ("category", "skill"),
    [
        (("技术故障", "硬件故障"), "technical"),
        (("产品咨询",), "product"),
        (("退换货", "换货", "质量问题"), "returns"),
        (("投诉建议",), "complaints"),
        (("物流查询", "物流延误"), "logistics"),
        (("账户异常",), "accounts"),
        (("支付问题", "退款异常", "重复扣款"), "payments"),
        (("其他",), "general"),
        ((), "general"),
    ],
)
def test_RT_1_every_branch_of_the_tree_leads_to_a_skill_group(category: tuple[str, ...], skill: str) -> None:
    assert skill_of(category, RULES) == skill


def test_the_longest_path_that_is_named_decides() -> None:
    raw = RULES.model_dump(mode="json")
    raw["pools"]["categories"]["支付问题 / 发票"] = "accounts"
    rules = Rules.parse(raw)
    assert skill_of(("支付问题", "发票", "抬头错误"), rules) == "accounts"
    assert skill_of(("支付问题", "退款异常"), rules) == "payments"


def test_RT_1_the_more_urgent_the_more_skilled() -> None:
    levels = [level_wanted(priority, "question", RULES) for priority in ("P3", "P2", "P1", "P0")]
    assert levels == sorted(levels)
    assert levels[0] < levels[-1]


def test_a_complaint_is_never_left_to_a_beginner() -> None:
    assert level_wanted("P3", "complaint", RULES) == RULES.pools.kinds["complaint"]
    assert level_wanted("P0", "complaint", RULES) == RULES.pools.levels["P0"]


@pytest.mark.parametrize(
    ("language", "served"), [("zh", "zh"), ("zh-CN", "zh"), ("ZH_tw", "zh"), ("es", "es"), ("fi", "en"), ("", "en")]
)
def test_RT_7_a_case_is_served_in_its_language_or_the_one_that_stands_in(language: str, served: str) -> None:
    assert language_of(language, RULES) == served


def test_a_pool_is_a_skill_in_a_language() -> None:
    where = place(("支付问题",), "request", "P1", "zh-CN", RULES)
    assert (where.pool, where.level) == ("payments.zh", 3)
    assert skill_of_pool(where.pool) == ("payments", "zh")


@pytest.mark.parametrize("name", ["logistics", "logistics.zh", "Logistics", " 物流查询 "])
def test_a_group_is_understood_by_any_of_its_names(name: str) -> None:
    assert skill_named(name, RULES) == "logistics"


def test_an_unknown_group_is_not_guessed() -> None:
    assert skill_named("logistic", RULES) is None
    assert skill_named("", RULES) is None
