"""What an operator may change, as YAML: pools (skill groups), offers (order, rings, times), readiness.

    Rules.parse({"pools": {...}, "offers": {...}, "readiness": {...}})

Errors:
    ValidationError (pydantic), ValueError    which key is wrong, and what is allowed
"""

from bisect import bisect_right
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.events.cases import Kind, Priority
from shared.events.contacts import Channel

Level = Annotated[int, Field(ge=1, le=5)]
Seconds = Annotated[float, Field(ge=0)]
FILES = ("pools", "offers", "readiness")
SEPARATOR = " / "


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Skill(_Part):
    """A skill group, its names, and the groups that help out."""

    zh: str
    en: str
    neighbours: tuple[str, ...] = ()


class Languages(_Part):
    served: Annotated[tuple[str, ...], Field(min_length=1)]
    otherwise: str

    @model_validator(mode="after")
    def otherwise_is_served(self) -> Self:
        if self.otherwise not in self.served:
            raise ValueError(f"otherwise: {self.otherwise!r} is none of the served {list(self.served)}")
        return self


class Pools(_Part):
    version: str
    skills: dict[str, Skill]
    categories: dict[str, str]
    otherwise: str
    review: str | None = None
    levels: dict[Priority, Level]
    kinds: dict[Kind, Level] = {}
    languages: Languages
    tiers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def names_exist(self) -> Self:
        named = {
            self.otherwise,
            self.review or self.otherwise,
            *self.categories.values(),
            *(n for s in self.skills.values() for n in s.neighbours),
        }
        if unknown := sorted(named - self.skills.keys()):
            raise ValueError(f"unknown skill {unknown}; known: {sorted(self.skills)}")
        if dotted := [skill for skill in self.skills if "." in skill or not skill]:
            raise ValueError(f"a skill has no dot in its name: {dotted}")
        if absent := sorted({"P0", "P1", "P2", "P3"} - self.levels.keys()):
            raise ValueError(f"levels: no level for {absent}")
        return self


class Timeout(_Part):
    default: Annotated[float, Field(gt=0)]
    channel: dict[Channel, Annotated[float, Field(gt=0)]] = {}
    priority: dict[Priority, Annotated[float, Field(gt=0)]] = {}


class Ring(_Part):
    """Who is asked after `after_s` seconds of waiting."""

    after_s: Seconds
    lower: Annotated[int, Field(ge=0, le=4)] = 0
    neighbours: bool = False
    overflow: bool = False

    def includes(self, inner: "Ring") -> bool:
        return (
            self.after_s >= inner.after_s
            and self.lower >= inner.lower
            and self.neighbours >= inner.neighbours
            and self.overflow >= inner.overflow
        )


class Weights(_Part):
    level: Annotated[float, Field(ge=0)] = 2
    load: Annotated[float, Field(ge=0)] = 10
    idle: Annotated[float, Field(ge=0)] = 1
    last_agent: Annotated[float, Field(ge=0)] = 25
    ring: Annotated[float, Field(gt=0)] = 100

    @model_validator(mode="after")
    def ring_outweighs_the_others(self) -> Self:
        others = 5 * self.level + self.load + self.idle + self.last_agent
        if self.ring <= others:
            raise ValueError(f"ring must outweigh all others together: more than {others:g}, not {self.ring:g}")
        return self


class Estimating(_Part):
    assumed_handling_s: Annotated[float, Field(gt=0)] | None = None
    enough: Annotated[int, Field(ge=1)] = 5
    reaction_s: Seconds = 15


class Transfer(_Part):
    basic_facts: tuple[str, ...] = ()
    when_missing: Literal["flag", "refuse"] = "flag"


class Offers(_Part):
    version: str
    timeout_s: Timeout
    rings: Annotated[tuple[Ring, ...], Field(min_length=1)]
    hurry: dict[Priority, Annotated[float, Field(ge=1)]] = {}
    skip_unstaffed_rings: bool = True
    round_pause_s: Seconds = 15
    last_agent_wait_s: dict[Priority, Seconds] = {}
    last_agent_days: Annotated[float, Field(ge=0)] = 30
    weights: Weights = Weights()
    roles_without_offers: frozenset[str] = frozenset()
    estimate: Estimating = Estimating()
    reservation_grace_s: Annotated[float, Field(gt=0)] = 15
    transfer: Transfer = Transfer()

    @model_validator(mode="after")
    def rings_widen(self) -> Self:
        if self.rings[0].after_s != 0:
            raise ValueError("rings: the first begins after_s: 0")
        for number, (inner, outer) in enumerate(zip(self.rings, self.rings[1:], strict=False), start=1):
            if not outer.includes(inner):
                raise ValueError(f"rings: number {number} is narrower than the one before it")
        return self


class Item(_Part):
    """One thing an agent confirms; `also`: other names that desktops send for it."""

    zh: str
    en: str
    also: tuple[str, ...] = ()


class Readiness(_Part):
    version: str
    items: dict[str, Item]


class Rules(_Part):
    pools: Pools
    offers: Offers
    readiness: Readiness

    @classmethod
    def parse(cls, documents: dict[str, Any]) -> Self:
        if absent := [name for name in FILES if name not in documents]:
            raise ValueError(f"missing rule file: {', '.join(f'{name}.yaml' for name in absent)}")
        return cls.model_validate({name: documents[name] for name in FILES})

    @cached_property
    def version(self) -> str:
        """What `policy_version` names: both files that decide who gets a case."""
        return f"pools {self.pools.version}, offers {self.offers.version}"

    @cached_property
    def _starts(self) -> list[float]:
        return [ring.after_s for ring in self.offers.rings]

    @cached_property
    def _tiers(self) -> dict[str, int]:
        return {tier: rank for rank, tier in enumerate(self.pools.tiers)}

    def offer_timeout_s(self, channel: str, priority: str) -> float:
        """How long an agent has to accept: the shortest that applies."""
        timeout = self.offers.timeout_s
        by_channel: dict[Any, float] = timeout.channel
        by_priority: dict[Any, float] = timeout.priority
        named = [by_channel.get(channel), by_priority.get(priority)]
        return min((seconds for seconds in named if seconds is not None), default=timeout.default)

    def ring_after(self, waited_s: float, priority: Priority) -> int:
        """The number of the widest ring that is asked after this wait."""
        return max(0, bisect_right(self._starts, waited_s * self.offers.hurry.get(priority, 1)) - 1)

    def tier_rank(self, tier: str | None) -> int:
        """0 goes first; a tier not named goes last."""
        return self._tiers.get((tier or "").lower(), len(self._tiers))
