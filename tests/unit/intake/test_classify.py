import pytest

from services.intake.domain.understand import understand
from tests.unit.intake.given import RULES, contact


def about(text: str, **fields: object):  # type: ignore[no-untyped-def]
    return understand(contact(text, **fields), RULES).classification


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("昨天支付了两次，请尽快退款", ("支付问题", "退款异常", "重复扣款")),
        ("I was charged twice for one purchase", ("支付问题", "退款异常", "重复扣款")),
        ("一体机E500开不了机", ("技术故障", "硬件故障", "无法开机")),
        ("发票抬头错误，请更正", ("支付问题", "发票与账单", "发票更正")),
        ("咨询保修政策", ("产品咨询", "保修政策")),
        ("When will my card arrive?", ("物流查询", "物流进度", "卡片寄送")),
        ("My PIN is blocked", ("账户异常", "密码PIN", "PIN锁定")),
        ("What is the exchange rate today", ("支付问题", "汇率与换汇", "汇率查询")),
        ("The ATM swallowed my card", ("账户异常", "银行卡服务", "吞卡")),
        ("how do I verify my identity", ("账户异常", "身份验证", "验证方法")),
        ("my top-up failed", ("支付问题", "充值", "充值失败")),
        ("送餐太慢了，等了两个小时", ("物流查询", "配送延误")),
        ("太难吃了，味道差", ("投诉建议", "餐品质量", "味道差")),
        ("量太少了，吃不饱", ("投诉建议", "餐品质量", "分量少")),
        ("七天无理由退货怎么办理", ("退换货", "退货申请")),
    ],
)
def test_IN_5_contacts_land_in_the_tree(text: str, category: tuple[str, ...]) -> None:
    assert about(text).category == category


def test_IN_5_what_matches_nothing_gets_the_fallback_with_no_confidence() -> None:
    result = about("嗯嗯哦哦")
    assert (result.category, result.confidence, result.certain) == (("产品咨询", "其他咨询"), 0.0, False)


def test_the_subject_speaks_louder_than_the_text() -> None:
    text = "保修 退款"
    assert about(text, subject="保修").category[1] == "保修政策"
    assert about(text, subject="退款").category[1] == "退款异常"


def test_what_is_said_first_weighs_more() -> None:
    assert about("保修" + "。" * 250 + "退款").category[1] == "保修政策"
    assert about("退款" + "。" * 250 + "保修").category[1] == "退款异常"


def test_confidence_is_higher_when_more_speaks_for_one_category_and_less_for_others() -> None:
    clear, thin, torn = about("重复扣款，扣了两次，要退款"), about("余额"), about("退款 保修")
    assert clear.confidence > thin.confidence > 0
    assert clear.confidence > torn.confidence
    assert torn.confidence <= 0.5


def test_IN_19_a_complaint_is_a_kind_whatever_the_category() -> None:
    result = about("退款拖了一个月，我要投诉")
    assert result.kind == "complaint"
    assert about("退款什么时候到账").kind != "complaint"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("咨询保修政策", "question"),
        ("系统崩溃", "fault"),
        ("发票抬头错误，请更正", "request"),
        ("态度恶劣", "complaint"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert about(text).kind == kind


def test_a_bad_rating_with_angry_words_is_a_complaint_and_with_kind_words_is_not() -> None:
    assert about("等了好久，味道差", rating=1, channel="review").kind == "complaint"
    assert about("非常好吃，很满意，谢谢", rating=1, channel="review").kind == "question"


def test_praise_and_blame_of_the_same_thing_are_told_apart() -> None:
    assert about("味道很好，喜欢").category[:2] == ("投诉建议", "表扬感谢")
    assert about("味道太差，失望").category[:2] == ("投诉建议", "餐品质量")


def test_IN_6_tags_are_normalised_keywords_each_once() -> None:
    assert about("系统崩溃了，系统故障，拖了三天").tags == ("#系统故障", "#时效延误")


@pytest.mark.parametrize(
    ("text", "demand"),
    [("请派工程师上门维修", "repair"), ("要求赔偿", "compensation"), ("给我解释一下", "explanation"),
     ("please refund me", "refund"),
     ("我要换货", "exchange"), ("发票抬头错误，请更正", "correction"), ("你好", None)],
)  # fmt: skip
def test_IN_17_the_core_demand_is_recorded(text: str, demand: str | None) -> None:
    assert about(text).demand == demand
