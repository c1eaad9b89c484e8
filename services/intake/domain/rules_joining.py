"""`joining.yaml`: when a contact joins a case, and which contact points tell nothing of whose they are (IN-3, IN-4)."""

from datetime import timedelta
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Phrase = Annotated[str, Field(min_length=1, max_length=80)]
Hours = Annotated[float, Field(gt=0, le=87_600)]


class JoiningFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    version: Annotated[str, Field(min_length=1)]
    topic_within_h: Hours
    topic_from: Annotated[float, Field(ge=0, le=1)] = 0.0
    reopen_within_h: Annotated[float, Field(ge=0, le=87_600)]
    link_within_h: Hours
    no_topics: tuple[Annotated[str, Field(pattern=r"^[^/]+/[^/]+$")], ...] = ()
    mentions: tuple[Phrase, ...] = ()
    thanks: tuple[Phrase, ...] = ()
    shared_numbers: tuple[Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")], ...] = ()
    shared_points: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    id_spaces: dict[str, Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]] = {}
    titles: tuple[Annotated[str, Field(min_length=1, max_length=20)], ...] = ()

    @model_validator(mode="after")
    def links_for_longer_than_it_reopens(self) -> "JoiningFile":
        if self.link_within_h < self.reopen_within_h:
            raise ValueError("link_within_h must not be shorter than reopen_within_h")
        return self

    def is_shared(self, point: str) -> bool:
        """Whether a contact point (`email:a@b.example`) tells nothing of whose it is."""
        return point.partition(":")[2].casefold() in _folded((*self.shared_numbers, *self.shared_points))

    @property
    def topic_within(self) -> timedelta:
        return timedelta(hours=self.topic_within_h)

    @property
    def reopen_within(self) -> timedelta:
        return timedelta(hours=self.reopen_within_h)

    @property
    def link_within(self) -> timedelta:
        return timedelta(hours=self.link_within_h)


@lru_cache(maxsize=8)
def _folded(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(value.casefold() for value in values)
