"""What the search index keeps of a case: all that was ever said in it as words, and what lists are filtered by.

Drawn from the case and its timeline alone, so that it can be made again at any time.
"""

from collections.abc import Sequence
from typing import Any

from services.intake.domain.case import Case
from services.intake.domain.rules_categories import SEPARATOR
from services.intake.domain.similar import helps
from services.intake.domain.tokens import tokens, words

SHAPE = 2
"""Raised when what is kept here, or how texts are cut, changes: then the index is made anew."""
SAID = ("contact", "amended", "responded", "noted")
"""Lines of the timeline whose words are found."""
MOST_WORDS = 5_000
"""Of one case; what it is about and what came of it first, then what was said last."""
MOST_ABOUT = 100


def findable(case: Case, version: int, said: Sequence[str] = ()) -> dict[str, Any]:
    """`said`: the words of its timeline, the newest first. `version`: of the document that this was drawn from.

    `about`: what others are compared with it by, where it helps anybody.
    """
    helping = helps(case)
    return {
        "_id": case.case_id,
        "v": version,
        "words": list(tokens(*_texts(case), *said, most=MOST_WORDS)),
        "helps": helping,
        "about": sorted(about(case)) if helping else [],
        "number": case.number,
        "status": case.status,
        "priority": case.priority,
        "category": paths(case.category),
        "customer": case.customer_id,
        "opened_at": case.opened_at,
    }


def paths(category: Sequence[str]) -> list[str]:
    """The category and all that it is part of: `支付问题`, `支付问题 / 退款异常`, ..."""
    return [SEPARATOR.join(category[:level]) for level in range(1, len(category) + 1)]


def about(case: Case) -> frozenset[str]:
    """The first words of what the customer wants, without codes: what it is compared by."""
    return words(tokens(case.subject, case.text, case.latest, most=MOST_ABOUT))


def _texts(case: Case) -> tuple[str | None, ...]:
    return (
        " ".join(case.facts.values()), " ".join(case.category), case.resolution, case.cause, case.measure, case.summary,
        case.subject, case.latest, case.text,
    )  # fmt: skip
