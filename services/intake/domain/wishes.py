"""What somebody wants of self-service (IN-11), by the words of `ask.yaml`. What is denied is not solved."""

from services.intake.domain.keywords import Scan
from services.intake.domain.rules import Rules
from services.intake.domain.rules_ask import Wish
from services.intake.domain.sentiment import CLAUSE_ENDS

_REACH = 14
"""How far behind a negation a word of a language with blanks is denied by it; in Chinese only what follows at once."""


def read(text: str, rules: Rules) -> tuple[frozenset[Wish], str]:
    """What the words ask for, and the text without fillers."""
    scan = rules.ask.scanner.scan(text)
    wishes = frozenset(rules.ask.wish_words.values(scan))
    if "solved" in wishes and _denied(scan, text, rules):
        wishes = wishes - {"solved"} | {"still_not"}
    return wishes, _without(scan, rules.ask.filler_words.parts)


def _denied(scan: Scan, text: str, rules: Rules) -> bool:
    said = [hit.start for hit in scan.hits if hit.part in rules.ask.solved_parts]
    denials = [hit.end for hit in rules.scanner.scan(text).hits if hit.part in rules.negations]
    return any(_denies(scan.text[end:start]) for start in said for end in denials if end <= start)


def _denies(gap: str) -> bool:
    return gap.isascii() and len(gap) <= _REACH and CLAUSE_ENDS.isdisjoint(gap)


def _without(scan: Scan, parts: frozenset[str]) -> str:
    kept, end = [], 0
    for hit in sorted((hit for hit in scan.hits if hit.part in parts), key=lambda hit: hit.start):
        kept.append(scan.text[end : hit.start])
        end = max(end, hit.end)
    return " ".join([*kept, scan.text[end:]])
