"""How alike two texts are, by the words that they share (IN-9): the rarer a word, the more it says.

weight(word) = ln(1 + (N - n + 0.5) / (n + 0.5))        inverse document frequency as BM25 has it (Robertson and
                                                        Sparck Jones 1976; with the 1 + of Lucene, never negative)
cosine(a, b) = sum of weight² over shared words / (|a| |b|)       0 nothing shared, 1 the same words
covered(a, b) = sum of weight² over shared words / |a|²           the share of a that b says too
"""

from collections import Counter
from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from math import log, sqrt

from services.intake.domain.case import Case
from shared.events.cases import SimilarCase

MOST_SIMILAR = 3
LEAST_ALIKE = 0.2
"""Below this two texts share small talk only."""
RARE = 0.05
MOST_RARE = 24
MAX_RESOLUTION = 500


@dataclass(frozen=True)
class Frequencies:
    """In how many of `of` texts a word stands."""

    counts: dict[str, int] = field(default_factory=dict)
    of: int = 0

    @classmethod
    def counted(cls, texts: Iterable[Collection[str]]) -> "Frequencies":
        counts: Counter[str] = Counter()
        number = 0
        for number, text in enumerate(texts, start=1):  # noqa: B007 - the last one is how many there are
            counts.update(text)
        return cls(dict(counts), number)

    def weight(self, word: str) -> float:
        return sqrt(self.says((word,)))

    def says(self, words: Iterable[str]) -> float:
        """The sum of weight²."""
        squares, unseen = self._squares, self._unseen
        return sum([squares.get(word, unseen) for word in words])

    def cosine(self, one: Set[str], other: Set[str]) -> float:
        shared = self.says(one & other)
        return shared / sqrt(self.says(one) * self.says(other)) if shared else 0.0

    def covered(self, part: Set[str], by: Set[str]) -> float:
        shared = self.says(part & by)
        return shared / self.says(part) if shared else 0.0

    def rarest(self, words: Iterable[str]) -> list[str]:
        """The rarest first: as many as together stand in RARE of all texts at most, one at least."""
        ranked = sorted(words, key=lambda word: (self.counts.get(word, 0), word))[:MOST_RARE]
        texts = accumulate(self.counts.get(word, 0) for word in ranked)
        return [word for word, count in zip(ranked, texts, strict=True) if count <= RARE * self.of] or ranked[:1]

    @cached_property
    def _squares(self) -> dict[str, float]:
        return {word: self._square(count) for word, count in self.counts.items()}

    @cached_property
    def _unseen(self) -> float:
        return self._square(min(1, self.of))

    def _square(self, count: int) -> float:
        return log(1 + (self.of - count + 0.5) / (count + 0.5)) ** 2


def helps(case: Case) -> bool:
    """Whether it may help others: it is solved, and says how."""
    return bool(case.status in ("resolved", "closed") and case.resolution and not case.merged_into)


def alike(
    own: Set[str], candidates: Iterable[tuple[str, Set[str]]], frequencies: Frequencies
) -> list[tuple[str, float]]:
    """By case id, the most alike, best first; at most MOST_SIMILAR."""
    scored = ((frequencies.cosine(own, words), id_) for id_, words in candidates)
    best = sorted((pair for pair in scored if pair[0] >= LEAST_ALIKE), reverse=True)[:MOST_SIMILAR]
    return [(id_, round(score, 3)) for score, id_ in best]


def shown(case: Case, score: float) -> SimilarCase:
    """What helped there, nothing of who it was."""
    resolution = (case.resolution or "")[:MAX_RESOLUTION]
    return SimilarCase(
        case_id=case.case_id, number=case.number, score=score, category=case.category, resolution=resolution,
        cause=case.cause,
    )  # fmt: skip
