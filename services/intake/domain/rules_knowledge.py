"""`knowledge.yaml`: the entries that are shipped or kept by hand (IN-21). Others come by `knowledge.approved`."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.intake.domain import entry
from shared.events import feedback


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Line = Annotated[str, Field(min_length=1, max_length=500)]


class Step(feedback.Step, _Strict):
    do: Line
    expect: Line


class Option(feedback.Option, _Strict):
    name: Line


class Wording(entry.Wording, _Strict):
    title: Annotated[str, Field(min_length=1, max_length=200)]
    scenario: Line
    questions: Annotated[tuple[Line, ...], Field(max_length=30)] = ()
    body: Annotated[str, Field(max_length=4000)] = ""
    steps: Annotated[tuple[Step, ...], Field(max_length=20)] = ()
    options: Annotated[tuple[Option, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def says_something(self) -> "Wording":
        if not (self.body or self.steps or self.options):
            raise ValueError("an entry needs a body, steps or options")
        return self


class Entry(entry.Entry, _Strict):
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,199}$")]
    version: Annotated[int, Field(ge=1)]
    texts: Annotated[Mapping[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], Wording], Field(min_length=1)]


class KnowledgeFile(_Strict):
    version: Annotated[str, Field(min_length=1)]
    entries: tuple[Entry, ...]

    @field_validator("entries")
    @classmethod
    def ids_differ(cls, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        ids = [one.id for one in entries]
        if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            raise ValueError(f"entries with the same id: {', '.join(twice)}")
        return entries
