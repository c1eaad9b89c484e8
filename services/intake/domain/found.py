"""What a look-up in a customer system (CRM) knows: the customer behind contact points, and what facts belong to."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.events.base import PersonalText

MOST_ENTITLEMENTS = 10
MOST_FACTS = 20


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


Day = Annotated[str, AfterValidator(_day)]
"""A day as `2027-05-01`; a document can't hold a date without its time."""


class _Known(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", str_max_length=100)


class Entitlement(_Known):
    """What a customer has a right to (IN-24): warranty 延保, onsite 上门, priority 优先服务, or what the rules call so.

    `until`: the last day, None without end. `of`: the serial or order that it is for, None for all that is his.
    """

    name: str
    until: Day | None = None
    of: PersonalText | None = None


class KnownCustomer(_Known):
    """`id`: by which the CRM knows him; ours is another."""

    id: str
    tier: str | None = None
    entitlements: tuple[Entitlement, ...] = Field(default=(), max_length=MOST_ENTITLEMENTS)


class KnownFact(_Known):
    """`customer`: whose it is, None if it is nobody's. `facts`: what else is true of it (a serial has a model)."""

    customer: str | None = None
    facts: dict[str, str] = Field(default={}, max_length=MOST_FACTS)


class Found(_Known):
    """`facts`: by name; None for a value that the CRM does not know, absent for a fact of which it knows nothing."""

    source: str = ""
    customer: KnownCustomer | None = None
    facts: dict[str, KnownFact | None] = Field(default={}, max_length=MOST_FACTS)
