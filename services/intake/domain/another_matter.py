"""A call that joined a case before anybody had written down what it was about (IN-4) may turn out to be about another
matter: the caller's only open case, or where we called, the one that he spoke of last. The call stays where it arrived,
but its facts do not become the case's and the case claims nothing for it; the flag asks an agent to split it off.
"""

from dataclasses import replace

from services.intake.domain.case import Case
from services.intake.domain.claims import are_two, matter
from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import second_level
from services.intake.domain.told import Told

ANOTHER_MATTER = "another_matter"
UNHEARD = ("caller", "called")
"""The rules by which a call without words finds its case."""


def is_another_matter(case: Case, told: Told, rules: Rules) -> bool:
    known, about = case.seen(told.seen.id), told.understood
    if known is None or known.joined_by not in UNHEARD:
        return False
    topic = second_level(case.category) if case.category_confidence else ""
    topic = "" if topic in rules.joining.no_topics else topic
    return are_two(matter(about.facts, ()), about.classification.topic, matter(case.facts, ()), topic)


def set_apart(told: Told) -> Told:
    """Without the facts that it names, and what it would lead to the case from then on."""
    return replace(told, understood=replace(told.understood, given={}, named={}), place=replace(told.place, claims=()))


def flagged(case: Case) -> Case:
    return case.changed(flags=tuple(dict.fromkeys((*case.flags, ANOTHER_MATTER))))
