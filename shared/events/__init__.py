"""The contracts: what travels between services and over their edge, as pydantic models."""

from shared.events.base import PERSONAL, Body, CaseEvent, Event, EventData, PersonalText

__all__ = ["PERSONAL", "Body", "CaseEvent", "Event", "EventData", "PersonalText"]
