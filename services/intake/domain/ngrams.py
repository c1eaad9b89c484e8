"""What a learned model counts in a text: its words with their pairs, and the pieces of those words.

A number or code of five digits or more and a mail address count as one sign: they say who somebody is, which has no
place in a model that is copied and kept.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from services.intake.domain.keywords import unify

READ_CHARS = 2_000
"""How much of a text is read: what a contact is about stands early, and a long one must not hold up the others."""
_RUN = re.compile("[a-z0-9$€£¥']+|[\u4e00-\u9fff\u3400-\u4dbf]+")
_FIRST_CJK = "\u3400"
_ADDRESS = re.compile(r"[a-z0-9._%+-]+@[a-z0-9.-]+")
_DIGITS = re.compile(r"\d")
_CODE_FROM = 5
_SOMEBODY = "0"
_PIECES_LATIN, _PIECES_CJK = range(2, 6), range(1, 4)


def ngrams(text: str) -> tuple[list[str], list[str]]:
    """(words, pieces), each with its repeats.

    Words: Latin ones and pairs of neighbours. Pieces: 2 to 5 letters within a Latin word, its ends marked by a blank;
    1 to 3 characters of Chinese, which is written without blanks and so has no words here.
    """
    words: list[str] = []
    pieces: list[str] = []
    for run in _RUN.findall(_nobodys(unify(text[:READ_CHARS]))):
        if run[0] < _FIRST_CJK:
            word = run if len(_DIGITS.findall(run)) < _CODE_FROM else _SOMEBODY
            words.append(word)
            pieces.extend(_pieces(f" {word} ", _PIECES_LATIN))
        else:
            pieces.extend(_pieces(run, _PIECES_CJK))
    return [*words, *map(" ".join, pairwise(words))], pieces


def _nobodys(text: str) -> str:
    return _ADDRESS.sub(f" {_SOMEBODY} ", text) if "@" in text else text


def _pieces(run: str, lengths: range) -> Iterator[str]:
    return (run[at : at + length] for length in lengths for at in range(len(run) - length + 1))
