"""A place of an agent is held for one offer of one case, and given back. Guarded by the agent's own document."""

from datetime import datetime

from services.routing.domain.agent import Agent, Reservation, free_places, known, unchanged
from shared.decisions import Decision, Refused


def reserve(
    state: Agent | None, now: datetime, *, agent_id: str, case_id: str, channel: str, generation: int
) -> Decision[Agent]:
    """Hold a place. The same one again changes nothing; one for an earlier offer of the case gives way.

    Raises Refused `unknown_agent`, `not_online`, `at_capacity`, `superseded`.
    """
    agent = known(state, agent_id)
    held = next((r for r in agent.reservations if r.case_id == case_id), None)
    if held is not None and held.generation == generation:
        return Decision(agent)
    if held is not None and held.generation > generation:
        raise Refused("superseded", f"a later offer of case {case_id} holds a place already", field="generation")
    if held is not None:
        agent = _without(agent, held)
    if agent.state != "online":
        raise Refused("not_online", f"agent {agent_id} is {agent.state}, not online", field="agent_id")
    if free_places(agent, channel) == 0:
        raise Refused("at_capacity", f"agent {agent_id} has no free place for {channel}", field="channel")
    taken = Reservation(case_id=case_id, channel=channel, generation=generation, at=now)
    return Decision(agent.model_copy(update={"reservations": (*agent.reservations, taken), "idle_since": now}))


def release(state: Agent | None, now: datetime, *, case_id: str, generation: int) -> Decision[Agent]:
    """Give back exactly that place; if it is not held, nothing changes."""
    if state is None:
        return unchanged(state)
    held = next((r for r in state.reservations if (r.case_id, r.generation) == (case_id, generation)), None)
    if held is None:
        return unchanged(state)
    return Decision(_without(state, held).model_copy(update={"idle_since": now}))


def _without(agent: Agent, held: Reservation) -> Agent:
    return agent.model_copy(update={"reservations": tuple(r for r in agent.reservations if r is not held)})
