"""When self-service is sure (IN-11): what the shipped knowledge answers, and what it leaves to a person.

The figures of decision 41. The real contacts named by SWITCHBOARD_REAL_DATA are of other trades than the knowledge.
"""

import os
from pathlib import Path

import orjson
import pytest

from services.intake.domain.ask import Asked, Known, decide_ask
from services.intake.domain.knowledge import Library
from tests.unit.intake.given import NOW, RULES

LIBRARY = Library(RULES.knowledge.entries)
REAL = Path(os.environ.get("SWITCHBOARD_REAL_DATA") or "absent") / "contacts_real.jsonl"
ANSWERED = {
    "路由器R6怎么重置": "router-r6-reset",
    "请问路由器R6怎么重置啊？谢谢": "router-r6-reset",
    "我想把路由器恢复出厂设置": "router-r6-reset",
    "家里WiFi连不上了怎么办": "router-offline",
    "路由器总是掉线": "router-offline",
    "一体机开不了机怎么办": "pos-e500-no-power",
    "E500开不了机": "pos-e500-no-power",
    "怎么申请退货呢": "how-to-return",
    "我想换货怎么办理": "how-to-return",
    "退款一般多久能到账": "refund-when",
    "我的退款什么时候到": "refund-when",
    "发票抬头写错了怎么改": "invoice-correction",
    "发票抬头错误，请更正": "invoice-correction",
    "密码忘记了怎么找回": "password-forgotten",
    "保修多长时间": "warranty",
    "保修期是多久啊": "warranty",
    "你们的保修政策是什么": "warranty",
    "咨询保修政策": "warranty",
    "快递好几天没更新了": "parcel-stuck",
    "物流三天没有更新，包裹在哪里？": "parcel-stuck",
    "七天无理由退货怎么规定的": "law-seven-days",
    "假一赔三": "law-fraud",
    "为什么扣了两次款": "charged-twice",
    "我被重复扣款了怎么办": "charged-twice",
    "怎么删除个人信息": "law-my-data",
    "激活失败怎么办": "activation-failed",
    "设备激活不了": "activation-failed",
    "银行卡被盗刷了": "risk",
    "R6支持wifi6吗": "product-r6",
    "收银系统崩溃了，怎么收钱": "till-down",
    "How do I reset my router?": "router-r6-reset",
    "how can i reset the R6": "router-r6-reset",
    "my wifi keeps dropping": "router-offline",
    "I forgot my password": "password-forgotten",
    "How long does a refund take?": "refund-when",
    "when will my refund arrive": "refund-when",
    "how long is the warranty?": "warranty",
    "I was charged twice": "charged-twice",
    "how do I return an item": "how-to-return",
    "the invoice has the wrong name, please correct it": "invoice-correction",
    "what happens to my personal data": "law-my-data",
    "my card was stolen": "risk",
    "my tracking has not updated in 3 days": "parcel-stuck",
    "the register does not turn on": "pos-e500-no-power",
}
LEFT = (
    "路由器R7怎么重置",
    "你们公司在哪里",
    "我要投诉你们的客服态度",
    "今天天气怎么样",
    "怎么加盟你们",
    "你好",
    "在吗",
    "附近有门店吗",
    "能开增值税专用发票吗",
    "发货用什么快递",
    "可以货到付款吗",
    "积分怎么兑换",
    "怎么修改收货地址",
    "优惠券不能用",
    "客服电话多少",
    "明天能上门安装吗",
    "如何修改手机号",
    "你是机器人吗",
    "为什么我的账户余额不对",
    "会员怎么升级",
    "what are your opening hours",
    "do you ship to Canada",
    "can I pay by cheque",
    "what is the exchange rate",
    "how do I change my address",
    "where is your office",
    "is this product vegan",
    "can I get a job at your company",
    "how do I redeem points",
    "my coupon does not work",
    "who are you",
    "what is the weather",
)


def sure(question: str) -> str:
    """The entry that answers; `risk` if a person takes over because of one, with what to do first; else ""."""
    asked = Asked(source="app", conversation="k1", text=question)
    reply = decide_ask(None, NOW, asked=asked, known=Known(LIBRARY), rules=RULES).state.reply
    return reply.source["id"] if reply.source else reply.risk and reply.why


def test_IN_11_of_44_ways_to_ask_for_what_is_known_40_are_answered_2_are_risks_and_none_is_answered_wrongly() -> None:
    answers = {question: sure(question) for question in ANSWERED}
    assert {q: a for q, a in answers.items() if a not in ("", ANSWERED[q])} == {}
    found = list(answers.values())
    assert (len(found), found.count("risk"), found.count("")) == (44, 2, 2)


@pytest.mark.parametrize("question", LEFT)
def test_IN_11_what_nothing_is_known_of_is_left_to_a_person(question: str) -> None:
    assert sure(question) == ""


if REAL.is_file():

    def test_IN_11_of_2500_contacts_of_other_trades_self_service_is_sure_of_few() -> None:
        texts = [orjson.loads(line)["text"] for line in REAL.read_bytes().splitlines()]
        answered = [text for text in texts if sure(text) not in ("", "risk")]
        assert len(answered) <= 0.016 * len(texts)
