"""A customer who only says thanks takes nothing back: his case stays solved (IN-4)."""

import re
import unicodedata
from functools import lru_cache


def only_thanks(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether nothing is left of the text without these phrases, signs and blanks."""
    if not text or not phrases:
        return False
    said = unicodedata.normalize("NFKC", text).casefold()
    left, found = _pattern(phrases).subn(" ", said)
    return found > 0 and not any(sign.isalnum() for sign in left)


@lru_cache(maxsize=8)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """The longest first; a Latin phrase is a whole word."""
    longest = sorted((phrase.casefold() for phrase in phrases), key=len, reverse=True)
    return re.compile("|".join(rf"\b{re.escape(p)}\b" if p.isascii() else re.escape(p) for p in longest))
