"""Learning a model from labelled examples (IN-5, IN-12): a linear support vector machine over TF-IDF n-grams.

Only this needs scikit-learn; what it makes is read by `domain/learned.py` without it. The same examples make the same
model. What is said of it was counted on examples that it had not learned from: a tenth of each label, or all of them,
a tenth at a time, where there are few.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.intake.domain.learned import MAX_NGRAMS, Floats, Model, vector
from services.intake.domain.ngrams import ngrams
from services.intake.scoring import Scores, scores

PARTS = 10
FEW = 2_000
LEAST = 5
"""Examples that a label needs: one is held out, and two of the others must share an n-gram for it to count."""
_SEED = 1
_COST = 0.5
_SEEN_IN = 2
_SHARPEST = 20.0
LEVELS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
Places = NDArray[np.int32]


class Example(NamedTuple):
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Level:
    """At this confidence or more the model speaks of `spoken` of the texts, and is right about `right` of those."""

    confidence: float
    spoken: float
    right: float | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was learned, from how many examples, and how it does on those held out."""

    model: Model
    examples: int
    held_out: Scores
    levels: tuple[Level, ...]


class _Heard(NamedTuple):
    label: str
    margins: Floats | None


def learn(examples: Sequence[Example], tell: Callable[[str], None] = lambda _: None) -> Lesson:
    """Repeats count once; `tell` hears what is being done.

    Raises ValueError for fewer than two labels or one of fewer than LEAST examples, ImportError without scikit-learn.
    """
    examples = sorted(set(examples))
    _check(examples)
    parts = _in_parts(examples)
    labels = sorted({example.label for example in examples})
    heard: list[_Heard] = []
    turns = range(PARTS if len(examples) <= FEW else 1)
    for turn in turns:
        tell(f"learning without a tenth, to try it on that: {turn + 1} of {len(turns)}")
        others = [example for number, part in enumerate(parts) if number != turn for example in part]
        heard += _tried(_trained(others), parts[turn])
    tell("learning from all examples")
    model = replace(_trained([example for part in parts for example in part]), sharpness=_sharpness(heard, labels))
    held_out = scores((label, _said(margins, labels)) for label, margins in heard)
    levels = tuple(_level(heard, labels, model.sharpness, confidence) for confidence in LEVELS)
    return Lesson(_with_figures(model, held_out, levels), len(examples), held_out, levels)


def _check(examples: Sequence[Example]) -> None:
    counted = Counter(example.label for example in examples)
    if len(counted) < 2:
        raise ValueError(f"two labels or more are needed, and there are {len(counted)}")
    if few := [label for label, count in counted.items() if count < LEAST]:
        raise ValueError(f"{LEAST} examples of a label are needed; fewer are there of {', '.join(sorted(few))}")


def _in_parts(examples: Sequence[Example]) -> list[list[Example]]:
    """PARTS of about the same size, with a tenth of each label in each; the first has one of every label."""
    by_label: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_label[example.label].append(example)
    parts: list[list[Example]] = [[] for _ in range(PARTS)]
    chance = random.Random(_SEED)
    for label in sorted(by_label):
        chance.shuffle(by_label[label])
        for place, example in enumerate(by_label[label]):
            parts[place % PARTS].append(example)
    return parts


def _trained(examples: Sequence[Example]) -> Model:
    from scipy.sparse import csr_array
    from sklearn.svm import LinearSVC

    words, pieces, idf = _vocabulary(example.text for example in examples)
    rows, values, ends = _vectors([example.text for example in examples], words, pieces, idf)
    texts = csr_array((values, rows, ends), shape=(len(examples), len(idf)))
    machine = LinearSVC(C=_COST, random_state=_SEED).fit(texts, [example.label for example in examples])
    weights, bias = machine.coef_.T, machine.intercept_
    if weights.shape[1] == 1:  # two labels: one margin, for the second of them
        weights, bias = np.hstack([-weights, weights]), np.hstack([-bias, bias])
    return Model(
        labels=tuple(map(str, machine.classes_)),
        words=words,
        pieces=pieces,
        idf=idf,
        weights=weights.astype(np.float32),
        bias=bias.astype(np.float32),
        sharpness=1.0,
    )


def _vocabulary(texts: Iterable[str]) -> tuple[dict[str, int], dict[str, int], Floats]:
    """N-grams of two texts or more, the commonest MAX_NGRAMS, and idf = ln((1 + texts) / (1 + texts with it)) + 1."""
    count, words, pieces = 0, Counter[str](), Counter[str]()
    for text in texts:
        count += 1
        for seen, found in zip((words, pieces), ngrams(text), strict=True):
            seen.update(set(found))
    known = [
        (n, kind, ngram) for kind, seen in enumerate((words, pieces)) for ngram, n in seen.items() if n >= _SEEN_IN
    ]
    kept = sorted(sorted(known, key=lambda one: (-one[0], one[1:]))[:MAX_NGRAMS], key=lambda one: one[1:])
    rows: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for row, (_, kind, ngram) in enumerate(kept):
        rows[kind][ngram] = row
    idf = np.array([np.log((1 + count) / (1 + n)) + 1 for n, _, _ in kept], dtype=np.float32)
    return *rows, idf


def _vectors(
    texts: Iterable[str], words: dict[str, int], pieces: dict[str, int], idf: Floats
) -> tuple[Places, Floats, Places]:
    """The texts as the parts of a sparse matrix by rows: columns, values, where each row ends."""
    at: list[int] = []
    values: list[Floats] = []
    ends = [0]
    for text in texts:
        for counted, rows in zip(map(Counter, ngrams(text)), (words, pieces), strict=True):
            places, weights = vector(counted, rows, idf)
            at += places
            values.append(weights)
        ends.append(len(at))
    return np.array(at, dtype=np.int32), np.concatenate(values), np.array(ends, dtype=np.int32)


def _tried(model: Model, examples: Iterable[Example]) -> Iterator[_Heard]:
    return (_Heard(example.label, model.margins(example.text)) for example in examples)


def _said(margins: Floats | None, labels: Sequence[str]) -> str:
    return "" if margins is None else labels[int(margins.argmax())]


def _sharpness(heard: Iterable[_Heard], labels: Sequence[str]) -> float:
    """That under which the labels of the texts held out are likeliest (Guo et al. 2017).

    As if one more text had been held out and read wrongly (Platt 1999), so that few texts make nothing certain.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    place = {label: at for at, label in enumerate(labels)}
    known = [(place[label], margins) for label, margins in heard if margins is not None]
    if not known:
        return 1.0
    margins, doubt = np.array([margins for _, margins in known]), 1 / (len(known) + 2)
    wanted = np.full(margins.shape, doubt / (len(labels) - 1))
    wanted[np.arange(len(known)), [at for at, _ in known]] = 1 - doubt

    def unlikely(sharpness: float) -> Any:
        sharp = sharpness * margins
        return (wanted * (logsumexp(sharp, axis=1, keepdims=True) - sharp)).sum()

    return round(float(minimize_scalar(unlikely, bounds=(0.1, _SHARPEST), method="bounded").x), 3)


def _level(heard: Sequence[_Heard], labels: Sequence[str], sharpness: float, confidence: float) -> Level:
    spoken = [
        label == labels[int(margins.argmax())]
        for label, margins in heard
        if margins is not None and 1 / np.exp(sharpness * (margins - margins.max())).sum() >= confidence
    ]
    right = round(sum(spoken) / len(spoken), 4) if spoken else None
    return Level(confidence, round(len(spoken) / len(heard), 4), right)


def _with_figures(model: Model, held_out: Scores, levels: Sequence[Level]) -> Model:
    """What a file says of itself: how it did, and its worst confusions."""
    said = {
        "held_out": held_out.examples,
        "accuracy": held_out.accuracy,
        "levels": [asdict(level) for level in levels],
        "confusions": [asdict(confusion) for confusion in held_out.confusions[:20]],
    }
    return replace(model, figures=json.dumps(said, ensure_ascii=False))
