"""How a template would read: the shipped words or proposed ones, with sample values or given ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.notify.domain import render
from services.notify.domain.rules import Rules, Words
from shared.decisions import Refused

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "number": "7KQ4-M2XD", "customer_name": "王芳", "expected": "1 个工作日", "agent_id": "Z01",
        "agent_name": "李雷", "team": "支付组", "resolution": "重复扣款已退回原卡", "party": "支付平台",
        "until": "11月23日 16:00", "reason": "配件缺货", "remedy": "临时替代方案", "level": "技术专家团队",
        "answer": "progress", "url": "https://service.example/s/3fA9", "target": "首次响应", "share": "75%",
        "late": "2 小时", "promise": "今天内退款", "department": "技术部", "by": "赵工", "words": "已复现，正在修复",
        "person": "Z01", "criteria": "一周内无同类投诉", "why": "服务态度、处理速度", "note": "由新同事接手",
        "missing": "订单号、联系方式", "degree": "非常不满", "into": "M7JX-HSCM",
    },
    "en": {
        "number": "7KQ4-M2XD", "customer_name": "Alex Chen", "expected": "1 working day", "agent_id": "Z01",
        "agent_name": "Sam Li", "team": "Payments", "resolution": "The second charge has been refunded",
        "party": "the payment provider", "until": "23 Nov 16:00 (GMT+8)", "reason": "a spare part is out of stock",
        "remedy": "a temporary solution", "level": "our team of experts", "answer": "progress",
        "url": "https://service.example/s/3fA9", "target": "first response", "share": "75%", "late": "2 hours",
        "promise": "a refund today", "department": "Technical", "by": "Zhao", "words": "Reproduced, a fix is under way",
        "person": "Z01", "criteria": "no like complaint within a week", "why": "attitude, speed",
        "note": "a colleague takes over", "missing": "order number, contact details", "degree": "very upset",
        "into": "M7JX-HSCM",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preview:
    template: str
    version: int
    language: str
    channel: str
    subject: str
    text: str


def preview(
    rules: Rules, *, template: str, language: str | None, channel: str, values: Mapping[str, str], words: Words | None
) -> Preview:
    """Refused (422) where a name is unknown or the proposed words could not be used."""
    known = rules.templates.templates.get(template)
    if known is None:
        raise _unknown("template", template, rules.templates.templates)
    way = rules.channels.channels.get(channel)
    if way is None:
        raise _unknown("channel", channel, rules.channels.channels)
    for name in sorted(set(values) - render.VARIABLES[template]):
        raise _unknown(f"values.{name}", name, render.VARIABLES[template])
    spoken = rules.language(language, template)
    used = _checked(words, template) if words else known.words(spoken)
    filled = {**SAMPLES.get(spoken, SAMPLES["en"]), "way": way.name[spoken], **values}
    source = used.short if way.form == "short" and used.short else used.text
    subject = render.subject(used.subject, filled) if way.subject else ""
    return Preview(template, known.version, spoken, channel, subject, render.text(source, filled))


def _checked(words: Words, template: str) -> Words:
    for part, source in words:
        try:
            render.check(source, render.VARIABLES[template], f"words.{part}")
        except ValueError as error:
            raise Refused("bad_template", str(error), field=f"words.{part}", status=422) from None
    return words


def _unknown(field: str, name: str, known: object) -> Refused:
    names = ", ".join(sorted(known)) if isinstance(known, (Mapping, frozenset)) else ""
    return Refused("unknown_name", f"{field}: {name!r} is not one of {names}", field=field, status=422)
