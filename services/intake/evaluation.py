"""How often labelled examples are understood rightly, and by whom: the model, the keywords alone, and the case itself.

Said of an example is a category, or "" for none; a category below the label's counts as the label. Of how a customer
feels, `positive` is a score above 0 and `negative` all else, since whoever praises mostly says so.
"""

from collections.abc import Iterable

from services.intake.domain.classify import by_keywords, classify
from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import SEPARATOR
from services.intake.domain.sentiment import sentiment
from services.intake.domain.settle_category import guessed
from services.intake.domain.understand import READ_CHARS
from services.intake.learning import Example
from services.intake.scoring import Scores, scores


def categories(examples: Iterable[Example], rules: Rules) -> dict[str, Scores]:
    """By `model` (if there is one), `keywords` and `case`. Raises ValueError without examples."""
    said = [(example.label, _categories(example, rules)) for example in examples]
    return _counted(said, ["model", "keywords", "case"] if rules.category_model else ["keywords", "case"])


def feelings(examples: Iterable[Example], rules: Rules) -> dict[str, Scores]:
    """By `model` (if there is one), `words` and `case`. Raises ValueError without examples."""
    said = [(example.label, _feelings(example, rules)) for example in examples]
    return _counted(said, ["model", "words", "case"] if rules.sentiment_model else ["words", "case"])


def _counted(said: list[tuple[str, dict[str, str]]], by: list[str]) -> dict[str, Scores]:
    return {who: scores((label, heard[who]) for label, heard in said) for who in by}


def _categories(example: Example, rules: Rules) -> dict[str, str]:
    scan = rules.scanner.scan(example.text[:READ_CHARS])
    feeling = sentiment(scan, rules)
    leaf, _ = by_keywords(scan, feeling, rules)
    guess, about = guessed(scan.text, rules), classify(scan, feeling, rules)
    known = about.certain or SEPARATOR.join(about.category) == example.label
    said = {
        "model": guess.category if guess else (),
        "keywords": leaf.path if leaf else (),
        "case": about.category if known else (),
    }
    return {who: _as_label(SEPARATOR.join(path), example.label) for who, path in said.items()}


def _as_label(path: str, label: str) -> str:
    return label if path.startswith(label + SEPARATOR) else path


def _feelings(example: Example, rules: Rules) -> dict[str, str]:
    read = sentiment(rules.scanner.scan(example.text[:READ_CHARS]), rules)
    said = {"model": read.model, "words": read.score if read.words is None else read.words, "case": read.score}
    return {who: "" if score is None else "positive" if score > 0 else "negative" for who, score in said.items()}
