"""How well and how fast contacts are understood: on real contacts and examples that lie outside the repository.

SWITCHBOARD_REAL_DATA names the directory: `contacts_real.jsonl` (contacts), `contacts_real_labels.csv` (id, kind and
label, which is 1 or 0 for the kind `review`), `bank_examples.csv` (text, category).
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.intake.domain.rules import Rules
from services.intake.domain.understand import understand
from services.intake.evaluation import feelings
from services.intake.learning import Example, Lesson, learn
from services.intake.tree import grown
from shared.events.contacts import Contact
from shared.rules import load

BATCH = 1_000
ROUNDS = 5
TARGET_MS = 2.0


def data() -> Path | None:
    """Where the real data lies, if it is there."""
    named = os.environ.get("SWITCHBOARD_REAL_DATA")
    return Path(named) if named and Path(named, "bank_examples.csv").exists() else None


def measure(where: Path, tell: Callable[[str], None] = print) -> dict[str, Any]:
    contacts = [Contact.model_validate_json(line) for line in (where / "contacts_real.jsonl").read_bytes().splitlines()]
    shipped, reviews = load("intake", Rules.parse, None), _reviews(where, contacts)
    bank, feeling = learn(_bank(where), tell), learn(reviews, tell)
    learned = _with(bank, feeling)
    alone, both = _cpu_ms(contacts[:BATCH], shipped), _cpu_ms(contacts[:BATCH], learned)
    return {
        "categories": _told(bank),
        "sentiment": {**_told(feeling), "words": feelings(reviews, shipped)["words"].accuracy},
        "cpu_ms_per_contact": {"words": alone, "learned": both, "ratio": round(both / alone, 2), "target": TARGET_MS},
    }


def figures(result: dict[str, Any]) -> list[tuple[str, str]]:
    """What the page of understanding says of it, row by row."""
    categories, sentiment, speed = result["categories"], result["sentiment"], result["cpu_ms_per_contact"]
    sure = next(level for level in categories["levels"] if level["confidence"] == 0.6)
    return [
        ("bank questions, 77 intents, held out", f"{categories['accuracy']:.3f} of {categories['held_out']:,}"),
        ("the same, where it is sure enough to speak (0.6)", f"{sure['right']:.3f} of {sure['spoken']:.0%}"),
        ("reviews in Chinese, learned, held out", f"{sentiment['accuracy']:.3f} of {sentiment['held_out']:,}"),
        ("reviews in Chinese, shipped words alone", f"{sentiment['words']:.3f} of {sentiment['held_out']:,}"),
        ("understanding a contact, words alone", f"{speed['words']:.2f} ms of processor time"),
        ("understanding a contact, with both models", f"{speed['learned']:.2f} ms of processor time"),
    ]


def show(result: dict[str, Any]) -> None:
    for what, figure in figures(result):
        print(f"{what:55} {figure}")


def _bank(where: Path) -> list[Example]:
    with (where / "bank_examples.csv").open(encoding="utf-8", newline="") as lines:
        return [Example(row["text"], f"Bank / {row['category']}") for row in csv.DictReader(lines)]


def _reviews(where: Path, contacts: Sequence[Contact]) -> list[Example]:
    texts = {contact.id: contact.text or "" for contact in contacts}
    with (where / "contacts_real_labels.csv").open(encoding="utf-8", newline="") as lines:
        reviews = [row for row in csv.DictReader(lines) if row["kind"] == "review"]
    return [Example(texts[row["id"]], "positive" if row["label"] == "1" else "negative") for row in reviews]


def _told(lesson: Lesson) -> dict[str, Any]:
    return {
        "examples": lesson.examples,
        "labels": len(lesson.model.labels),
        "held_out": lesson.held_out.examples,
        "accuracy": lesson.held_out.accuracy,
        "levels": [asdict(level) for level in lesson.levels],
        "confusions": [asdict(confusion) for confusion in lesson.held_out.confusions[:10]],
    }


def _with(bank: Lesson, feeling: Lesson) -> Rules:
    """The shipped rules and what was learned."""
    import yaml

    tree = yaml.safe_load(grown(None, "Bank", [label.removeprefix("Bank / ") for label in bank.model.labels]))
    learned = {"category_model": bank.model.arrays(), "sentiment_model": feeling.model.arrays()}
    return load("intake", lambda shipped: Rules.parse({**shipped, "categories": tree, **learned}), None)


def _cpu_ms(contacts: Sequence[Contact], rules: Rules) -> float:
    """Per contact, of the quickest of some rounds."""
    return round(min(_round(contacts, rules) for _ in range(ROUNDS)) * 1000 / len(contacts), 3)


def _round(contacts: Sequence[Contact], rules: Rules) -> float:
    started = time.process_time()
    for contact in contacts:
        understand(contact, rules)
    return time.process_time() - started
