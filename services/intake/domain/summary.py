"""The key points of a case 摘要 (IN-16), shown first, written again whenever one of them changes."""

import re
from collections.abc import Iterator
from hashlib import sha256

from services.intake.domain.case import Case
from services.intake.domain.rules import Rules

_SENTENCE_END = re.compile(r"(?<=[。！？!?；;])|(?<=\.)\s|\n")
_POINT = 120
_LABELS = {
    "zh": {"demand": "诉求", "latest": "最新", "tried": "已试", "cause": "原因", "resolution": "结果"},
    "en": {"demand": "wants", "latest": "latest", "tried": "tried", "cause": "cause", "resolution": "result"},
}


def summarise(case: Case, rules: Rules) -> str:
    """One line. An agent's own words stand first; after them only what has become known since."""
    points = points_of(case, rules)
    if case.summary_said is None:
        return " | ".join(points)
    new = (point for point in points if fingerprint(point) not in case.summary_known)
    return " | ".join((case.summary_said, *new))


def fingerprint(point: str) -> str:
    """By which a point is known again."""
    return sha256(point.encode()).hexdigest()[:12]


def points_of(case: Case, rules: Rules) -> tuple[str, ...]:
    """What it is about, the facts, what the customer wants, what he said last, what was tried, how it ended."""
    return tuple(filter(None, _points(case, rules)))


def _points(case: Case, rules: Rules) -> Iterator[str]:
    language = "zh" if case.language == "zh" else "en"
    label = _LABELS[language]
    yield " / ".join(case.category[-2:])
    yield first_sentence(case.subject or case.text or "")
    if case.subject and case.text:
        yield first_sentence(case.text)
    for name, value in case.facts.items():
        yield f"{_called(name, language, rules)} {value}"
    if case.demand and (demand := rules.words.demands.get(case.demand)):
        yield f"{label['demand']}: {getattr(demand, language)}"
    for name, said in _progress(case):
        if said:
            yield f"{label[name]}: {first_sentence(said)}"


def _called(fact: str, language: str, rules: Rules) -> str:
    rule = rules.facts.facts.get(fact)
    return str(getattr(rule, language)) if rule else fact


def _progress(case: Case) -> tuple[tuple[str, str | None], ...]:
    tried = case.tried[-1] if case.tried else None
    return ("latest", case.latest), ("tried", tried), ("cause", case.cause), ("resolution", case.resolution)


def first_sentence(text: str, limit: int = _POINT) -> str:
    """The first sentence that says something, at most `limit` characters."""
    sentences = (part.strip() for part in _SENTENCE_END.split(text[: limit * 4]))
    sentence = next((part for part in sentences if part), "")
    return sentence if len(sentence) <= limit else sentence[: limit - 1] + "…"


def refreshed(case: Case, rules: Rules) -> Case:
    return case.changed(summary=summarise(case, rules))
