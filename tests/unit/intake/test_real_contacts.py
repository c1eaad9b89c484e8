"""Contacts in bulk: those that ship with the demo, or a JSONL of real ones named by SWITCHBOARD_REAL_DATA."""

import os
from collections import Counter
from pathlib import Path

import orjson
import pytest

from services.intake.domain.case import Case
from services.intake.domain.receive import conversation_of
from services.intake.domain.understand import understand
from shared.events.contacts import Contact
from tests.unit.intake.given import RULES, arrive

SHIPPED = Path(__file__).parents[3] / "demo" / "contacts.jsonl"
SOURCE = Path(os.environ.get("SWITCHBOARD_REAL_DATA") or SHIPPED)
FILE = SOURCE / "contacts_real.jsonl" if SOURCE.is_dir() else SOURCE


@pytest.fixture(scope="module")
def contacts() -> list[Contact]:
    return [Contact.model_validate(orjson.loads(line)) for line in FILE.read_bytes().splitlines() if line.strip()]


def test_IN_1_every_contact_opens_a_case_or_joins_one(contacts: list[Contact]) -> None:
    cases: dict[str, Case] = {}
    for said in contacts:
        home = conversation_of(said) or f"{said.source}:{said.id}"
        cases[home] = arrive(cases.get(home), said).state
    distinct = {(said.source, said.id) for said in contacts}
    assert sum(len(case.contacts) for case in cases.values()) == len(distinct)


def test_IN_5_every_contact_has_two_levels_a_kind_and_a_named_rule(contacts: list[Contact]) -> None:
    for case in (arrive(None, said).state for said in contacts):
        assert RULES.categories.resolve(case.category) == case.category
        assert len(case.category) >= 2
        assert case.priority_reason.rule
        assert case.language


def test_IN_5_fewer_than_a_quarter_fall_into_the_fallback(contacts: list[Contact]) -> None:
    certain = Counter(understand(said, RULES).classification.certain for said in contacts)
    assert certain[False] / len(contacts) < 0.25


def test_IN_12_ratings_and_words_agree_mostly(contacts: list[Contact]) -> None:
    """The sign of the score from the words alone, against the stars of those who gave one or five."""
    rated = [said for said in contacts if said.rating in (1, 5) and said.text]
    right = sum(_score(said) * (1 if said.rating == 5 else -1) >= 0 for said in rated)
    assert right >= 0.75 * len(rated)


def _score(said: Contact) -> float:
    return understand(said.model_copy(update={"rating": None}), RULES).sentiment.score
