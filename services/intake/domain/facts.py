"""Key facts of a case (IN-8): what the customer's words name (`rules/facts.yaml`), and what a channel states."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping

from services.intake.domain.rules_facts import GIVEN, FactPatterns
from shared.events.contacts import Facts

MAX_FACT = 100
MOST_OF_A_KIND = 5
_DASH = re.compile(r"(?<=[0-9A-Za-z])[\u2010-\u2015\u2212](?=[0-9A-Za-z])")
_DIGIT = re.compile(r"\d")


def named_facts(text: str, patterns: FactPatterns) -> dict[str, tuple[str, ...]]:
    """Of each kind of fact the first few that the text names, in capitals where they are codes."""
    if not _DIGIT.search(text):
        return {}
    named = {name: values for name, found in patterns.named_in(plain(text)) if (values := _first(found))}
    if named.get("device_model", ("",))[0] in named.get("serial", ()):
        del named["device_model"]
    return named


def extracted_facts(text: str, patterns: FactPatterns) -> dict[str, str]:
    """The first of each kind of fact that the text names."""
    return {name: values[0] for name, values in named_facts(text, patterns).items()}


def _first(found: Iterator[str]) -> tuple[str, ...]:
    short = (value if "@" in value else value.upper() for value in found if len(value) <= MAX_FACT)
    return tuple(dict.fromkeys(short))[:MOST_OF_A_KIND]


def plain(text: str) -> str:
    """Full-width forms made narrow, and the dashes of codes made hyphens."""
    return text if text.isascii() else _DASH.sub("-", unicodedata.normalize("NFKC", text))


def canonical(value: str) -> str:
    """As one is compared with another, however it was written."""
    return "".join(plain(value).upper().split())


def given_facts(facts: Facts, nothing: Collection[str] = ()) -> dict[str, str]:
    """What the channel system states outright; `nothing`: what it writes where it knows none (`FactsFile`)."""
    stated = ((name, (getattr(facts, name) or "").strip()[:MAX_FACT]) for name in GIVEN)
    return {name: value for name, value in stated if value and canonical(value) not in nothing}


def joined_facts(
    known: Mapping[str, str], known_given: frozenset[str], new: Mapping[str, str], new_given: frozenset[str], *,
    corrects: bool = False,
) -> dict[str, str]:  # fmt: skip
    """Known and new facts as one. Given beats extracted; among equals the known stays, unless the new `corrects` it."""
    joined = dict(known)
    for name, value in new.items():
        weaker = name in known_given and name not in new_given
        stronger = name in new_given and name not in known_given
        if name not in joined or stronger or (corrects and not weaker):
            joined[name] = value
    return joined
