"""The words by which texts are searched and compared (IN-9): the same for a case, a question and a knowledge entry.

Chinese, Japanese and Korean are cut into pairs of neighbouring characters, so that whatever two signs or more a text
holds are found however a dictionary would cut it. Other words are in lower case and without a plural s. A number or
code of five signs or more (order, serial, phone) is one token, `#` and the code without its dashes: found exactly.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

MOST_TOKENS = 1_000
MOST_CHARS = 20_000
"""How much of a text is read for words."""
CODE = "#"
_CODE_FROM = 5
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_RUN = re.compile(f"[{_CJK}]+")
_PIECE = re.compile(r"[^\W_]+(?:[-./_@+'][^\W_]+)*")
_JOINTS = re.compile(r"[-./_@+']")
_DIGIT = re.compile(r"\d")
_FILLERS = (
    "a an the is are was were be been am i you he she it we they me my your his her its our their this that these "
    "those and or but if of to in on at for with from by as do does did have has had can could will would should so "
    "not no there here please don t s m re ve ll d"
)
_STOP = frozenset(_FILLERS.split())


def tokens(*texts: str | None, most: int = MOST_TOKENS) -> tuple[str, ...]:
    """The tokens of the texts, each once, in their order; the first `most`."""
    found: dict[str, None] = {}
    for text in texts:
        if text and len(found) < most:
            found.update(dict.fromkeys(_tokens(text[:MOST_CHARS])))
    return tuple(found)[:most]


def asked(q: str) -> tuple[str, ...]:
    """The tokens that must all occur in what is looked for. A code with dashes is looked for as a whole only."""
    found = dict.fromkeys(token for piece in plain(q).split() for token in _asked_of(piece))
    return tuple(found)


def words(of: Iterable[str]) -> frozenset[str]:
    """Without codes, which say who it is about, not what."""
    return frozenset(token for token in of if not token.startswith(CODE))


def plain(text: str) -> str:
    """Lower case, full-width forms made narrow."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text).replace("’", "'")).lower()


def _tokens(text: str) -> Iterator[str]:
    text = plain(text)
    if not text.isascii():
        for run in _RUN.findall(text):
            yield from _pairs(run)
        text = _RUN.sub(" ", text)
    for piece in _PIECE.findall(text):
        yield from _word(piece) if piece.isalpha() else _of_piece(piece)


def _asked_of(piece: str) -> Iterator[str]:
    found = list(_tokens(piece))
    whole = [token for token in found if token.startswith(CODE)]
    dashed = _JOINTS.search(piece) and whole
    yield from ([max(whole, key=len)] if dashed and not _RUN.search(piece) else found)


def _pairs(run: str) -> Iterator[str]:
    return map("".join, pairwise(run))


def _of_piece(piece: str) -> Iterator[str]:
    parts = _JOINTS.split(piece)
    if len(parts) > 1 and _DIGIT.search(piece):
        yield from _code("".join(parts))
    for part in parts:
        if _DIGIT.search(part):
            yield from (_code(part) if len(part) >= _CODE_FROM else [part])
        else:
            yield from _word(part)


def _word(text: str) -> tuple[str, ...]:
    return (_singular(text),) if len(text) > 1 and text not in _STOP else ()


def _code(text: str) -> Iterator[str]:
    if len(text) >= _CODE_FROM:
        yield CODE + text


def _singular(word: str) -> str:
    """Harman's S stemmer (1991, "How effective is suffixing?"): plurals only."""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and not word.endswith(("eies", "aies")):
        return word[:-3] + "y"
    if word.endswith("es") and not word.endswith(("aes", "ees", "oes")):
        return word[:-1]
    return word if word.endswith(("us", "ss")) else word[:-1]
