"""The customer's core demand 核心诉求 (IN-17)."""

from services.intake.domain.denied import wanted
from services.intake.domain.keywords import Scan, longest, scan_of
from services.intake.domain.rules import Rules


def demand(scan: Scan, rules: Rules) -> str | None:
    """What he asks for first; where words overlap, the longer counts: 要退款 is no 要退.

    What he says that he does not want is none; `weak` words count where no other does.
    """
    said = wanted(scan, rules)
    for words in (rules.demand_words, rules.weak_demand_words):
        hits = longest(hit for hit in said.hits if hit.part in words.parts)
        if spoken := words.in_order(scan_of(scan.text, hits)):
            return spoken[0]
    return None
