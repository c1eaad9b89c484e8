"""What an operator may change: working time (calendars), promises (policies), and who is called (escalations).

    Rules.parse({"calendars": {...}, "policies": {...}, "escalations": {...}})

Errors:
    ValidationError (pydantic), ValueError    which key is wrong, and what is allowed
"""

import re
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo

import holidays as public
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from services.sla.domain.calendar import ALWAYS, Calendar, Hours, Span
from services.sla.domain.duration import Duration
from shared.events.cases import Kind, Priority
from shared.events.contacts import Channel
from shared.events.escalations import Contact, Department
from shared.events.sla import PolicyRef, Target

FILES = ("calendars", "policies", "escalations")
SEPARATOR = " / "
WALL = ""
"""The calendar of clocks that run by the wall."""
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
YEARS_BEFORE = 3
_SPAN = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _span(text: Any) -> Span:
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"a span such as 09:00-12:00 is wanted, not {text!r}")
    hour, minute, to_hour, to_minute = map(int, found.groups())
    begins, ends = hour * 3600 + minute * 60, to_hour * 3600 + to_minute * 60
    if minute > 59 or to_minute > 59 or ends > 86_400:
        raise ValueError(f"{text}: a day goes from 00:00 to 24:00")
    if begins >= ends:
        raise ValueError(f"{text}: ends before it begins; write a night as two spans, to 24:00 and from 00:00")
    return begins, ends


def _in_order(spans: Hours) -> Hours:
    for (_, ends), (begins, _) in pairwise(spans):
        if begins < ends:
            raise ValueError("the spans overlap or are not in order")
    return spans


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}") from None
    return name


def _country(code: str) -> str:
    if code not in public.list_supported_countries():
        raise ValueError(f"no public holidays are known of {code!r}; a country's two letters are wanted")
    return code


Spans = Annotated[tuple[Annotated[Span, BeforeValidator(_span)], ...], AfterValidator(_in_order)]


class WorkingTime(_Part):
    """A calendar as it is written.

    `public_holidays`: of that country, with the days its government moves. `holidays`, `exchange`: further days off,
    further days worked in exchange. `valid_until`: the last day for which all this is known.
    """

    zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    always: bool = False
    hours: dict[Weekday, Spans] = {}
    public_holidays: Annotated[str, AfterValidator(_country)] | None = None
    holidays: tuple[date, ...] = ()
    exchange: tuple[date, ...] = ()
    exchange_like: Weekday = "mon"
    valid_until: date | None = None

    @model_validator(mode="after")
    def works_at_some_time(self) -> Self:
        if self.always and (self.hours or self.public_holidays or self.holidays or self.exchange):
            raise ValueError("always: has neither hours nor holidays")
        if not self.always and not any(self.hours.values()):
            raise ValueError("hours: at least one span a week is wanted")
        if not self.always and self.valid_until is None:
            raise ValueError("valid_until: the last day for which the holidays are known is wanted")
        return self

    @cached_property
    def calendar(self) -> Calendar:
        week = None if self.always else tuple(self.hours.get(day, ()) for day in WEEKDAYS)
        return Calendar(ZoneInfo(self.zone), week, self._days)

    @property
    def _days(self) -> dict[date, Hours]:
        """Days off, then days worked in exchange; the operator's word goes before the country's."""
        off, on = self._of_the_country()
        like = self.hours.get(self.exchange_like, ())
        days = dict.fromkeys(off, ()) | dict.fromkeys(on, like)
        return days | dict.fromkeys(self.holidays, ()) | dict.fromkeys(self.exchange, like)

    def _of_the_country(self) -> tuple[Iterable[date], Iterable[date]]:
        if self.public_holidays is None or self.valid_until is None:
            return (), ()
        last = self.valid_until.year
        found = public.country_holidays(self.public_holidays, years=range(last - YEARS_BEFORE, last + 2))
        return list(found), [day for day in found.weekend_workdays if day <= self.valid_until]


class Calendars(_Part):
    version: str
    calendars: dict[str, WorkingTime]


def _known_calendar(name: str, info: ValidationInfo) -> str:
    known = (info.context or {}).get("calendars", ())
    if name not in known:
        raise ValueError(f"there is no calendar {name!r} in calendars.yaml; there are {', '.join(sorted(known))}")
    return name


CalendarName = Annotated[str, AfterValidator(_known_calendar)]


Folded = Annotated[str, AfterValidator(str.casefold)]


class When(_Part):
    """Whom a policy is for: each list that is given must name what the case is. A category also means all below it.

    Tiers are the same in capitals and small letters.
    """

    tier: tuple[Folded, ...] = ()
    channel: tuple[Channel, ...] = ()
    category: tuple[str, ...] = ()
    kind: tuple[Kind, ...] = ()

    def fits(self, *, tier: str | None, channel: str, category: tuple[str, ...], kind: Kind) -> bool:
        return (
            (not self.tier or (tier or "").casefold() in self.tier)
            and (not self.channel or channel in self.channel)
            and (not self.kind or kind in self.kind)
            and (not self.category or bool(_longest(self.category, category)))
        )


def _longest(prefixes: Iterable[str], category: tuple[str, ...]) -> str:
    """The longest of the prefixes under which the category lies; nothing if there is none."""
    paths = [SEPARATOR.join(category[:depth]) for depth in range(len(category), 0, -1)]
    known = set(prefixes)
    return next((path for path in paths if path in known), "")


class Limits(_Part):
    """How long each promise may take, by the policy's calendar or one of their own."""

    first_response: Duration
    next_response: Duration
    resolution: Duration
    calendar: CalendarName | None = None

    @model_validator(mode="after")
    def is_answered_before_it_is_solved(self) -> Self:
        if self.first_response > self.resolution:
            raise ValueError("first_response: must not take longer than the resolution")
        return self


class Policy(_Part):
    id: Annotated[str, Field(min_length=1)]
    when: When = When()
    calendar: CalendarName
    targets: dict[Priority, Limits]

    @field_validator("targets")
    @classmethod
    def every_priority_has_its_own(cls, targets: dict[Priority, Limits]) -> dict[Priority, Limits]:
        if absent := [priority for priority in PRIORITIES if priority not in targets]:
            raise ValueError(f"no targets for {', '.join(absent)}")
        return targets

    def calendar_of(self, priority: Priority) -> str:
        return self.targets[priority].calendar or self.calendar


Share = Annotated[float, Field(gt=0, lt=1)]


class Policies(_Part):
    """`reminders`: shares of the time after which is reminded. `inactivity`: by the wall clock. The first policy that
    fits counts."""

    version: str
    reminders: tuple[Share, ...]
    inactivity: Duration
    policies: Annotated[tuple[Policy, ...], Field(min_length=1)]

    @field_validator("reminders")
    @classmethod
    def reminders_rise(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)):
            raise ValueError("each share must be more than the one before it")
        return shares

    @field_validator("policies")
    @classmethod
    def every_case_has_one(cls, policies: tuple[Policy, ...]) -> tuple[Policy, ...]:
        ids = [policy.id for policy in policies]
        if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
            raise ValueError(f"more than one policy is called {', '.join(twice)}")
        if policies[-1].when != When():
            raise ValueError(f"{ids[-1]}: the last policy is for all that is left, so it has no `when`")
        return policies


def _concerned(department: Department) -> Department:
    if department in ("frontline", "management"):
        raise ValueError(f"{department} is called on a level of its own, not for a category")
    return department


Concerned = Annotated[Department, AfterValidator(_concerned)]


class Person(Contact):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LevelRule(_Part):
    """`acknowledge_within`: of the time that the missed promise counts; some priorities have their own. `ask`: what is
    wanted, by language."""

    acknowledge_within: Duration
    priorities: dict[Priority, Duration] = {}
    ask: dict[str, str]


def _sentence(text: str) -> str:
    try:
        text.format(target="", department="")
    except (KeyError, IndexError, ValueError, AttributeError):
        raise ValueError(f"{text!r}: only {{target}} or {{department}} can be filled in") from None
    return text


Sentence = Annotated[str, AfterValidator(_sentence)]


class Words(_Part):
    """Why a department is called, or called off, in one language; what has no name is called by its code.

    In `missed` stands {target}, in the others {department}.
    """

    missed: Sentence
    unanswered: Sentence
    refused: Sentence
    resolved: Sentence
    targets: dict[Target, str] = {}
    departments: dict[Department, str] = {}

    def missed_of(self, target: Target) -> str:
        return self.missed.format(target=self.targets.get(target, target), department="")

    def unanswered_by(self, department: Department) -> str:
        return self._by(self.unanswered, department)

    def refused_by(self, department: Department, reason: str) -> str:
        return ": ".join(filter(None, (self._by(self.refused, department), reason)))

    def resolved_by(self, department: Department) -> str:
        return self._by(self.resolved, department)

    def _by(self, sentence: str, department: Department) -> str:
        return sentence.format(department=self.departments.get(department, department), target="")


class Escalations(_Part):
    """`language`: of our staff; whatever departments read is in it, whichever the customer speaks."""

    version: str
    language: str
    words: dict[str, Words]
    levels: Annotated[tuple[LevelRule, ...], Field(min_length=3, max_length=3)]
    departments: dict[str, Concerned] = {}
    otherwise: Concerned
    contacts: dict[Department, tuple[Person, ...]] = {}

    @model_validator(mode="after")
    def the_language_is_spoken(self) -> Self:
        if self.language not in self.words:
            raise ValueError(f"words: there are none in {self.language!r}")
        for number, level in enumerate(self.levels, start=1):
            if self.language not in level.ask:
                raise ValueError(f"levels: number {number} asks nothing in {self.language!r}")
        return self


class Rules(_Part):
    calendars: Calendars
    policies: Policies
    escalations: Escalations

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> Self:
        if absent := [name for name in FILES if name not in documents]:
            raise ValueError(f"missing rule file: {', '.join(f'{name}.yaml' for name in absent)}")
        read = {name: documents[name] for name in FILES}
        return cls.model_validate(read, context={"calendars": _names(read["calendars"])})

    def calendar(self, name: str) -> Calendar:
        """A calendar that has been taken out of the rules goes on by the wall clock."""
        known = self.calendars.calendars.get(name)
        return known.calendar if known else ALWAYS

    def policy(self, *, tier: str | None, channel: str, category: tuple[str, ...], kind: Kind) -> Policy:
        about: dict[str, Any] = {"tier": tier, "channel": channel, "category": category, "kind": kind}
        return next(policy for policy in self.policies.policies if policy.when.fits(**about))

    def reference(self, policy: Policy) -> PolicyRef:
        return PolicyRef(id=policy.id, version=self.policies.version)

    def department(self, level: int, category: tuple[str, ...]) -> Department:
        """Who is called on a level: the front line, the department concerned, management."""
        if level == 2:
            named = _longest(self.escalations.departments, category)
            return self.escalations.departments.get(named, self.escalations.otherwise)
        return "frontline" if level == 1 else "management"

    def acknowledge_within(self, level: int, priority: Priority) -> float:
        rule = self.escalations.levels[level - 1]
        return rule.priorities.get(priority, rule.acknowledge_within)

    def ask(self, level: int) -> str:
        return self.escalations.levels[level - 1].ask[self.escalations.language]

    @property
    def words(self) -> Words:
        return self.escalations.words[self.escalations.language]


def _names(calendars: Any) -> frozenset[str]:
    """What the calendars are called, whatever else may be wrong with them."""
    named = calendars.get("calendars") if isinstance(calendars, dict) else None
    return frozenset(map(str, named)) if isinstance(named, dict) else frozenset()
