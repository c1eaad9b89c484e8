"""`incidents.v1`: many cases with one cause, decided by sla."""

from typing import ClassVar

from shared.events.base import EventData


class IncidentDeclared(EventData):
    """A major incident 重大事故: these cases are handled as one. `burst_id`: of the burst that led to it."""

    TOPIC: ClassVar[str] = "incidents.v1"
    TYPE: ClassVar[str] = "incident.declared"
    incident_id: str
    title: str = ""
    cases: tuple[str, ...] = ()
    burst_id: str | None = None
    drill: bool = False


EVENTS = (IncidentDeclared,)
