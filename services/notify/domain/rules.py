"""What an operator may change, checked when it is read: the words (templates.yaml), what codes are called in them
(terms.yaml) and the ways (channels.yaml)."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from services.notify.domain import render
from services.notify.domain.expected import Expectation, Expected
from shared.events.cases import Priority
from shared.events.escalations import DEPARTMENTS, Department
from shared.events.feedback import Scores
from shared.events.sla import Target

Point = Literal["phone", "email", "app_id", "social"]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Degree = Literal["strong_negative", "negative"]
ReasonCode = Literal["parts", "technical", "third_party", "ours"]
Code = TypeVar("Code", bound=str)
Names = dict[str, str]
"""What a thing is called, by language."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{name!r} is no time zone; Asia/Shanghai is one") from None
    return name


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


class Reason(_Part):
    """Of a delay. `names`: what it is called. `also`: under what else agents give it.

    `remedy`: what is offered where nobody says; empty: nothing.
    """

    names: Names
    also: tuple[str, ...] = ()
    remedy: str = ""


class Terms(_Part):
    """What codes are called. `zone`: where moments are told. `levels`: who works on an escalation, for customers.
    `answers`: what a survey asks. `missing`: what a customer is asked for. `degrees`: how upset one is.

    `delays`: the reason of a delay by the department whose fix comes late; `ours` for those not named.
    """

    version: str
    zone: Annotated[str, AfterValidator(_known_zone)]
    reasons: dict[ReasonCode, Reason]
    remedies: dict[str, Names]
    targets: dict[Target, Names]
    levels: dict[int, Names]
    departments: dict[Department, Names]
    answers: dict[str, Names]
    missing: dict[str, Names] = {}
    degrees: dict[str, Names] = {}
    delays: dict[Department, ReasonCode] = {}

    @model_validator(mode="after")
    def complete(self) -> "Terms":
        _all_there("reasons", self.reasons, get_args(ReasonCode))
        _all_there("targets", self.targets, get_args(Target))
        _all_there("levels", self.levels, (1, 2, 3))
        _all_there("departments", self.departments, DEPARTMENTS)
        _all_there("answers", self.answers, Scores.model_fields)
        for code, reason in self.reasons.items():
            if reason.remedy and reason.remedy not in self.remedies:
                raise ValueError(f"reasons.{code}.remedy {reason.remedy!r} is not one of {_names(self.remedies)}")
        return self

    def reason_of(self, said: str) -> ReasonCode | None:
        """The reason that these words are the code or a name of."""
        known = {code: (*reason.names.values(), *reason.also) for code, reason in self.reasons.items()}
        return _code_of(said, known)

    def remedy_of(self, said: str) -> str | None:
        return _code_of(said, {code: tuple(names.values()) for code, names in self.remedies.items()})

    def remedy_for(self, reason: str) -> str | None:
        """None for a reason that has none, or in an agent's own words."""
        code = self.reason_of(reason)
        return (self.reasons[code].remedy or None) if code else None

    @property
    def every_name(self) -> Iterator[tuple[str, Names]]:
        """Each name with its place."""
        yield from ((f"terms.reasons.{code}.names", reason.names) for code, reason in self.reasons.items())
        for kind in ("remedies", "targets", "levels", "departments", "answers", "missing", "degrees"):
            yield from ((f"terms.{kind}.{code}", names) for code, names in getattr(self, kind).items())


class Staff(_Part):
    """How staff are told. `supervisor_from`: the share of the time from which his supervisor is reminded too.

    `warned_of`: how upset a customer must be for the supervisor to be warned.
    """

    channel: str
    language: str
    supervisor_from: Annotated[float, Field(gt=0, le=1)]
    warned_of: tuple[Degree, ...] = ("strong_negative",)


class Channel(_Part):
    """A way to send. `points` of the customer that it may use, the first known one counts; `providers` in order.

    Without points it is the staff's, whose address is their id.
    """

    points: tuple[Point, ...] = ()
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
    staff: Staff
    answers: dict[str, str]
    order: tuple[str, ...]
    channels: dict[str, Channel]
    providers: dict[str, Provider]
    expected: dict[Priority, Expectation]

    @model_validator(mode="before")
    @classmethod
    def in_words(cls, read: Any) -> Any:
        if isinstance(read, dict) and "expected_minutes" in read:
            raise ValueError("expected_minutes has become `expected: {P0: 2h, P2: 1 working day, ...}`")
        return read

    @field_validator("expected")
    @classmethod
    def every_priority(cls, value: dict[Priority, Expected]) -> dict[Priority, Expected]:
        for missing in sorted({"P0", "P1", "P2", "P3"} - set(value)):
            raise ValueError(f"{missing} is missing")
        return value

    @model_validator(mode="after")
    def names_known(self) -> "Channels":
        for name in (*self.order, *self.answers.values()):
            _one_of(name, [known for known, channel in self.channels.items() if channel.points])
        _one_of(self.staff.channel, [known for known, channel in self.channels.items() if not channel.points])
        for channel in self.channels.values():
            for name in channel.providers:
                if name not in self.providers:
                    raise ValueError(f"provider {name!r} is not one of {_names(self.providers)}")
        return self


class Rules(_Part):
    templates: Templates
    channels: Channels
    terms: Terms

    @model_validator(mode="after")
    def everything_named_in_every_language(self) -> "Rules":
        spoken = {code for t in self.templates.templates.values() for code in t.languages}
        channels = ((f"channels.{name}.name", channel.name) for name, channel in self.channels.channels.items())
        for place, names in (*channels, *self.terms.every_name):
            for code in sorted(spoken - set(names)):
                raise ValueError(f"{place}.{code} is missing")
        return self

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> "Rules":
        """`documents` by file name without its ending; raises a ValidationError that names the field."""
        return cls.model_validate({name: documents.get(name) for name in cls.model_fields})

    @property
    def version(self) -> str:
        return f"templates={self.templates.version};channels={self.channels.version};terms={self.terms.version}"

    @property
    def reaches_staff(self) -> bool:
        return self.channels.staff.channel in self.channels.channels

    def limited_to(self, providers: Collection[str], *, for_staff: Collection[str] = ()) -> "Rules":
        """The same rules with only the providers that are set up; a channel that none is left for is not used.

        `for_staff`: those that know what to do with the id of a desk.

        Raises ValueError where nothing could be sent at all.
        """
        left = {
            name: channel.model_copy(update={"providers": usable})
            for name, channel in self.channels.channels.items()
            if (usable := tuple(p for p in channel.providers if p in (providers if channel.points else for_staff)))
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


def _one_of(channel: str, known: Collection[str]) -> None:
    if channel not in known:
        raise ValueError(f"channel {channel!r} is not one of {_names(known)}")


def _all_there(kind: str, known: Collection[Any], wanted: Collection[Any]) -> None:
    for code in wanted:
        if code not in known:
            raise ValueError(f"{kind}.{code} is missing")


def _code_of(said: str, known: Mapping[Code, tuple[str, ...]]) -> Code | None:
    wanted = said.strip().casefold()
    return next((code for code, names in known.items() if wanted in map(str.casefold, (str(code), *names))), None)
