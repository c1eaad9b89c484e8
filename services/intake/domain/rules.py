"""Everything about intake that an operator may change: five files, validated together and compiled once.

`Rules.parse({"categories": ..., "priorities": ..., "words": ..., "sentiment": ..., "lifecycle": ...})` raises
pydantic's ValidationError, whose locations start with the file's name.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from services.intake.domain.keywords import Keywords, Scanner, parts_of
from shared.events.cases import Kind, Priority

Mood = Literal["negative", "positive"]
SentimentLabel = Literal["strong_negative", "negative", "neutral", "positive"]
Impact = Literal["one_user", "enterprise", "region"]
Urgency = Literal["normal", "high", "critical"]
Share = Annotated[float, Field(ge=0, le=1)]
MAX_CONTACTS = 300
"""Above this a case's document could outgrow 64 KiB."""


def _readable(keyword: str) -> str:
    parts_of(keyword)
    return keyword


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Versioned(_File):
    version: Annotated[str, Field(min_length=1)]


Name = TypeVar("Name", bound=str)


def _word(value: Any) -> Any:
    """YAML reads `12315` as a number and `no` as false."""
    if isinstance(value, bool):
        raise ValueError("YAML reads this word as true or false; put it in quotes")
    return str(value) if isinstance(value, int) else value


Word = Annotated[str, BeforeValidator(_word), Field(min_length=1, max_length=80)]
Words = tuple[Word, ...]


class Category(_File):
    """A node of the tree.

    `kind` is what such a contact usually is, `mood` the sentiment it goes with, if only one, `weight` a factor on its
    own keywords (below 1 for words that say little, such as the name of a device).
    """

    name: Annotated[str, Field(min_length=1, max_length=40)]
    en: Annotated[str, Field(min_length=1, max_length=60)]
    kind: Kind | None = None
    mood: Mood | None = None
    weight: Annotated[float, Field(gt=0, le=5)] = 1.0
    keywords: Words = ()
    children: tuple["Category", ...] = ()

    @field_validator("keywords")
    @classmethod
    def keywords_readable(cls, keywords: Words) -> Words:
        return tuple(_readable(keyword) for keyword in keywords)

    @field_validator("children")
    @classmethod
    def siblings_differ(cls, children: tuple["Category", ...]) -> tuple["Category", ...]:
        return _differ(children)


def _differ(siblings: tuple[Category, ...]) -> tuple[Category, ...]:
    names = [name for sibling in siblings for name in {sibling.name.casefold(), sibling.en.casefold()}]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"siblings with the same name: {', '.join(sorted(twice))}")
    return siblings


class Leaf(BaseModel):
    """A node of the second or third level, flattened: `index` is its place, `second` the place of its second level."""

    model_config = ConfigDict(frozen=True)
    index: int
    second: int
    path: tuple[str, ...]
    kind: Kind | None
    mood: Mood | None
    weight: float
    keywords: Words


class CategoriesFile(_Versioned):
    fallback: Annotated[tuple[str, ...], Field(min_length=2, max_length=3)]
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def tree_is_sound(self) -> "CategoriesFile":
        _differ(self.categories)
        for top in self.categories:
            _check_levels(top)
        if self.resolve(self.fallback) is None:
            raise ValueError(f"fallback {' / '.join(self.fallback)} is not in the tree")
        _no_keyword_twice(self.leaves)
        return self

    @cached_property
    def leaves(self) -> tuple[Leaf, ...]:
        return tuple(_flatten(self.categories))

    def resolve(self, path: Iterable[str]) -> tuple[str, ...] | None:
        """The path by its Chinese names, whichever language each name was given in; None when it is not in the tree."""
        names: list[str] = []
        siblings = self.categories
        for wanted in path:
            node = next((n for n in siblings if wanted == n.name or wanted.casefold() == n.en.casefold()), None)
            if node is None:
                return None
            names.append(node.name)
            siblings = node.children
        return tuple(names) or None

    def choices(self, path: Iterable[str]) -> tuple[str, ...]:
        """The names allowed at the first place where the path leaves the tree."""
        siblings = self.categories
        for wanted in path:
            node = next((n for n in siblings if wanted == n.name or wanted.casefold() == n.en.casefold()), None)
            if node is None:
                break
            siblings = node.children
        return tuple(node.name for node in siblings)


def _check_levels(top: Category) -> None:
    if top.keywords:
        raise ValueError(f"{top.name}: keywords belong to the second and third level")
    if not top.children:
        raise ValueError(f"{top.name}: a first level needs second levels")
    for second in top.children:
        for third in second.children:
            if third.children:
                raise ValueError(f"{top.name} / {second.name} / {third.name}: the tree has three levels at most")


def _flatten(tops: tuple[Category, ...]) -> Iterator[Leaf]:
    index = 0
    for top in tops:
        for second in top.children:
            at = index
            for lineage in ((top, second), *((top, second, third) for third in second.children)):
                yield _leaf(index, at, lineage)
                index += 1


def _leaf(index: int, second: int, lineage: tuple[Category, ...]) -> Leaf:
    """Kind and mood come down from above where a node has none of its own; weight and keywords do not."""
    own = lineage[-1]
    return Leaf(
        index=index,
        second=second,
        path=tuple(node.name for node in lineage),
        kind=next((node.kind for node in reversed(lineage) if node.kind), None),
        mood=next((node.mood for node in reversed(lineage) if node.mood), None),
        weight=own.weight,
        keywords=own.keywords,
    )


def _no_keyword_twice(leaves: Iterable[Leaf]) -> None:
    """The same keyword may stand in two places only where opposite moods tell them apart."""
    owners: dict[tuple[str, ...], list[Leaf]] = {}
    for leaf in leaves:
        for keyword in leaf.keywords:
            owners.setdefault(tuple(sorted(parts_of(keyword))), []).append(leaf)
    for parts, owning in owners.items():
        moods = [leaf.mood for leaf in owning]
        if len(owning) > 1 and (None in moods or len(set(moods)) < len(moods)):
            places = "; ".join(" / ".join(leaf.path) for leaf in owning)
            raise ValueError(f"keyword {' + '.join(parts)!r} stands more than once: {places}")


class PriorityRule(_File):
    """The first rule whose conditions all hold decides. A condition left out holds always."""

    name: Annotated[str, Field(min_length=1)]
    priority: Priority
    impact: tuple[Impact, ...] = ()
    urgency: tuple[Urgency, ...] = ()
    risk: tuple[str, ...] = ()
    tier: tuple[Literal["standard", "high"], ...] = ()
    sentiment: tuple[SentimentLabel, ...] = ()
    kind: tuple[Kind, ...] = ()

    @property
    def unconditional(self) -> bool:
        return not (self.impact or self.urgency or self.risk or self.tier or self.sentiment or self.kind)


class PrioritiesFile(_Versioned):
    tiers: dict[str, Literal["standard", "high"]]
    tier_order: tuple[str, ...]
    rules: Annotated[tuple[PriorityRule, ...], Field(min_length=1)]

    @field_validator("tiers", "tier_order", mode="before")
    @classmethod
    def tiers_in_lower_case(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(tier).casefold(): weight for tier, weight in value.items()}
        return [str(tier).casefold() for tier in value] if isinstance(value, list | tuple) else value

    @cached_property
    def tier_rank(self) -> dict[str, int]:
        """From 1, the lowest that is known; what is not known ranks 0."""
        return {tier: place for place, tier in enumerate(self.tier_order, start=1)}

    @model_validator(mode="after")
    def always_decides(self) -> "PrioritiesFile":
        names = [rule.name for rule in self.rules]
        if len(set(names)) < len(names):
            raise ValueError("two priority rules have the same name")
        if not self.rules[-1].unconditional:
            raise ValueError("the last priority rule must be without conditions, so that one always decides")
        return self


class Bulk(_File):
    """A number of at least `min` before one of `units` (200台) means an enterprise."""

    min: Annotated[int, Field(ge=2)]
    units: tuple[str, ...]


class Demand(_File):
    zh: str
    en: str
    words: Words


class WordsFile(_Versioned):
    urgency: dict[Literal["high", "critical"], Words]
    impact: dict[Literal["enterprise", "region"], Words]
    risk: dict[str, Words] = {}
    bulk: Bulk | None = None
    kinds: dict[Kind, Words]
    complaint_ratings_up_to: Annotated[int, Field(ge=0, le=10)]
    tags: dict[Annotated[str, Field(pattern=r"^#\S+$")], Words]
    demands: dict[str, Demand]
    devices: tuple[str, ...]
    ignore: Words = ()

    @field_validator("urgency", "impact", "risk", "kinds", "tags")
    @classmethod
    def words_readable(cls, lists: dict[str, Words]) -> dict[str, Words]:
        return {name: tuple(_readable(word) for word in words) for name, words in lists.items()}


class Thresholds(_File):
    strong_negative: Annotated[float, Field(ge=-1, lt=0)]
    negative: Annotated[float, Field(ge=-1, lt=0)]
    positive: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def in_order(self) -> "Thresholds":
        if self.strong_negative >= self.negative:
            raise ValueError("strong_negative must lie below negative")
        return self


class SentimentFile(_Versioned):
    """`words`: strength -4 to 4 -> words; `degrees`: factor -> words; a negation turns what follows round."""

    words: dict[Annotated[float, Field(ge=-4, le=4)], Words]
    degrees: dict[Annotated[float, Field(gt=0, le=3)], Words]
    negations: Words
    ratings: dict[int, Annotated[float, Field(ge=-4, le=4)]] = {}
    thresholds: Thresholds

    @model_validator(mode="after")
    def single_words(self) -> "SentimentFile":
        seen: dict[str, float] = {}
        for strength, words in self.words.items():
            for word in words:
                parts = parts_of(word)
                if len(parts) > 1:
                    raise ValueError(f"{word!r}: a word of sentiment has one part")
                if seen.setdefault(parts[0], strength) != strength:
                    raise ValueError(f"{word!r} has two strengths")
        return self


class FactsNeeded(_File):
    """A case of this category and kind should name one of these facts."""

    category: Annotated[tuple[str, ...], Field(min_length=1)]
    kinds: tuple[Kind, ...]
    one_of: Annotated[tuple[Literal["order", "device_model", "serial", "account"], ...], Field(min_length=1)]


class LifecycleFile(_Versioned):
    auto_close_after_h: Annotated[float, Field(gt=0)]
    max_contacts: Annotated[int, Field(ge=2, le=MAX_CONTACTS)]
    occurred_at_ahead_s: Annotated[int, Field(ge=0)]
    description_min_chars: Annotated[int, Field(ge=1)]
    no_way_back_channels: tuple[str, ...] = ()
    facts_needed: tuple[FactsNeeded, ...] = ()
    causes: dict[str, tuple[str, ...]]
    default_language: str
    regions: dict[str, Annotated[str, Field(pattern=r"^[A-Z]{2}$")]]
    default_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]

    @property
    def auto_close_after(self) -> timedelta:
        return timedelta(hours=self.auto_close_after_h)


class Rules(BaseModel):
    """All rule files of intake, compiled. Immutable; a reload makes a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    categories: CategoriesFile
    priorities: PrioritiesFile
    words: WordsFile
    sentiment: SentimentFile
    lifecycle: LifecycleFile

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> "Rules":
        rules = cls.model_validate(documents)
        _ = rules.scanner, rules.valences, rules.degree_of, rules.negations
        return rules

    @model_validator(mode="after")
    def needed_facts_name_categories(self) -> "Rules":
        for needed in self.lifecycle.facts_needed:
            if self.categories.resolve(needed.category) is None:
                raise ValueError(f"lifecycle.facts_needed: {' / '.join(needed.category)} is not in categories")
        return self

    @cached_property
    def version(self) -> str:
        """What a decision names as the version that decided: the versions of all files."""
        files = (self.categories, self.priorities, self.words, self.sentiment, self.lifecycle)
        return ",".join(file.version for file in files)

    @cached_property
    def category_words(self) -> Keywords[Leaf]:
        return Keywords((word, leaf) for leaf in self.categories.leaves for word in leaf.keywords)

    @cached_property
    def kind_words(self) -> Keywords[Kind]:
        return Keywords(_entries(self.words.kinds))

    @cached_property
    def tag_words(self) -> Keywords[str]:
        return Keywords(_entries(self.words.tags))

    @cached_property
    def demand_words(self) -> Keywords[str]:
        return Keywords((word, code) for code, demand in self.words.demands.items() for word in demand.words)

    @cached_property
    def urgency_words(self) -> Keywords[Literal["high", "critical"]]:
        return Keywords(_entries(self.words.urgency))

    @cached_property
    def impact_words(self) -> Keywords[Literal["enterprise", "region"]]:
        return Keywords(_entries(self.words.impact))

    @cached_property
    def risk_words(self) -> Keywords[str]:
        return Keywords(_entries(self.words.risk))

    @cached_property
    def valences(self) -> dict[str, float]:
        return {parts_of(word)[0]: strength for strength, words in self.sentiment.words.items() for word in words}

    @cached_property
    def degree_of(self) -> dict[str, float]:
        return {parts_of(word)[0]: factor for factor, words in self.sentiment.degrees.items() for word in words}

    @cached_property
    def negations(self) -> frozenset[str]:
        return frozenset(parts_of(word)[0] for word in self.sentiment.negations)

    @cached_property
    def scanner(self) -> Scanner:
        tables: tuple[Keywords[Any], ...] = (
            self.category_words, self.kind_words, self.tag_words, self.demand_words,
            self.urgency_words, self.impact_words, self.risk_words,
        )  # fmt: skip
        words = {part for table in tables for part in table.parts} | set(self.valences) | set(self.degree_of)
        return Scanner(words | self.negations, self.words.ignore)


def _entries(lists: dict[Name, Words]) -> Iterator[tuple[str, Name]]:
    return ((word, name) for name, words in lists.items() for word in words)
