"""How often a classifier is right, of what it said about labelled examples."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassScore:
    """`precision`: the share of those called so that are so, None where nothing was; `recall`: of those that are so."""

    label: str
    examples: int
    precision: float | None
    recall: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """So many of `label` were called `taken_for`; "" where nothing was said of them."""

    label: str
    taken_for: str
    count: int


@dataclass(frozen=True, slots=True)
class Scores:
    """`spoken`: the share of the examples of which something was said. `classes`: the largest first."""

    examples: int
    accuracy: float
    spoken: float
    classes: tuple[ClassScore, ...]
    confusions: tuple[Confusion, ...]


def scores(pairs: Iterable[tuple[str, str]]) -> Scores:
    """Of (what it is, what was said of it; "" for nothing). Raises ValueError where there are none."""
    counted = Counter(pairs)
    total = counted.total()
    if not total:
        raise ValueError("there is no example to count")
    wrong = [Confusion(label, said, count) for (label, said), count in counted.items() if label != said]
    return Scores(
        examples=total,
        accuracy=_share(total - sum(c.count for c in wrong), total),
        spoken=_share(sum(count for (_, said), count in counted.items() if said), total),
        classes=_classes(counted),
        confusions=tuple(sorted(wrong, key=lambda c: (-c.count, c.label, c.taken_for))),
    )


def _classes(counted: Counter[tuple[str, str]]) -> tuple[ClassScore, ...]:
    are: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for (label, taken_for), count in counted.items():
        are[label] += count
        said[taken_for] += count
    return tuple(
        ClassScore(label, count, _share(right, said[label]) if said[label] else None, _share(right, count))
        for label, count in sorted(are.items(), key=lambda one: (-one[1], one[0]))
        for right in (counted[label, label],)
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4)
