"""Intake follows what sla declares of incidents (`incidents.v1`, IN-14): its cases are linked with it, one by one."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.intake.domain.case import Case
from services.intake.domain.follow_targets import SLA
from services.intake.domain.link import is_linked, link
from shared.decisions import Decision, Note
from shared.events.incidents import IncidentDeclared
from shared.ids import named

FLAG = "incident"
"""Of a case that is part of one."""
PAGE = 500
"""Of one document, which has about 20 KiB then."""


class Incident(BaseModel):
    """An incident, or (`page`: the key of its document) at most PAGE of its cases, so that none grows with it.

    `to_link`: cases that are not linked yet.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    incident_id: str
    title: str = ""
    page: str = ""
    to_link: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.page or self.incident_id


def declared(state: Incident | None, now: datetime, *, event: IncidentDeclared) -> Decision[Incident]:
    known = state or Incident(incident_id=event.incident_id)
    return Decision(known.model_copy(update={"title": event.title}))


def pages_of(event: IncidentDeclared, event_id: str) -> Iterator[Incident]:
    """The cases that one event names, to be kept each under its key."""
    for start in range(0, len(event.cases), PAGE):
        page, some = named("page", event_id, start), event.cases[start : start + PAGE]
        yield Incident(incident_id=event.incident_id, title=event.title, page=page, to_link=tuple(dict.fromkeys(some)))


def kept(state: Incident | None, now: datetime, *, page: Incident) -> Decision[Incident]:
    """A page that is there is linked already, or will be."""
    return Decision(state or page)


def part_of(state: Case | None, now: datetime, *, incident_id: str, title: str) -> Decision[Case]:
    """The case says which incident it belongs to. Raises Refused `too_many_links`."""
    if state is None or is_linked(state, incident_id):
        return Decision(state)  # type: ignore[arg-type]
    after, event = link(state, incident_id, "incident", by=SLA, why=title)
    flags = tuple(dict.fromkeys((*state.flags, FLAG)))
    return Decision(after.changed(flags=flags), (event,), Note(now, "linked", SLA, title, {"incident": incident_id}))


def linked(state: Incident | None, now: datetime, *, cases: tuple[str, ...]) -> Decision[Incident]:
    """These need not be linked any more."""
    assert state is not None, "only what is kept has cases to link"
    left = tuple(case for case in state.to_link if case not in cases)
    return Decision(state if left == state.to_link else state.model_copy(update={"to_link": left}))
