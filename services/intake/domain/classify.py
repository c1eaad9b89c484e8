"""What a contact is about (IN-5, IN-6, IN-17, IN-19): category, kind, tags, core demand.

Each keyword of the tree that the text holds adds its weight (`keywords.weight_of`) times its category's, times 1.5 in
the subject, 1 in the first 200 characters, 0.7 later; times 0.25 for praise when the customer is not pleased and for
blame when he is. The second level with the largest sum wins, below it the third level with the largest sum of its own.

    confidence = best / (best + second best) * best / (best + 4)

where best and second best are the sums of two second levels: near 1 when much speaks for one and nothing for another,
at most 0.5 when two are level, and 0 for the fallback category. What a learned model says of it: `settle_category.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.domain.demand import demand
from services.intake.domain.denied import affirmed
from services.intake.domain.keywords import Found, Scan
from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import Leaf, second_level
from services.intake.domain.settle_category import Settled, guessed, settled
from shared.events.cases import CategoryGuess, Kind, Sentiment

_FIRST_PART = 200
_ENOUGH = 4.0
_AGAINST_MOOD = 0.25
_KINDS_BY_WORDS: tuple[Kind, ...] = ("fault", "request", "question")


@dataclass(frozen=True, slots=True)
class Classification:
    category: tuple[str, ...]
    confidence: float
    kind: Kind
    tags: tuple[str, ...]
    demand: str | None
    by_model: CategoryGuess | None = None
    disagree: bool = False
    """Whether keywords and model speak for different categories."""
    review: str | None = None
    topic: str = ""
    """The second-level category that tells one matter from another (IN-4); "" where none is certain enough."""

    @property
    def certain(self) -> bool:
        """Whether a keyword or a model spoke for the category; False for the fallback."""
        return self.confidence > 0


def classify(
    scan: Scan, feeling: Sentiment, rules: Rules, *, subject_end: int = 0, rating: int | None = None
) -> Classification:
    """Never fails: what matches nothing gets the fallback category with confidence 0."""
    said = affirmed(scan, rules)
    weights = _weights(scan, said, feeling, rules, subject_end)
    found = settled(*_best(weights, rules), guessed(scan.text, rules), rules)
    return Classification(
        category=found.leaf.path if found.leaf else rules.categories.fallback,
        confidence=found.confidence,
        kind=_kind(said, feeling, rules, found.leaf, rating),
        tags=tuple(rules.tag_words.in_order(said)),
        demand=demand(scan, rules),
        by_model=found.guess,
        disagree=found.disagree,
        review=found.review,
        topic=_topic(found, weights, rules),
    )


def by_keywords(scan: Scan, feeling: Sentiment, rules: Rules, subject_end: int = 0) -> tuple[Leaf | None, float]:
    """The category by keywords alone, and its confidence; None and 0 where none speaks."""
    return _best(_weights(scan, affirmed(scan, rules), feeling, rules, subject_end), rules)


def _weights(scan: Scan, said: Scan, feeling: Sentiment, rules: Rules, subject_end: int) -> dict[int, float]:
    weights: dict[int, float] = {}
    for leaf, weight, start in _spoken(scan, said, rules):
        scaled = weight * leaf.weight * _place(start, subject_end) * _mood(leaf, feeling)
        weights[leaf.index] = weights.get(leaf.index, 0.0) + scaled
    return weights


def _spoken(scan: Scan, said: Scan, rules: Rules) -> Iterator[Found[Leaf]]:
    """What is denied (not in `said`) speaks for no complaint; for another matter it does: 还没退款."""
    for found in rules.category_words.found(scan):
        if said is scan or found.value.kind != "complaint":
            yield found
    if said is not scan:
        yield from (found for found in rules.category_words.found(said) if found.value.kind == "complaint")


def _place(start: int, subject_end: int) -> float:
    if start < subject_end:
        return 1.5
    return 1.0 if start < subject_end + _FIRST_PART else 0.7


def _mood(leaf: Leaf, feeling: Sentiment) -> float:
    if leaf.mood is None:
        return 1.0
    return 1.0 if (leaf.mood == "positive") == (feeling.label == "positive") else _AGAINST_MOOD


def _best(weights: dict[int, float], rules: Rules) -> tuple[Leaf | None, float]:
    if not weights:
        return None, 0.0
    leaves = rules.categories.leaves
    seconds: dict[int, float] = {}
    for index in sorted(weights):
        second = leaves[index].second
        seconds[second] = seconds.get(second, 0.0) + weights[index]
    winner = max(seconds, key=lambda second: seconds[second])
    best = seconds.pop(winner)
    runner_up = max(seconds.values(), default=0.0)
    below = [index for index in sorted(weights) if leaves[index].second == winner and index != winner]
    leaf = leaves[max(below, key=lambda index: weights[index])] if below else leaves[winner]
    return leaf, round(best / (best + runner_up) * best / (best + _ENOUGH), 3)


def _topic(found: Settled, weights: dict[int, float], rules: Rules) -> str:
    """What it is about, were nothing said of how we did."""
    matters = dict(_of_matters(weights, rules))
    if len(matters) < len(weights):
        found = settled(*_best(matters, rules), found.guess, rules)
    topic = second_level(found.leaf.path) if found.leaf else ""
    return topic if found.confidence >= rules.joining.topic_from and topic not in rules.joining.no_topics else ""


def _of_matters(weights: dict[int, float], rules: Rules) -> Iterator[tuple[int, float]]:
    for index, weight in weights.items():
        if second_level(rules.categories.leaves[index].path) not in rules.joining.no_topics:
            yield index, weight


def _kind(scan: Scan, feeling: Sentiment, rules: Rules, leaf: Leaf | None, rating: int | None) -> Kind:
    spoken = rules.kind_words.values(scan)
    if "complaint" in spoken or _bad_rating(feeling, rules, rating):
        return "complaint"
    if leaf and leaf.kind:
        return leaf.kind
    return next((kind for kind in _KINDS_BY_WORDS if kind in spoken), "question")


def _bad_rating(feeling: Sentiment, rules: Rules, rating: int | None) -> bool:
    bad = rating is not None and rating <= rules.words.complaint_ratings_up_to
    return bad and feeling.label.endswith("negative")
