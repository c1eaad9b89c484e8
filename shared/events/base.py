"""The shape of every event: a typed body, and the envelope around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

PERSONAL = Field(json_schema_extra={"x-personal": True})
"""Marks a field that names a person or holds a person's free words, so that a program finds what to hide or erase."""

PersonalText = Annotated[str, PERSONAL]
EARLIEST, LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)


def _within_reason(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"a moment between {EARLIEST.year} and {LATEST.year} is wanted")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_within_reason)]
"""A moment with a zone that every part of the house can reckon with."""


class Body(BaseModel):
    """A frozen part of an event. Unknown fields are ignored: a newer neighbour may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventData(Body):
    """The data of one event type; `TOPIC` and `TYPE` say where it travels and what it is called.

    `TYPES`: the names on the wire, where one model serves several.
    """

    TOPIC: ClassVar[str]
    TYPE: ClassVar[str]
    TYPES: ClassVar[tuple[str, ...]] = ()

    @property
    def topic(self) -> str:
        """The topic of this very event; some families have a topic per addressee."""
        return self.TOPIC


class CaseEvent(EventData):
    """Data of an event whose subject is a case."""

    case_id: str
    number: str


@dataclass(frozen=True, slots=True)
class Event:
    """One record as a service reads it.

    `sequence` is None for outsiders' records, whose identity lies in their data. `after` holds, by topic, the last
    sequence of the same subject that the writer had seen. `data` is the decoded JSON object. `more`: what a newer
    version keeps of a record that waits.
    """

    topic: str
    type: str
    subject: str
    id: str
    time: datetime
    data: dict[str, Any]
    sequence: int | None = None
    after: dict[str, int] = field(default_factory=dict)
    source: str = ""
    trace: str = ""
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)
