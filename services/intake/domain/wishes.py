"""What somebody wants of self-service (IN-11), by the words of `ask.yaml`. Who denies that it is solved has not solved it."""

from services.intake.domain.keywords import Scan
from services.intake.domain.rules import Rules
from services.intake.domain.rules_ask import Wish
from services.intake.domain.sentiment import same_clause

_REACH = 14
"""How far behind a negation, in a language with blanks, a word is denied by it; in Chinese the next one is."""


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
    return not gap.strip() or (gap.isascii() and len(gap) <= _REACH and same_clause(gap))


def _without(scan: Scan, parts: frozenset[str]) -> str:
    kept, end = [], 0
    for hit in sorted((hit for hit in scan.hits if hit.part in parts), key=lambda hit: hit.start):
        kept.append(scan.text[end : hit.start])
        end = max(end, hit.end)
    return " ".join([*kept, scan.text[end:]])
