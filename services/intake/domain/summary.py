"""The key points of a case 摘要 (IN-16), shown first, written again whenever one of them changes."""

import re

from services.intake.domain.case import Case
from services.intake.domain.rules import Rules

_SENTENCE_END = re.compile(r"(?<=[。！？!?；;])|(?<=\.)\s|\n")
_POINT = 120
_LABELS = {
    "zh": {"demand": "诉求", "order": "订单", "device_model": "型号", "serial": "序列号", "account": "账号",
           "latest": "最新", "cause": "原因", "resolution": "结果", "missing": "缺少"},
    "en": {"demand": "wants", "order": "order", "device_model": "model", "serial": "serial", "account": "account",
           "latest": "latest", "cause": "cause", "resolution": "result", "missing": "missing"},
}  # fmt: skip


def summarise(case: Case, rules: Rules) -> str:
    """One line: what it is about, the facts, what the customer wants, what he said last, how it ended."""
    language = "zh" if case.language == "zh" else "en"
    label = _LABELS[language]
    points = [" / ".join(case.category[-2:]), first_sentence(case.subject or case.text or "")]
    if case.subject and case.text:
        points.append(first_sentence(case.text))
    points += [f"{label[name]} {value}" for name, value in case.facts.items()]
    if case.demand and (demand := rules.words.demands.get(case.demand)):
        points.append(f"{label['demand']}: {demand.zh if language == 'zh' else demand.en}")
    points += [f"{label[name]}: {first_sentence(value)}" for name, value in _progress(case) if value]
    return " | ".join(point for point in points if point)


def _progress(case: Case) -> tuple[tuple[str, str | None], ...]:
    return ("latest", case.latest), ("cause", case.cause), ("resolution", case.resolution)


def first_sentence(text: str, limit: int = _POINT) -> str:
    """The first sentence that says something, at most `limit` characters."""
    sentences = (part.strip() for part in _SENTENCE_END.split(text[: limit * 4]))
    sentence = next((part for part in sentences if part), "")
    return sentence if len(sentence) <= limit else sentence[: limit - 1] + "…"


def refreshed(case: Case, rules: Rules) -> Case:
    return case.changed(summary=summarise(case, rules))
