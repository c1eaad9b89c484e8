import pytest

from services.intake.domain.prioritise import more_urgent, prioritise
from services.intake.domain.understand import understand
from shared.events.cases import PriorityReason
from tests.unit.intake.given import RULES, contact


def priority(text: str, tier: str | None = None) -> tuple[str, PriorityReason]:
    said = understand(contact(text), RULES)
    return prioritise(said.gravity, tier=tier, feeling=said.sentiment, kind=said.classification.kind, rules=RULES)


def test_IN_7_p0_when_a_region_cannot_take_payments() -> None:
    level, reason = priority("系统崩溃，上海所有门店无法使用，不能收款")
    assert level == "P0"
    assert (reason.rule, reason.impact, reason.urgency) == ("region-stopped", "region", "critical")


def test_IN_7_the_same_in_english() -> None:
    level, reason = priority("All our stores are down, we cannot take payments")
    assert (level, reason.impact) == ("P0", "region")


def test_IN_7_a_valued_enterprise_that_stands_still_comes_early() -> None:
    level, reason = priority("批量采购200台无法激活，严重影响营业", "gold")
    assert level == "P1"
    assert (reason.impact, reason.tier) == ("enterprise", "gold")


def test_IN_7_a_question_about_warranty_can_wait() -> None:
    level, reason = priority("咨询保修政策")
    assert (level, reason.rule, reason.impact) == ("P3", "ordinary", "one_user")


@pytest.mark.parametrize(
    ("text", "impact"), [("200台都坏了", "enterprise"), ("2台都坏了", "one_user"), ("1.5台", "one_user")]
)
def test_IN_7_a_large_quantity_means_an_enterprise(text: str, impact: str) -> None:
    assert priority(text)[1].impact == impact


@pytest.mark.parametrize("text", ["你们公司的客服不接电话", "快递公司不发货", "不急，有空回复"])
def test_IN_7_words_about_us_or_their_opposite_raise_nothing(text: str) -> None:
    reason = priority(text)[1]
    assert (reason.impact, reason.urgency) == ("one_user", "normal")


def test_IN_12_anger_raises_priority() -> None:
    calm, angry = priority("快递在哪里"), priority("快递在哪里，气死我了，太恶劣了，垃圾")
    assert more_urgent(angry[0], calm[0])
    assert angry[1].sentiment == "strong_negative"


def test_IN_7_danger_to_people_is_p0() -> None:
    assert priority("充电器冒烟起火了")[0] == "P0"


@pytest.mark.parametrize("text", ["无法使用", "my card was stolen", "气死我了，垃圾，恶劣", "设备故障"])
def test_IN_7_a_higher_tier_never_waits_longer(text: str) -> None:
    assert not more_urgent(priority(text)[0], priority(text, "gold")[0])


def test_IN_7_every_rule_that_ships_can_be_named_by_a_case() -> None:
    assert priority("无法使用", "VIP")[1].rule == "valued-customer-stopped"
    assert priority("无法使用")[1].rule == "user-stopped"
    assert priority("公司要起诉你们，找律师")[1].rule == "legal-claim"
