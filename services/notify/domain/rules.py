"""What an operator may change: the words (templates.yaml) and the ways (channels.yaml), checked when they are read."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.notify.domain import render
from shared.events.cases import Priority

Point = Literal["phone", "email", "app_id", "social"]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Part):
    """One template in one language. `short` is for channels with little room; without it they get `text`."""

    subject: str
    text: str
    short: str = ""


class Template(_Part):
    """The words of one milestone. `version` is raised with every change of wording; it is told with each message."""

    version: Annotated[int, Field(ge=1)]
    languages: dict[str, Words]

    def words(self, language: str) -> Words:
        return self.languages[language]


class Templates(_Part):
    version: str
    language_when_unknown: str
    language_when_untranslated: str
    templates: dict[str, Template]

    @model_validator(mode="after")
    def complete_and_safe(self) -> "Templates":
        if set(self.templates) != set(render.VARIABLES):
            raise ValueError(f"templates must be exactly {_names(render.VARIABLES)}, got {_names(self.templates)}")
        for id_, template in self.templates.items():
            self._check(id_, template)
        return self

    def _check(self, id_: str, template: Template) -> None:
        for needed in {self.language_when_unknown, self.language_when_untranslated} - set(template.languages):
            raise ValueError(f"templates.{id_}.languages.{needed} is missing")
        for language, words in template.languages.items():
            for part, source in words:
                render.check(source, render.VARIABLES[id_], f"templates.{id_}.languages.{language}.{part}")


class Channel(_Part):
    """A way to send. `points` of the customer that it may use, the first known one counts; `providers` in order."""

    points: tuple[Point, ...] = Field(min_length=1)
    providers: tuple[str, ...] = Field(min_length=1)
    form: Literal["text", "short"] = "text"
    subject: bool = False
    name: dict[str, str]


class Provider(_Part):
    """How one provider is asked.

    lease_s    longest time a hand-over may take before the message counts as left behind
    tries      bad answers after which the next provider is asked
    back_off_s pauses between tries; the last one repeats
    """

    lease_s: Seconds
    tries: Annotated[int, Field(ge=1, le=1000)]
    back_off_s: tuple[Seconds, ...] = Field(min_length=1)

    def pause(self, tries: int) -> float:
        """Seconds to wait after so many bad answers (from 1)."""
        return self.back_off_s[min(tries, len(self.back_off_s)) - 1]


class Channels(_Part):
    version: str
    answers: dict[str, str]
    order: tuple[str, ...]
    channels: dict[str, Channel]
    providers: dict[str, Provider]
    expected_minutes: dict[Priority, Annotated[int, Field(ge=1)]]

    @field_validator("expected_minutes")
    @classmethod
    def every_priority(cls, value: dict[Priority, int]) -> dict[Priority, int]:
        for missing in sorted({"P0", "P1", "P2", "P3"} - set(value)):
            raise ValueError(f"{missing} is missing")
        return value

    @model_validator(mode="after")
    def names_known(self) -> "Channels":
        for name in (*self.order, *self.answers.values()):
            if name not in self.channels:
                raise ValueError(f"channel {name!r} is not one of {_names(self.channels)}")
        for channel in self.channels.values():
            for name in channel.providers:
                if name not in self.providers:
                    raise ValueError(f"provider {name!r} is not one of {_names(self.providers)}")
        return self


class Rules(_Part):
    templates: Templates
    channels: Channels

    @model_validator(mode="after")
    def channels_named_in_every_language(self) -> "Rules":
        spoken = {code for t in self.templates.templates.values() for code in t.languages}
        for name, channel in self.channels.channels.items():
            for code in sorted(spoken - set(channel.name)):
                raise ValueError(f"channels.{name}.name.{code} is missing")
        return self

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> "Rules":
        """`documents` by file name without its ending; raises a ValidationError that names the field."""
        return cls.model_validate({name: documents.get(name) for name in ("templates", "channels")})

    @property
    def version(self) -> str:
        return f"templates={self.templates.version};channels={self.channels.version}"

    def limited_to(self, providers: Collection[str]) -> "Rules":
        """The same rules with only the providers that are set up; a channel that none is left for is not used.

        Raises ValueError where nothing could be sent at all.
        """
        left = {
            name: channel.model_copy(update={"providers": usable})
            for name, channel in self.channels.channels.items()
            if (usable := tuple(p for p in channel.providers if p in providers))
        }
        if not left:
            raise ValueError(f"no channel has a provider that is set up; named are {_names(self.channels.providers)}")
        asked = {name: how for name, how in self.channels.providers.items() if name in providers}
        return self.model_copy(
            update={"channels": self.channels.model_copy(update={"channels": left, "providers": asked})}
        )

    def language(self, asked: str | None, template: str) -> str:
        """The language to write in: the customer's where the template speaks it."""
        if not asked:
            return self.templates.language_when_unknown
        code = asked.lower().replace("_", "-").split("-")[0]
        spoken = self.templates.templates[template].languages
        return code if code in spoken else self.templates.language_when_untranslated


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
