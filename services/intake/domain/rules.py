"""Everything about intake that an operator may change: its files, validated together and compiled once.

`Rules.parse({"categories": ..., "priorities": ..., ...})`, a value for each file, raises pydantic's ValidationError,
whose locations start with the file's name.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.intake.domain.facts import canonical
from services.intake.domain.keywords import Keywords, Scanner, parts_of, unify
from services.intake.domain.learned import Learned
from services.intake.domain.rules_ask import AskFile
from services.intake.domain.rules_base import RuleFile, Versioned, Words, readable
from services.intake.domain.rules_bursts import BurstsFile
from services.intake.domain.rules_categories import CategoriesFile, Leaf
from services.intake.domain.rules_channels import AttachmentsFile, ChannelsFile
from services.intake.domain.rules_facts import FactPatterns, FactsFile
from services.intake.domain.rules_joining import JoiningFile
from services.intake.domain.rules_knowledge import KnowledgeFile
from services.intake.domain.rules_understanding import UnderstandingFile
from shared.events.cases import Kind, Priority

SentimentLabel = Literal["strong_negative", "negative", "neutral", "positive"]
Impact = Literal["one_user", "enterprise", "region"]
Urgency = Literal["normal", "high", "critical"]
Complexity = Literal["simple", "complex"]
Share = Annotated[float, Field(ge=0, le=1)]
MAX_CONTACTS = 300
"""Above this a case's document could outgrow 64 KiB."""


Name = TypeVar("Name", bound=str)


class PriorityRule(RuleFile):
    """The first rule whose conditions all hold decides. A condition left out holds always."""

    name: Annotated[str, Field(min_length=1)]
    priority: Priority
    impact: tuple[Impact, ...] = ()
    urgency: tuple[Urgency, ...] = ()
    complexity: tuple[Complexity, ...] = ()
    risk: tuple[str, ...] = ()
    tier: tuple[Literal["standard", "high"], ...] = ()
    sentiment: tuple[SentimentLabel, ...] = ()
    kind: tuple[Kind, ...] = ()

    @property
    def unconditional(self) -> bool:
        return not self.model_dump(exclude={"name", "priority"}, exclude_defaults=True)


class PrioritiesFile(Versioned):
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


class Bulk(RuleFile):
    """A number of at least `min` before one of `units` (200台) means an enterprise."""

    min: Annotated[int, Field(ge=2)]
    units: tuple[str, ...]


class ComplexityWords(RuleFile):
    """A matter is complex that is spoken of in such words, or that holds risks of so many kinds.

    `review`: the priorities at which it goes to manual review first.
    """

    words: Words = ()
    risks_from: Annotated[int, Field(ge=1)] = 2
    review: tuple[Priority, ...] = ()

    @field_validator("words")
    @classmethod
    def words_readable(cls, words: Words) -> Words:
        return tuple(readable(word) for word in words)


class Demand(RuleFile):
    """`weak`: words that count where none of any demand does."""

    zh: str
    en: str
    words: Words
    weak: Words = ()


class WordsFile(Versioned):
    urgency: dict[Literal["high", "critical"], Words]
    impact: dict[Literal["enterprise", "region"], Words]
    risk: dict[str, Words] = {}
    bulk: Bulk | None = None
    complexity: ComplexityWords = ComplexityWords()
    kinds: dict[Kind, Words]
    complaint_ratings_up_to: Annotated[int, Field(ge=0, le=10)]
    tags: dict[Annotated[str, Field(pattern=r"^#\S+$")], Words]
    demands: dict[str, Demand]
    devices: tuple[str, ...]
    denied_through: Words = ()
    unwanted: Words = ()
    ignore: Words = ()

    @field_validator("urgency", "impact", "risk", "kinds", "tags")
    @classmethod
    def words_readable(cls, lists: dict[str, Words]) -> dict[str, Words]:
        return {name: tuple(readable(word) for word in words) for name, words in lists.items()}


class Thresholds(RuleFile):
    strong_negative: Annotated[float, Field(ge=-1, lt=0)]
    negative: Annotated[float, Field(ge=-1, lt=0)]
    positive: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def in_order(self) -> "Thresholds":
        if self.strong_negative >= self.negative:
            raise ValueError("strong_negative must lie below negative")
        return self


class SentimentFile(Versioned):
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


class FactsNeeded(RuleFile):
    """A case of this category and kind should name one of these facts."""

    category: Annotated[tuple[str, ...], Field(min_length=1)]
    kinds: tuple[Kind, ...]
    one_of: Annotated[tuple[str, ...], Field(min_length=1)]


class EvidenceNeeded(RuleFile):
    """A case of this category and kind is solved with its cause and the evidence of it."""

    category: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ("fault",)


class LifecycleFile(Versioned):
    auto_close_after_h: Annotated[float, Field(gt=0)]
    max_contacts: Annotated[int, Field(ge=2, le=MAX_CONTACTS)]
    occurred_at_ahead_s: Annotated[int, Field(ge=0)]
    description_min_chars: Annotated[int, Field(ge=1)]
    no_way_back_channels: tuple[str, ...] = ()
    facts_needed: tuple[FactsNeeded, ...] = ()
    causes: dict[str, tuple[str, ...]]
    evidence_needed_for: tuple[EvidenceNeeded, ...] = ()
    remote_channels: Annotated[tuple[str, ...], Field(min_length=1)]
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
    facts: FactsFile
    bursts: BurstsFile
    channels: ChannelsFile
    attachments: AttachmentsFile
    joining: JoiningFile
    understanding: UnderstandingFile
    knowledge: KnowledgeFile
    ask: AskFile
    category_model: Learned | None = None
    sentiment_model: Learned | None = None

    LEARNED: ClassVar = frozenset({"category_model.npz", "sentiment_model.npz"})
    """What `switchboard learn` may put beside the files."""

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> "Rules":
        rules = cls.model_validate(documents)
        _ = rules.scanner, rules.valences, rules.degree_of, rules.negations, rules.fact_patterns, rules.version
        return rules

    @model_validator(mode="after")
    def needed_facts_name_categories(self) -> "Rules":
        for needed in self.lifecycle.facts_needed:
            if self.categories.resolve(needed.category) is None:
                raise ValueError(f"lifecycle.facts_needed: {' / '.join(needed.category)} is not in categories")
            if unknown := [name for name in needed.one_of if name not in self.facts.facts]:
                raise ValueError(f"lifecycle.facts_needed: {unknown[0]} is not in facts")
        for wanted in self.lifecycle.evidence_needed_for:
            if wanted.category and self.categories.resolve(wanted.category) != wanted.category:
                raise ValueError(f"lifecycle.evidence_needed_for: {' / '.join(wanted.category)} is not in categories")
        return self

    @model_validator(mode="after")
    def self_service_names_what_there_is(self) -> "Rules":
        if unknown := [risk for risk in self.ask.risks if risk not in self.words.risk]:
            raise ValueError(f"ask.risks: {unknown[0]} is not a risk of words")
        for path in self.ask.order_categories:
            if self.categories.resolve(path) != path:
                raise ValueError(f"ask.order_categories: {' / '.join(path)} is not in categories")
        return self

    @model_validator(mode="after")
    def models_fit(self) -> "Rules":
        for label in self.category_model.labels if self.category_model else ():
            if label not in self.categories.leaf_of:
                raise ValueError(f"category_model: {label} is not in categories; learn it again, or add it to the tree")
        if self.sentiment_model and set(self.sentiment_model.labels) != {"negative", "positive"}:
            raise ValueError("sentiment_model: its labels are not negative and positive; learn it again")
        return self

    @cached_property
    def version(self) -> str:
        """What a decision names as the version that decided: the versions of all files and of what was learned."""
        files = (
            self.categories, self.priorities, self.words, self.sentiment, self.lifecycle, self.facts, self.joining,
            self.channels, self.attachments, self.understanding, self.category_model, self.sentiment_model,
        )  # fmt: skip
        return ",".join(file.version for file in files if file)

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
    def weak_demand_words(self) -> Keywords[str]:
        return Keywords((word, code) for code, demand in self.words.demands.items() for word in demand.weak)

    @cached_property
    def unwanted(self) -> frozenset[str]:
        return frozenset(parts_of(word)[0] for word in self.words.unwanted)

    @cached_property
    def denied_through(self) -> re.Pattern[str]:
        """What may stand between a negation and what it denies."""
        words = sorted(map(unify, self.words.denied_through), key=len, reverse=True)
        return re.compile(rf"(?:{''.join(f'{re.escape(word)}|' for word in words)} )*")

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
    def complexity_words(self) -> Keywords[bool]:
        return Keywords((word, True) for word in self.words.complexity.words)

    @cached_property
    def mention_words(self) -> Keywords[bool]:
        return Keywords((word, True) for word in self.joining.mentions)

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
    def no_facts(self) -> frozenset[str]:
        return frozenset(map(canonical, self.facts.nothing))

    @cached_property
    def fact_patterns(self) -> FactPatterns:
        return self.facts.compiled(self.words.devices)

    @cached_property
    def scanner(self) -> Scanner:
        tables: tuple[Keywords[Any], ...] = (
            self.category_words, self.kind_words, self.tag_words, self.demand_words, self.weak_demand_words,
            self.urgency_words, self.impact_words, self.risk_words, self.complexity_words, self.mention_words,
        )  # fmt: skip
        words = {part for table in tables for part in table.parts} | set(self.valences) | set(self.degree_of)
        return Scanner(words | self.negations | self.unwanted, self.words.ignore)


def _entries(lists: dict[Name, Words]) -> Iterator[tuple[str, Name]]:
    return ((word, name) for name, words in lists.items() for word in words)
