"""How the customer feels (IN-12): a lexicon in Chinese and English with negation and degree words, and a learned model.

words = sum / (|sum| + 3), so that one plain word (strength 2) is worth 0.4 and no number of words passes 1
model = P(positive) - P(negative) by a learned model (`learned.py`)
score = (1 - share) * words + share * model, with the share of `understanding.yaml`; the words alone without a model
"""

from collections.abc import Iterator
from typing import Any

from services.intake.domain.keywords import Hit, Scan, longest
from services.intake.domain.rules import Rules, SentimentLabel
from shared.events.cases import Sentiment

MOST_HEARD = 5
_SOFTENING = 3.0
_NEGATED = -0.7
_REACH_CJK, _REACH_LATIN = 3, 14
CLAUSE_ENDS = frozenset(",.!?;。、~…\n")


def sentiment(scan: Scan, rules: Rules, *, rating: int | None = None, voice: dict[str, Any] | None = None) -> Sentiment:
    """The sentiment of a text, of a rating if one was given, and of telephony's own reading if that is worse."""
    weighed = list(_strengths(scan, rules))
    total = sum(strength for _, strength in weighed)
    if rating is not None:
        total += rules.sentiment.ratings.get(rating, 0.0)
    words, model = total / (abs(total) + _SOFTENING), learned_score(scan.text, rules)
    score = words if model is None else _mixed(words, model, rules)
    voiced = (voice or {}).get("sentiment")
    if isinstance(voiced, int | float) and -1 <= voiced <= 1:
        score = min(score, float(voiced))
    parts = {} if model is None else {"words": round(words, 3), "model": model}
    heard = tuple(dict.fromkeys(word for word, strength in weighed if strength < 0))[:MOST_HEARD]
    return Sentiment(score=round(score, 3), label=label_of(score, rules), heard=heard, **parts)


def learned_score(text: str, rules: Rules) -> float | None:
    """-1 (surely negative) to 1; None where nothing was learned or the text says nothing to the model."""
    reading = rules.sentiment_model.read(text) if rules.sentiment_model else None
    if reading is None:
        return None
    score = 2 * reading.confidence - 1
    return round(score if reading.label == "positive" else -score, 3)


def _mixed(words: float, model: float, rules: Rules) -> float:
    share = rules.understanding.sentiment.model_share
    return (1 - share) * words + share * model


def label_of(score: float, rules: Rules) -> SentimentLabel:
    thresholds = rules.sentiment.thresholds
    if score <= thresholds.strong_negative:
        return "strong_negative"
    if score <= thresholds.negative:
        return "negative"
    return "positive" if score >= thresholds.positive else "neutral"


def _strengths(scan: Scan, rules: Rules) -> Iterator[tuple[str, float]]:
    """The strength of each word of sentiment, with the degree and negation words just before it that changed it."""
    factor, begun, since = 1.0, -1, -1
    hits = _longest(scan, rules)
    for place, hit in enumerate(hits):
        if since >= 0 and not _reaches(scan.text, since, hit.start):
            factor, begun = 1.0, -1
        begun = hit.start if begun < 0 else begun
        strength = rules.valences.get(hit.part)
        modifier = _modifier(hit, rules)
        if strength is None or (modifier is not None and _leads_on(hits, place, rules)):
            factor *= modifier if modifier is not None else 1.0
        else:
            yield scan.text[begun : hit.end], strength * factor
            factor, begun = 1.0, -1
        since = hit.end


def _longest(scan: Scan, rules: Rules) -> list[Hit]:
    """The hits that matter here."""
    known = [
        hit for hit in scan.hits
        if hit.part in rules.valences or hit.part in rules.degree_of or hit.part in rules.negations
    ]  # fmt: skip
    return longest(known)


def _modifier(hit: Hit, rules: Rules) -> float | None:
    return _NEGATED if hit.part in rules.negations else rules.degree_of.get(hit.part)


def _leads_on(hits: list[Hit], place: int, rules: Rules) -> bool:
    """好 is good, but in 好慢 it only says how slow."""
    return place + 1 < len(hits) and hits[place + 1].start == hits[place].end and hits[place + 1].part in rules.valences


def _reaches(text: str, end: int, start: int) -> bool:
    gap = text[end:start]
    reach = _REACH_LATIN if gap.isascii() and " " in gap else _REACH_CJK
    return len(gap) <= reach and CLAUSE_ENDS.isdisjoint(gap)
