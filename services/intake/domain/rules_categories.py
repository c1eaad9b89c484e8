"""`categories.yaml`: the tree of what contacts are about (IN-5)."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.intake.domain.keywords import parts_of
from services.intake.domain.rules_base import Mood, RuleFile, Versioned, Words, readable
from shared.events.cases import Kind

SEPARATOR = " / "
"""Between the levels of a category, where it is written in one line."""
MAX_NAME = 60


def second_level(category: Sequence[str]) -> str:
    """The first two levels, as a key."""
    return "/".join(category[:2])


class Category(RuleFile):
    """A node of the tree.

    `kind` is what such a contact usually is, `mood` the sentiment it goes with, if only one, `weight` a factor on its
    own keywords (below 1 for words that say little, such as the name of a device).
    """

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    en: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    kind: Kind | None = None
    mood: Mood | None = None
    weight: Annotated[float, Field(gt=0, le=5)] = 1.0
    keywords: Words = ()
    children: tuple["Category", ...] = ()

    @field_validator("keywords")
    @classmethod
    def keywords_readable(cls, keywords: Words) -> Words:
        return tuple(readable(keyword) for keyword in keywords)

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


class CategoriesFile(Versioned):
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

    @cached_property
    def leaf_of(self) -> dict[str, Leaf]:
        """By path, its names joined by SEPARATOR."""
        return {SEPARATOR.join(leaf.path): leaf for leaf in self.leaves}

    def has_keywords(self, leaf: Leaf) -> bool:
        """Whether keywords can find its second level or anything below it."""
        return leaf.second in self._with_keywords

    @cached_property
    def _with_keywords(self) -> frozenset[int]:
        return frozenset(leaf.second for leaf in self.leaves if leaf.keywords)

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

    def name_in(self, path: Iterable[str], language: str) -> str:
        """What the end of a path is called, in Chinese or else in English; as it is, once it has left the tree."""
        name, siblings = "", self.categories
        for wanted in path:
            node = next((n for n in siblings if n.name == wanted), None)
            name, siblings = wanted, node.children if node else ()
            if node and language != "zh":
                name = node.en
        return name

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
