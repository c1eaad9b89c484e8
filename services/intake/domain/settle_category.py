"""How keywords and a learned model come to one category (IN-5), and when a person must look first (RT-2).

    keywords speak   model speaks    the category is
    yes              no              the keywords'
    no               yes             the model's
    yes              yes             the winner's by `understanding.yaml`; that they differ is told
    no               no              the fallback, and the case goes to review if a model was asked

A model speaks from the configured confidence on. It wins in any case where its category has no keywords, since these
could not have spoken for it. Two categories agree where one is the other or lies below it.
"""

from dataclasses import dataclass

from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import SEPARATOR, Leaf
from shared.events.cases import CategoryGuess

UNCERTAIN = "uncertain_category"


@dataclass(frozen=True, slots=True)
class Settled:
    """`leaf`: None for the fallback. `guess`: what the model said, whether it counted or not."""

    leaf: Leaf | None
    confidence: float
    guess: CategoryGuess | None = None
    disagree: bool = False
    review: str | None = None


def guessed(text: str, rules: Rules) -> CategoryGuess | None:
    """What the model says of a text; None where nothing was learned or the text says nothing to it."""
    model = rules.category_model
    reading = model.read(text) if model else None
    if model is None or reading is None:
        return None
    category = rules.categories.leaf_of[reading.label].path
    return CategoryGuess(category=category, confidence=reading.confidence, version=model.version)


def settled(leaf: Leaf | None, confidence: float, guess: CategoryGuess | None, rules: Rules) -> Settled:
    """`leaf` and `confidence`: what the keywords say."""
    by = rules.understanding.category
    learned = _learned(guess, rules)
    if leaf is None and learned is None:
        asked = rules.category_model is not None or by.review_without_model
        return Settled(None, 0.0, guess, review=UNCERTAIN if asked else None)
    disagree = leaf is not None and learned is not None and not _agree(leaf.path, learned.path)
    if guess and learned and (leaf is None or by.winner == "model" or not rules.categories.has_keywords(learned)):
        return Settled(learned, guess.confidence, guess, disagree)
    return Settled(leaf, confidence, guess, disagree)


def _learned(guess: CategoryGuess | None, rules: Rules) -> Leaf | None:
    if guess is None or guess.confidence < rules.understanding.category.model_at_least:
        return None
    return rules.categories.leaf_of[SEPARATOR.join(guess.category)]


def _agree(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))
