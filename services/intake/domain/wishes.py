"""What somebody wants of self-service (IN-11), by the words of `ask.yaml`. What is denied is not solved."""

from typing import Literal, NamedTuple

from services.intake.domain.keywords import Scan
from services.intake.domain.rules import Rules
from services.intake.domain.rules_ask import Wish
from services.intake.domain.sentiment import CLAUSE_ENDS
from services.intake.domain.thanks import only_thanks

_REACH = 14
"""How far behind a negation a word of a language with blanks is denied by it; in Chinese only what follows at once."""


class Said(NamedTuple):
    """What the words ask for, and the text without fillers. `courtesy`: what it is where nothing but that is said."""

    wishes: frozenset[Wish]
    rest: str
    courtesy: Literal["", "greeting", "thanks"] = ""


def read(text: str, rules: Rules) -> Said:
    scan = rules.ask.scanner.scan(text)
    wishes = frozenset(rules.ask.wish_words.values(scan))
    if "solved" in wishes and _denied(scan, text, rules):
        wishes = wishes - {"solved"} | {"still_not"}
    rest = _without(scan, rules.ask.filler_words.parts)
    if not _asks_nothing(text, rest, rules):
        return Said(wishes, rest)
    return Said(wishes, rest, "thanks" if only_thanks(text, rules.joining.thanks) else "greeting")


def _asks_nothing(text: str, rest: str, rules: Rules) -> bool:
    """Whether a text says something, and without fillers (`rest`) nothing but thanks or a yes."""
    if not any(sign.isalnum() for sign in rest):
        return any(sign.isalnum() for sign in text)
    return only_thanks(rest, (*rules.joining.thanks, *rules.ask.acknowledged))


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
