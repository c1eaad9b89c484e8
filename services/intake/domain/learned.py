"""What was learned from labelled examples (IN-5, IN-12): a linear model over n-grams that says how sure it is.

x            (1 + ln n) * idf of each known n-gram that stands n times in the text; words and pieces (`ngrams.py`)
             are scaled to length 1 each                   sublinear TF-IDF, Manning et al. 2008, section 6.4
known        the share of the text's different pieces that the model knows; under KNOWN_SHARE it has no reading
margin       (x . weights + bias) * known, one per label: of a text that is mostly strange little is said for sure
confidence   the largest of softmax(sharpness * margins)   temperature scaling, Guo et al. 2017
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, InstanceOf

from services.intake.domain.ngrams import ngrams

FORMAT = 1
MAX_NGRAMS, MAX_LABELS = 100_000, 1_000
KNOWN_SHARE = 0.2
Floats = NDArray[np.float32]


class Reading(NamedTuple):
    """What a model says of a text. `confidence`: the chance that the label is right, 0 to 1."""

    label: str
    confidence: float


@dataclass(frozen=True)
class Model:
    """`words` and `pieces`: n-gram -> its row in `idf` and `weights`, whose columns are the labels.

    `figures`: how it did on examples that it had not learned from, as JSON text for people.
    """

    labels: tuple[str, ...]
    words: Mapping[str, int]
    pieces: Mapping[str, int]
    idf: Floats
    weights: Floats
    bias: Floats
    sharpness: float
    figures: str = "{}"

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> "Model":
        """The model in the arrays of its file. Raises ValueError for a broken one or one of a newer format."""
        _check(arrays)
        words, pieces = _lines(arrays["words"]), _lines(arrays["pieces"])
        model = cls(
            labels=_lines(arrays["labels"]),
            words={ngram: row for row, ngram in enumerate(words)},
            pieces={ngram: row for row, ngram in enumerate(pieces, len(words))},
            idf=arrays["idf"].astype(np.float32),
            weights=arrays["weights"].astype(np.float32),
            bias=arrays["bias"].astype(np.float32),
            sharpness=float(arrays["sharpness"]),
            figures=arrays["figures"].tobytes().decode(),
        )
        model._check_sizes()
        return model

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What its file holds; `of` reads it. Weights are kept to three digits, which changes no label."""
        said: dict[str, NDArray[Any]] = {
            "format": np.array(FORMAT),
            "labels": _text("\n".join(self.labels)),
            "words": _text("\n".join(self.words)),
            "pieces": _text("\n".join(self.pieces)),
            "idf": self.idf.astype(np.float16),
            "weights": self.weights.astype(np.float16),
            "bias": self.bias.astype(np.float32),
            "sharpness": np.array(self.sharpness),
            "figures": _text(self.figures),
        }
        return {**said, "digest": _text(_digest(said))}

    @cached_property
    def version(self) -> str:
        """The same for the same examples, and for these alone."""
        return _digest(self.arrays())[:12]

    def read(self, text: str) -> Reading | None:
        """The likeliest label; None for a text that says nothing to this model."""
        margins = self.margins(text)
        if margins is None:
            return None
        chances = np.exp(self.sharpness * (margins - margins.max()))
        best = int(chances.argmax())
        return Reading(self.labels[best], round(float(chances[best] / chances.sum()), 3))

    def margins(self, text: str) -> Floats | None:
        """How much speaks for each label."""
        words, pieces = ngrams(text)
        counted = Counter(pieces)
        known = sum(piece in self.pieces for piece in counted) / len(counted) if counted else 0.0
        if known < KNOWN_SHARE:
            return None
        return (self.bias + self._half(counted, self.pieces) + self._half(Counter(words), self.words)) * known

    def _half(self, counts: Mapping[str, int], rows: Mapping[str, int]) -> Floats | float:
        at, values = vector(counts, rows, self.idf)
        return values @ self.weights[at] if at else 0.0

    def _check_sizes(self) -> None:
        ngrams_, labels = len(self.words) + len(self.pieces), len(self.labels)
        if not 2 <= labels <= MAX_LABELS or len(set(self.labels)) < labels:
            raise ValueError(f"a model has 2 to {MAX_LABELS} different labels")
        sizes = (self.idf.shape, self.weights.shape, self.bias.shape)
        if ngrams_ > MAX_NGRAMS or sizes != ((ngrams_,), (ngrams_, labels), (labels,)):
            raise ValueError(f"sizes do not agree: {ngrams_} n-grams, {labels} labels, arrays of {sizes}")
        if not all(np.isfinite(a).all() for a in (self.idf, self.weights, self.bias, np.array(self.sharpness))):
            raise ValueError("some numbers are not finite")


def vector(counts: Mapping[str, int], rows: Mapping[str, int], idf: Floats) -> tuple[list[int], Floats]:
    """The rows of the n-grams that are known, and their weights in the text, of length 1 together."""
    at = [rows[ngram] for ngram in counts if ngram in rows]
    often = [1 + log(count) if count > 1 else 1.0 for ngram, count in counts.items() if ngram in rows]
    values = np.array(often, dtype=np.float32) * idf[at]
    return at, values / (sqrt(float(values @ values)) or 1.0)


def _check(arrays: Mapping[str, Any]) -> None:
    known = {"format", "labels", "words", "pieces", "idf", "weights", "bias", "sharpness", "figures", "digest"}
    if not isinstance(arrays, Mapping) or "format" not in arrays:
        raise ValueError("not a model that `switchboard learn` wrote")
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"format {int(arrays['format'])} is not known here, only {FORMAT}: learn it again")
    if absent := sorted(known - set(arrays)):
        raise ValueError(f"parts are missing: {', '.join(absent)}")
    if _digest(arrays) != arrays["digest"].tobytes().decode(errors="replace"):
        raise ValueError("its content is not what was written (the digest differs): copy it or learn it again")


def _digest(arrays: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(set(arrays) - {"digest"}):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
    return digest.hexdigest()


def _text(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _lines(array: NDArray[np.uint8]) -> tuple[str, ...]:
    text = array.tobytes().decode()
    return tuple(text.split("\n")) if text else ()


def _model(value: Any) -> Model:
    return value if isinstance(value, Model) else Model.of(value)


Learned = Annotated[InstanceOf[Model], BeforeValidator(_model)]
"""A model as a member of the rules."""
