"""Keywords in running text: one automaton finds all of them in one pass, tables say what each one means.

How a keyword is written (in every rule file):
    退款              anywhere in the text
    refund            as a whole word, whatever the case, also with a plural s
    refund*           as the beginning of a word: refund, refunds, refunded
    card + arriv*     all parts near each other (NEAR characters), in any order
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

from ahocorasick_rs import AhoCorasick

from services.intake.domain.visible import readable

T = TypeVar("T")

_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
NEAR = 80
_FAR = 1 << 30
_PART_END = re.compile(r"[\n\r\t\x85\u2028\u2029]|\s-|-\s|--")
"""What ends a part of a text, and is a blank once it is unified: the end of a line or a cell, and a dash."""
CJK_WEIGHT, LATIN_WEIGHT = 2.0, 0.6


def unify(text: str) -> str:
    """Lower case, full-width forms made narrow, hyphens and runs of white space made one blank; nothing invisible."""
    return _joined(_narrow(text))


def _narrow(text: str) -> str:
    text = readable(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    return text.lower()


def _joined(narrow: str) -> str:
    return " ".join(narrow.replace("-", " ").replace("_", " ").replace("`", "'").split())


def unify_parts(text: str) -> tuple[str, tuple[int, ...]]:
    """The text unified, and where in it a line, a cell or what stands before a dash ends."""
    parts = [part for piece in _PART_END.split(_narrow(text)) if (part := _joined(piece))]
    ends = accumulate((len(part) + 1 for part in parts[:-1]), initial=-1)
    return " ".join(parts), tuple(ends)[1:]


def parts_of(keyword: str) -> tuple[str, ...]:
    """The parts of a keyword, unified; `*` stays at the end of a part. Raises ValueError for an empty part."""
    parts = tuple(unify(part) for part in keyword.split("+"))
    for part in parts:
        if not part.rstrip("*") or "*" in part[:-1]:
            raise ValueError(f"keyword {keyword!r}: every part needs letters, and * stands only at its end")
    return parts


def weight_of(parts: Iterable[str]) -> float:
    """How specific a keyword is: 2 per Chinese character, 0.6 per Latin letter, so that 退款 weighs like `refunds`."""
    return sum(LATIN_WEIGHT if char.isascii() else CJK_WEIGHT for part in parts for char in part.rstrip("*"))


class Hit(NamedTuple):
    """A part found in the unified text, from `start` up to `end`."""

    part: str
    start: int
    end: int


class Scan(NamedTuple):
    """What was found: the unified text, all hits in order of their end, and where each part stands first.

    `part_ends`: the blanks of the text that were the end of a line, of a cell, or a dash (`unify_parts`).
    """

    text: str
    hits: tuple[Hit, ...]
    first: Mapping[str, int]
    part_ends: tuple[int, ...] = ()


def scan_of(text: str, hits: Iterable[Hit], part_ends: tuple[int, ...] = ()) -> Scan:
    """`hits`: in order of their end."""
    kept = tuple(hits)
    first: dict[str, int] = {}
    for hit in kept:
        first.setdefault(hit.part, hit.start)
    return Scan(text, kept, first, part_ends)


def longest(hits: Iterable[Hit]) -> list[Hit]:
    """From left to right, a longer one before the shorter ones that it overlaps."""
    kept, end = [], 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start >= end:
            kept.append(hit)
            end = hit.end
    return kept


class Found(NamedTuple, Generic[T]):
    value: T
    weight: float
    start: int


class Keywords(Generic[T]):
    """A table from keywords to what they mean."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._single: dict[str, list[tuple[T, float]]] = {}
        self._joint: dict[str, dict[str, list[tuple[T, float, tuple[str, ...]]]]] = {}
        parts_seen: set[str] = set()
        for keyword, value in entries:
            parts = parts_of(keyword)
            parts_seen.update(parts)
            self._add(parts, value)
        self.parts = frozenset(parts_seen)

    def _add(self, parts: tuple[str, ...], value: T) -> None:
        first, *others = parts
        if not others:
            self._single.setdefault(first, []).append((value, weight_of(parts)))
        else:
            second = self._joint.setdefault(first, {}).setdefault(others[0], [])
            second.append((value, weight_of(parts), tuple(others[1:])))

    def found(self, scan: Scan) -> Iterator[Found[T]]:
        """Each keyword that the text holds, once."""
        present = scan.first
        for part in present:
            if part not in self.parts:
                continue
            for value, weight in self._single.get(part, ()):
                yield Found(value, weight, present[part])
            if part in self._joint:
                yield from self._found_together(self._joint[part], present, present[part])

    def _found_together(
        self, seconds: dict[str, list[tuple[T, float, tuple[str, ...]]]], present: Mapping[str, int], start: int
    ) -> Iterator[Found[T]]:
        for second, place in present.items():
            if second in seconds and -NEAR <= place - start <= NEAR:
                for value, weight, others in seconds[second]:
                    if all(-NEAR <= present.get(other, _FAR) - start <= NEAR for other in others):
                        yield Found(value, weight, start)

    def values(self, scan: Scan) -> set[T]:
        if self.parts.isdisjoint(scan.first):
            return set()
        return {found.value for found in self.found(scan)}

    def in_order(self, scan: Scan) -> list[T]:
        """What the text speaks of, first things first, each once."""
        if self.parts.isdisjoint(scan.first):
            return []
        found = sorted(self.found(scan), key=lambda f: f.start)
        return list(dict.fromkeys(f.value for f in found))


class Scanner:
    """One automaton over the parts of all tables. A hit inside a longer hit of `ignore` (不急 holds 急) is no hit."""

    def __init__(self, parts: Iterable[str], ignore: Iterable[str] = ()) -> None:
        self._ignore = frozenset(part for keyword in ignore for part in parts_of(keyword))
        texts: defaultdict[str, list[tuple[str, bool, bool]]] = defaultdict(list)
        for part in sorted({*parts, *self._ignore}):
            text = part.rstrip("*")
            texts[text].append((part, text[0] in _WORD, text[-1] in _WORD and not part.endswith("*")))
        self._meanings = list(texts.values())
        self._automaton = AhoCorasick(list(texts))

    def scan(self, text: str) -> Scan:
        text, part_ends = unify_parts(text)
        return scan_of(text, self._without_ignored(list(self._hits(text))), part_ends)

    def _hits(self, text: str) -> Iterator[Hit]:
        length = len(text)
        for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            inside_left = start > 0 and text[start - 1] in _WORD
            inside_right = end < length and text[end] in _WORD and not _plural_ends(text, end, length)
            for part, left, right in self._meanings[index]:
                if not (left and inside_left) and not (right and inside_right):
                    yield Hit(part, start, end)

    def _without_ignored(self, hits: list[Hit]) -> list[Hit]:
        masks = sorted((hit.start, hit.end) for hit in hits if hit.part in self._ignore)
        if not masks:
            return hits
        starts = [start for start, _ in masks]
        reach = [-1, *accumulate((end for _, end in masks), max)]
        return [hit for hit in hits if not _inside(hit, starts, reach)]


def _inside(hit: Hit, starts: list[int], reach: list[int]) -> bool:
    """Whether a longer mask covers the hit. `reach[n]`: how far the first n masks go, by their starts."""
    before, until = bisect_left(starts, hit.start), bisect_right(starts, hit.start)
    return reach[before] >= hit.end or reach[until] > hit.end


def _plural_ends(text: str, end: int, length: int) -> bool:
    return text[end] == "s" and (end + 1 == length or text[end + 1] not in _WORD)
