"""Why a person must look at a case before anybody works on it: manual review 人工复核 (RT-2)."""

from services.intake.domain.prioritise import Gravity
from services.intake.domain.rules import Rules
from shared.events.cases import Priority

COMPLEX = "complex_matter"


def reviewed_first(uncertain: str | None, gravity: Gravity, priority: Priority, rules: Rules) -> str | None:
    """`uncertain`: why the category is, as the classification says. None: nobody must look.

    A complex matter goes to review at the priorities that `words.yaml` names; what is more urgent loses no time there.
    """
    is_complex = gravity.complexity == "complex" and priority in rules.words.complexity.review
    return COMPLEX if is_complex else uncertain
