"""A customer who only says thanks takes nothing back: his case stays solved (IN-4)."""

import re
import unicodedata
from functools import lru_cache


def only_thanks(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether the text is made of these phrases, of signs and of blanks."""
    if not text or not phrases:
        return False
    said = unicodedata.normalize("NFKC", text).casefold()
    phrase, nothing_else = _patterns(phrases)
    return bool(nothing_else.fullmatch(said) and phrase.search(said))


@lru_cache(maxsize=8)
def _patterns(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """One of the phrases, the longest first, a Latin one as a whole word; and a text of nothing else.

    The latter gives back nothing that it took (`(?>` and `*+`), so a text is read once, up to its first other word.
    """
    longest = sorted((phrase.casefold() for phrase in phrases), key=len, reverse=True)
    phrase = "|".join(rf"\b{re.escape(p)}\b" if p.isascii() else re.escape(p) for p in longest)
    return re.compile(phrase), re.compile(rf"(?>{phrase}|[\W_])*+")
