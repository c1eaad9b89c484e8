"""Who may do work on a case: agents that routing knows, and whoever routing gave the case to."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.intake.domain.case import Case
from shared.decisions import Decide, Decision, Refused
from shared.events.agents import AgentUpdated


class Colleague(BaseModel):
    """An agent who is known to exist. What he can and whether he is there is routing's."""

    model_config = ConfigDict(frozen=True)
    agent_id: str


def enrol(state: Colleague | None, now: datetime, *, event: AgentUpdated) -> Decision[Colleague]:
    return Decision(state or Colleague(agent_id=event.agent_id))


def by_stranger(state: Case | None, now: datetime, *, agent_id: str, decide: Decide[Case]) -> Decision[Case]:
    """Work of somebody who is not on the roster counts only if the case is his.

    Raises Refused `unknown_agent` (422).
    """
    if state is not None and state.agent_id == agent_id:
        return decide(state, now)
    raise unknown_agent(agent_id)


def unknown_agent(agent_id: str) -> Refused:
    message = f"agent {agent_id} is not known; send the profile first (agents.v1)"
    return Refused("unknown_agent", message, field="agent_id", status=422)
