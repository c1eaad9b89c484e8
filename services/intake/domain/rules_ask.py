"""`ask.yaml`: when self-service answers, when a person takes over, and in which words (IN-11)."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from string import Formatter
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.intake.domain.case import Status
from services.intake.domain.keywords import Keywords, Scanner, parts_of
from shared.events.contacts import Channel

Wish = Literal["person", "no_person", "still_not", "solved", "trying", "progress", "order", "not_order"]
Share = Annotated[float, Field(ge=0, le=1)]
FALLBACK = "en"
_MAY_NAME = {
    "step": {"title", "n", "of", "do", "expect"},
    "option": {"name", "when", "cost"},
    "handed_over": {"number"},
    "solved": set(),
    "greeting": set(),
    "courtesy": set(),
    "passed_on": {"number"},
    "case": {"number", "category", "status", "due"},
    "due": {"due_at"},
    "order": {"number", "told"},
    "order_away": set(),
    "between": set(),
}


class AskTexts(BaseModel):
    """What self-service says in one language. `between`: what stands between several things that are told.

    Where one of the last three is not given, `solved` or `handed_over` is said in its place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    step: str
    option: str
    handed_over: str
    solved: str
    case: str
    due: str
    order: str
    order_away: str
    between: str
    statuses: dict[str, str]
    greeting: str = ""
    courtesy: str = ""
    passed_on: str = ""

    @model_validator(mode="after")
    def names_what_there_is(self) -> "AskTexts":
        for name, may in _MAY_NAME.items():
            named = {field for _, field, _, _ in Formatter().parse(getattr(self, name)) if field is not None}
            if wrong := sorted(named - may):
                raise ValueError(f"{name}: {{{wrong[0]}}} is not known there; it may name {', '.join(sorted(may))}")
        if lacking := [status for status in get_args(Status) if status not in {*self.statuses, "closed"}]:
            raise ValueError(f"statuses: {lacking[0]} is missing")
        return self


class AskFile(BaseModel):
    """`risks`: of which a person takes over at once, the first of several first, and what is said then by language.

    `order_categories`: paths of the tree that a question about the state of an order belongs to.
    `vouched_for`: by channel, the contact points of which it knows that they are the customer's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Annotated[str, Field(min_length=1)]
    sure_from: Share
    suggest_from: Share
    forget_after_h: Annotated[float, Field(gt=0, le=24 * 30)]
    most_questions: Annotated[int, Field(ge=1, le=20)]
    channel: Channel
    vouched_for: dict[Channel, tuple[Literal["phone", "email", "app_id", "social"], ...]]
    fillers: tuple[str, ...] = ()
    acknowledged: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    words: dict[Wish, tuple[str, ...]]
    risks: dict[str, dict[str, str]] = {}
    order_categories: tuple[tuple[str, ...], ...] = ()
    order_tells: dict[str, dict[str, str]] = {}
    texts: dict[str, AskTexts]

    @field_validator("words")
    @classmethod
    def words_readable(cls, words: dict[Wish, tuple[str, ...]]) -> dict[Wish, tuple[str, ...]]:
        for word in (word for some in words.values() for word in some):
            parts_of(word)
        return words

    @field_validator("texts")
    @classmethod
    def speaks_the_fallback(cls, texts: Mapping[str, AskTexts]) -> Mapping[str, AskTexts]:
        if FALLBACK not in texts:
            raise ValueError(f"{FALLBACK} is needed: who speaks another language is answered in it")
        return texts

    @model_validator(mode="after")
    def names_what_it_tells(self) -> "AskFile":
        for list_, told in (("order_tells", self.order_tells), ("risks", self.risks)):
            for name, texts in told.items():
                if lacking := sorted(set(self.texts) - set(texts)):
                    raise ValueError(f"{list_}.{name}.{lacking[0]} is missing")
        return self

    @property
    def forget_after(self) -> timedelta:
        return timedelta(hours=self.forget_after_h)

    def spoken(self, language: str) -> str:
        """The language in which somebody is answered who speaks this one."""
        return language if language in self.texts else FALLBACK

    def text(self, language: str) -> AskTexts:
        return self.texts[self.spoken(language)]

    @cached_property
    def wish_words(self) -> Keywords[Wish]:
        return Keywords((word, wish) for wish, words in self.words.items() for word in words)

    @cached_property
    def solved_parts(self) -> frozenset[str]:
        return Keywords((word, True) for word in self.words.get("solved", ())).parts

    @cached_property
    def filler_words(self) -> Keywords[bool]:
        """What asks for nothing, beside what is no wish for an answer."""
        mere = (*self.fillers, *self.words.get("no_person", ()), *self.words.get("trying", ()))
        return Keywords((word, True) for word in mere)

    @cached_property
    def scanner(self) -> Scanner:
        """A word of `person` within one of `no_person` is none."""
        return Scanner(self.wish_words.parts | self.filler_words.parts, self.words.get("no_person", ()))
