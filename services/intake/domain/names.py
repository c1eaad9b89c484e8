"""Whether two names may be one person's (IN-3)."""

import re
from functools import lru_cache
from unicodedata import normalize

_MOST_CHARS = 200
"""Of a name that are compared."""
_WORD = re.compile(r"[^\W_]+")
_BETWEEN_SIGNS = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")


def alike(one: str, other: str, titles: tuple[str, ...]) -> bool:
    """Whether all words of one are words of the other: 王芳 and 王芳女士, Ann and Ms Ann Lee; not Ann and Joanna.

    What is left of a name without its title must be more than a sign: 王女士 and 王先生 are two.
    """
    a, b = _words(one, titles), _words(other, titles)
    if _folded(one) == _folded(other):
        return bool(a)
    return bool(a and b) and (a <= b or b <= a) and not (_is_sign(a) or _is_sign(b))


def differ(one: str, other: str, titles: tuple[str, ...]) -> bool:
    """Whether they can't be one person's. A surname or an initial alone (王女士) may be of whoever has it."""
    a, b = _words(one, titles), _words(other, titles)
    return bool(a and b) and not (a <= b or b <= a or _begins(a, b) or _begins(b, a))


def _begins(sign: frozenset[str], words: frozenset[str]) -> bool:
    return _is_sign(sign) and any(word.startswith(tuple(sign)) for word in words)


def _is_sign(words: frozenset[str]) -> bool:
    return len(words) == 1 and len(next(iter(words))) == 1


def _folded(name: str) -> str:
    return "".join(_plain(name).split())


def _plain(name: str) -> str:
    return normalize("NFKC", name[:_MOST_CHARS]).casefold()


@lru_cache(maxsize=65_536)
def _words(name: str, titles: tuple[str, ...]) -> frozenset[str]:
    """A Chinese name is one word, however it is spaced."""
    text = _BETWEEN_SIGNS.sub("", _plain(name))
    return frozenset(filter(None, (_untitled(word, titles) for word in _WORD.findall(text))))


def _untitled(word: str, titles: tuple[str, ...]) -> str:
    if word in titles:
        return ""
    ends = (title for title in titles if not title.isascii() and word.endswith(title))
    return word.removesuffix(max(ends, key=len, default=""))
