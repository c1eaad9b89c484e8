"""The knowledge base (IN-21): which entry answers a question, which ones help with a case, which ones a search finds.

An entry is compared by its phrases: its title and the questions that customers ask. How alike: `similar.py`, with words
weighed by how many phrases hold them. An entry bound to models (`products`) is not offered to who names another, and
what is for staff is no answer to a customer.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from services.intake.domain.approve import Approved, in_force
from services.intake.domain.entry import Entry, Wording
from services.intake.domain.firmware import older
from services.intake.domain.similar import Frequencies
from services.intake.domain.tokens import CODE, tokens
from shared.events.cases import Suggestion

MOST_SUGGESTED = 3
NOTHING: Mapping[str, str] = {}
SAME_CATEGORY = 1.25
"""An entry of the case's own category counts a quarter more."""
_MODEL = re.compile(r"[a-z]{1,6}\d{1,5}[a-z]{0,4}")


@dataclass(frozen=True)
class Found:
    """An entry and how sure it is, 0 to 1. `language`: the one in which it was found."""

    entry: Entry
    language: str
    score: float

    def wording(self, language: str) -> tuple[str, Wording]:
        """In this language if it has it, else in the one it was found in; and which that is."""
        spoken = language if language in self.entry.texts else self.language
        return spoken, self.entry.texts[spoken]


@dataclass(frozen=True)
class _Phrase:
    words: frozenset[str]
    entry: Entry
    language: str


class Library:
    """All entries in force. Immutable; made anew when one changes."""

    def __init__(self, shipped: Iterable[Entry], approved: Iterable[Approved] = ()) -> None:
        self.entries = _in_force(shipped, approved)
        shown = {id_: entry.for_customers() for id_, entry in self.entries.items()}
        self.for_customers = {id_: entry for id_, entry in shown.items() if entry}
        phrases = [phrase for entry in self.entries.values() for phrase in _phrases(entry)]
        self._frequencies = Frequencies.counted(phrase.words for phrase in phrases)
        self._by_word: dict[str, list[_Phrase]] = {}
        for phrase in phrases:
            for word in phrase.words:
                self._by_word.setdefault(word, []).append(phrase)
        self._models = {entry.id: _models(tokens(*entry.products)) for entry in self.entries.values()}
        self._no_models = _models(self._by_word).difference(*self._models.values())

    def answer(self, question: str) -> Found | None:
        """Of what customers may read, the entry with the phrase that is most alike."""
        said = frozenset(tokens(question))
        found = self._best(said, lambda phrase: self._frequencies.cosine(phrase.words, said), self._shown)
        best = max(found, key=lambda one: one.score, default=None)
        return best and Found(self.for_customers[best.entry.id], best.language, best.score)

    def suggested(
        self, said: Set[str], category: Sequence[str], least: float, facts: Mapping[str, str] = NOTHING
    ) -> list[Found]:
        """What may help with a case whose customer said these words; the best first, at most MOST_SUGGESTED.

        A case says more than a phrase does, so it counts how much of the phrase it covers. `facts`: of which model and
        firmware it is.
        """
        found = self._best(said, lambda phrase: self._frequencies.covered(phrase.words, said))
        held = [one for one in found if self._holds(one.entry, facts)]
        ranked = [Found(one.entry, one.language, _ranked(one, category)) for one in held]
        ranked.sort(key=lambda one: (-one.score, one.entry.id))
        return [one for one in ranked if one.score >= least][:MOST_SUGGESTED]

    def search(self, q: str, kind: str | None, language: str | None, product: str | None) -> list[Found]:
        """All entries that hold a word of `q` anywhere; without `q` all, by id.

        First those that say most of it, and of these the one with the phrase that is most alike.
        """
        wanted = [e for e in self.entries.values() if _is(e, kind, language, product)]
        said = frozenset(tokens(q))
        found = [self._searched(entry, said, language) for entry in wanted]
        alike = {one.entry.id: one.score for one in self._best(said, lambda p: self._frequencies.cosine(p.words, said))}
        return sorted(
            (f for f in found if f.score or not q),
            key=lambda one: (-one.score, -alike.get(one.entry.id, 0), one.entry.id),
        )

    def _searched(self, entry: Entry, said: frozenset[str], language: str | None) -> Found:
        """In the language whose own words say most of it; codes are the same in all."""
        spoken = [language] if language else list(entry.texts)
        texts = {name: _everything(entry, name) for name in spoken}
        best = max(spoken, key=lambda name: self._frequencies.covered(said, texts[name]))
        codes = frozenset(tokens(entry.id, *entry.products))
        return Found(entry, best, round(self._frequencies.covered(said, texts[best] | codes), 3))

    def _shown(self, phrase: _Phrase) -> bool:
        return phrase.entry.texts[phrase.language].audience == "all"

    def _holds(self, entry: Entry, facts: Mapping[str, str]) -> bool:
        """Whether it is about the model and the firmware of a case, as far as both say which."""
        model = {token.removeprefix(CODE) for token in tokens(facts.get("device_model"))}
        another = model and entry.products and model.isdisjoint(self._models[entry.id])
        return not another and not older(facts.get("firmware", ""), entry.firmware)

    def _best(
        self, said: Set[str], score: Callable[[_Phrase], float], wanted: Callable[[_Phrase], bool] = lambda _: True
    ) -> list[Found]:
        """By entry, its best phrase."""
        named = _models(said) - self._no_models
        best: dict[str, Found] = {}
        for phrase in {id(p): p for word in said for p in self._by_word.get(word, ())}.values():
            entry = phrase.entry
            if not wanted(phrase) or (named and entry.products and named.isdisjoint(self._models[entry.id])):
                continue
            value = round(score(phrase), 3)
            if entry.id not in best or value > best[entry.id].score:
                best[entry.id] = Found(entry, phrase.language, value)
        return list(best.values())


def brief(found: Found, language: str) -> Suggestion:
    """What it is, for when, and how sure; the whole is in the knowledge base."""
    spoken, wording = found.wording(language)
    entry = found.entry
    return Suggestion(
        id=entry.id, version=entry.version_in(spoken), kind=entry.kind, language=spoken, title=wording.title,
        scenario=wording.scenario, score=found.score,
    )  # fmt: skip


def whole(found: Found, language: str) -> dict[str, Any]:
    entry, (_, wording) = found.entry, found.wording(language)
    more = {"categories": entry.categories, "products": entry.products, "firmware": entry.firmware}
    return {**brief(found, language).model_dump(), **more, **wording.model_dump(mode="json")}


def _in_force(shipped: Iterable[Entry], approved: Iterable[Approved]) -> dict[str, Entry]:
    entries = {entry.id: entry for entry in shipped}
    decided = {one.id: in_force(entries.get(one.id), one) for one in approved}
    return {id_: entry for id_, entry in {**entries, **decided}.items() if entry}


def _phrases(entry: Entry) -> Iterator[_Phrase]:
    for language, wording in entry.texts.items():
        for text in (wording.title, *wording.questions):
            yield _Phrase(frozenset(tokens(text)), entry, language)


def _is(entry: Entry, kind: str | None, language: str | None, product: str | None) -> bool:
    products = {name.casefold() for name in entry.products}
    return (
        kind in (None, entry.kind)
        and (not language or language in entry.texts)
        and (not product or product.casefold() in products)
    )


def _everything(entry: Entry, language: str) -> frozenset[str]:
    said = entry.texts[language]
    steps = [part for step in said.steps for part in (step.do, step.expect)]
    options = [part for option in said.options for part in (option.name, option.when, *option.pros, *option.cons)]
    return frozenset(tokens(said.title, said.scenario, *said.questions, said.body, *steps, *options))


def _models(of: Iterable[str]) -> set[str]:
    """Names of models among words: letters, then digits."""
    return {name for token in of if _MODEL.fullmatch(name := token.removeprefix(CODE))}


def _ranked(found: Found, category: Sequence[str]) -> float:
    own = any(tuple(category[: len(path)]) == tuple(path) for path in found.entry.categories)
    return round(min(1.0, found.score * SAME_CATEGORY), 3) if own else found.score
