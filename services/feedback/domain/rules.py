"""What an operator may change, as YAML: surveys (when, what is asked, what is bad), improvements, kpis.

Rules.parse({"surveys": {...}, "improvements": {...}, "kpis": {...}})

Errors:
    ValidationError (pydantic)    which key is wrong, and what is allowed
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from shared.events.escalations import Department

FILES = ("surveys", "improvements", "kpis")
Part = Literal["attitude", "speed", "clarity", "solved"]
PARTS: tuple[Part, ...] = ("attitude", "speed", "clarity", "solved")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DAY = timedelta(days=1)


def _duration(value: Any) -> timedelta:
    """`90s`, `15m`, `4h`, `14d`: a whole number and its unit."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a duration such as 90s, 15m, 4h or 14d is wanted, not {value!r}")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(_Part):
    zh: Text
    en: Text

    def in_(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


class Questions(_Part):
    attitude: Words
    speed: Words
    clarity: Words
    effort: Words = Words(zh="解决问题是否费力？", en="How easy was it to have your problem solved?")
    solved: Words
    recommend: Words
    words: Words


class Bad(_Part):
    """A star of `stars` or fewer is bad; `unsolved`: so is a problem that was not solved."""

    stars: Annotated[int, Field(ge=1, le=4)]
    unsolved: bool = True


class Surveys(_Part):
    """`ask_after` counts from the closing, `expires_after` from the asking, `correct_within` from the first answer.

    `ask_within`: from the closing; who could not be asked until then is not asked any more.
    """

    version: str
    ask_after: Duration
    ask_within: Duration = 3 * DAY
    expires_after: Duration
    correct_within: Duration
    bad: Bad
    questions: Questions

    @field_validator("ask_after")
    @classmethod
    def within_a_day(cls, value: timedelta) -> timedelta:
        if value > DAY:
            raise ValueError("a customer is asked within 24h of closing")
        return value

    @model_validator(mode="after")
    def asked_at_all(self) -> Self:
        if self.ask_within < self.ask_after:
            raise ValueError("ask_within is shorter than ask_after: nobody would be asked")
        return self


class Call(_Part):
    """Which department is called: all that is named must fit. `category`: the first levels of the case's."""

    bad: tuple[Part, ...] = ()
    category: tuple[str, ...] = ()
    department: Department

    def fits(self, bad: tuple[Part, ...], category: tuple[str, ...]) -> bool:
        return (not self.bad or bool(set(self.bad) & set(bad))) and category[: len(self.category)] == self.category


class Improvements(_Part):
    """`language`: of the staff, in which an improvement is written."""

    version: str
    language: Literal["zh", "en"] = "zh"
    due_after: Duration
    departments: tuple[Call, ...]
    otherwise: Department
    criteria: dict[Part, Words]

    @field_validator("criteria")
    @classmethod
    def every_part(cls, value: dict[Part, Words]) -> dict[Part, Words]:
        if missing := [part for part in PARTS if part not in value]:
            raise ValueError(f"no criteria for {', '.join(missing)}")
        return value

    def department(self, bad: tuple[Part, ...], category: tuple[str, ...]) -> Department:
        """Of the first call that fits."""
        return next((call.department for call in self.departments if call.fits(bad, category)), self.otherwise)


class Kpis(_Part):
    """`satisfied`: stars, on average, from which a customer counts as satisfied. `few`: fewer answers prove nothing.

    `same_contact_within`: what a customer says so soon after the last word is part of the same dialogue.
    """

    version: str
    zone: str
    satisfied: Annotated[float, Field(gt=1, le=5)]
    few: Annotated[int, Field(ge=1, le=1000)]
    same_contact_within: Duration = timedelta(hours=4)

    @field_validator("zone")
    @classmethod
    def a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, KeyError):
            raise ValueError(f"{value!r} is no time zone such as Asia/Shanghai") from None
        return value


class Rules(_Part):
    surveys: Surveys
    improvements: Improvements
    kpis: Kpis

    @model_validator(mode="after")
    def correction_ends(self) -> Self:
        if self.surveys.correct_within > self.surveys.expires_after:
            raise ValueError("surveys: correct_within is longer than expires_after")
        return self

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> "Rules":
        return cls.model_validate({name: documents.get(name) for name in FILES})
