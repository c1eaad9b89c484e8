"""Key facts of a case (IN-8): what the customer's words name (`rules/facts.yaml`), and what a channel states."""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from services.intake.domain.rules_facts import GIVEN, FactPatterns
from shared.events.contacts import Facts

MAX_FACT = 100
_DIGIT = re.compile(r"\d")


def extracted_facts(text: str, patterns: FactPatterns) -> dict[str, str]:
    """The first of each kind of fact that the text names, in capitals where it is a code."""
    if not _DIGIT.search(text):
        return {}
    text = unicodedata.normalize("NFKC", text)
    found = {name: value for name, values in patterns.named_in(text) if (value := _first(values))}
    if found.get("device_model") and found["device_model"] == found.get("serial"):
        del found["device_model"]
    return found


def _first(values: Iterator[str]) -> str:
    value = next((value for value in values if len(value) <= MAX_FACT), "")
    return value if "@" in value else value.upper()


def canonical(value: str) -> str:
    """As one is compared with another, however it was written."""
    return "".join(unicodedata.normalize("NFKC", value).upper().split())


def given_facts(facts: Facts) -> dict[str, str]:
    """What the channel system states outright."""
    stated = ((name, (getattr(facts, name) or "").strip()[:MAX_FACT]) for name in GIVEN)
    return {name: value for name, value in stated if value}


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
