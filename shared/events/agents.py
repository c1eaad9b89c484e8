"""`agents.v1`: who can work, and who is there. Sent by workforce tools, or by routing's HTTP door."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.events.base import EventData, Moment, PersonalText

AgentId = Annotated[str, Field(min_length=1, max_length=100)]
Level = Annotated[int, Field(ge=1, le=5)]


class AgentUpdated(EventData):
    """The newest `at` wins. `capacity` holds a number per channel and `total`."""

    TOPIC: ClassVar[str] = "agents.v1"
    TYPE: ClassVar[str] = "agent.updated"
    agent_id: AgentId
    at: Moment
    name: PersonalText = ""
    team: str = ""
    skills: dict[str, Level] = {}
    languages: tuple[str, ...] = ("zh",)
    capacity: dict[str, Annotated[int, Field(ge=0, le=1000)]] = {"total": 1}
    supervisor: str | None = None
    roles: tuple[str, ...] = ("agent",)


class AgentPresence(EventData):
    TOPIC: ClassVar[str] = "agents.v1"
    TYPE: ClassVar[str] = "agent.presence"
    agent_id: AgentId
    at: Moment
    state: Literal["online", "break", "wrap_up", "offline"]
    readiness: dict[str, bool] = {}


EVENTS = (AgentUpdated, AgentPresence)
