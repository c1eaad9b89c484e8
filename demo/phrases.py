"""What simulated agents write, by skill group and language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    response: str
    resolution: str
    result: str
    measure: str


PHRASES: dict[tuple[str, str], Phrases] = {
    ("payments", "zh"): Phrases(
        "您好，已看到您的付款记录，正在与支付平台核对这笔款项。",
        "核对属实，多扣的款项已原路退回，预计1至3个工作日到账。",
        "已退款", "对账增加同单重复扣款检查",
    ),
    ("payments", "en"): Phrases(
        "Thank you, I can see the payment and am checking it with the payment provider.",
        "Confirmed: the amount goes back to the same card within 1 to 3 working days.",
        "Refunded", "Settlement now checks for two charges on one order",
    ),
    ("logistics", "zh"): Phrases(
        "您好，已联系承运商核实包裹位置，有消息马上告诉您。",
        "承运商已找到包裹并加急派送，新的预计送达时间已发给您。",
        "包裹已重新派送", "与承运商约定异常件当日上报",
    ),
    ("logistics", "en"): Phrases(
        "I have asked the carrier where your parcel is and will tell you as soon as I know.",
        "The carrier has found the parcel and is delivering it with priority; you have the new date.",
        "Delivered anew", "The carrier reports stuck parcels the same day",
    ),
    ("technical", "zh"): Phrases(
        "您好，请先不要断电，我正在查看设备日志，并与技术同事确认。",
        "已定位原因并远程处理，设备恢复正常；如再出现将为您更换。",
        "故障已排除", "问题已反馈研发，纳入下一版本修复",
    ),
    ("technical", "en"): Phrases(
        "Please leave the device switched on, I am reading its log with a colleague.",
        "We found the cause and the device works again; should it return we replace the unit.",
        "Fault removed", "Reported to development for the next release",
    ),
    ("accounts", "zh"): Phrases(
        "您好，为保护您的账户，我先核实几项信息。",
        "身份已核实，账户恢复正常，请重新登录并更新密码。",
        "账户已恢复", "异常登录改为短信二次确认",
    ),
    ("accounts", "en"): Phrases(
        "To protect your account I have to check a few details first.",
        "We have confirmed your identity and restored the account; please set a new password.",
        "Account restored", "Unusual sign-ins now ask for a second factor",
    ),
    ("returns", "zh"): Phrases(
        "您好，退换货申请已收到，正在为您核对订单与商品状态。",
        "申请已通过，上门取件已预约，收到商品后当日退款。",
        "同意退换货", "退货审核说明改写得更清楚",
    ),
    ("returns", "en"): Phrases(
        "I have your request for a return and am checking the order.",
        "The return is approved and the pick-up is booked; the refund follows on the day of arrival.",
        "Return accepted", "The return conditions are worded more clearly",
    ),
    ("complaints", "zh"): Phrases(
        "非常抱歉给您带来不好的体验，我是本单负责人，会跟进到底。",
        "已核实情况并向您道歉，问题已处理，补偿方案已发给您确认。",
        "已道歉并补偿", "相关人员已辅导，流程增加首问负责制",
    ),
    ("complaints", "en"): Phrases(
        "I am sorry about this. The case is mine from here on and I will see it through.",
        "We looked into it and apologise; the matter is put right and our offer is in your inbox.",
        "Apology and compensation", "The team was coached; one person now owns a case from start to end",
    ),
    ("product", "zh"): Phrases(
        "您好，感谢咨询，我帮您确认一下这款产品的具体参数。",
        "参数与价格说明已发送，如需演示可预约门店。",
        "已答复", "说明已补充到产品页",
    ),
    ("product", "en"): Phrases(
        "Thank you for asking, let me check the details of this model for you.",
        "You have the specification and the price; a demonstration in a shop can be booked.",
        "Answered", "The product page now says so",
    ),
}  # fmt: skip
GENERAL = {
    "zh": Phrases(
        "您好，已收到您的留言，正在为您处理。", "问题已处理完毕，感谢您的反馈。",
        "已处理", "已记录并反馈相关部门",
    ),
    "en": Phrases(
        "Thank you for your message, I am looking into it.", "This is settled; thank you for telling us.",
        "Settled", "Passed on to the department concerned",
    ),
    "es": Phrases(
        "Gracias por escribirnos, lo estoy revisando.", "El asunto queda resuelto; gracias por avisarnos.",
        "Resuelto", "Comunicado al departamento responsable",
    ),
}  # fmt: skip


def phrases(skill: str, language: str) -> Phrases:
    return PHRASES.get((skill, language)) or GENERAL.get(language) or GENERAL["en"]
