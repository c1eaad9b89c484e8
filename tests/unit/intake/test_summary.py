from services.intake.domain.summary import first_sentence, summarise
from shared.events.contacts import Contact
from tests.unit.intake.given import RULES, S1, arrive, contact, did, opened


def test_IN_16_the_summary_names_category_facts_and_demand() -> None:
    summary = arrive(None, Contact.model_validate(S1)).state.summary
    for point in ("退款异常 / 重复扣款", "昨天支付了两次", "订单 A20261121-553", "诉求: 退款"):
        assert point in summary


def test_IN_16_the_summary_speaks_the_customers_language() -> None:
    case = opened("Please refund order no. AB-99812", customer={"language": "en", "phone": "+447700901297"})
    assert "order AB-99812" in case.summary
    assert "wants: Refund" in case.summary


def test_IN_16_it_is_refreshed_as_the_case_goes_on() -> None:
    case = opened("开不了机")
    joined = arrive(case, contact("屏幕也裂了。明天上班要用", id="c2")).state
    assert "最新: 屏幕也裂了。" in joined.summary
    resolved = did(joined, "resolved", result="更换主板", cause="硬件").state
    assert "结果: 更换主板" in resolved.summary
    assert "原因: hardware" in resolved.summary


def test_a_long_sentence_is_cut_with_a_mark() -> None:
    assert first_sentence("啊" * 500) == "啊" * 119 + "…"
    assert first_sentence("  \n第一句。第二句。") == "第一句。"
    assert first_sentence("") == ""


def test_IN_16_a_summary_never_grows_beyond_a_few_lines() -> None:
    case = opened("很长的话" * 5000, subject="题目" * 300)
    assert len(summarise(case, RULES)) < 600
