"""An agent: what he can, whether he is there, and what he holds.

Profile and presence come from outside and carry their time; the newest of each group wins, so that an old "online"
that is read again changes nothing. Load is the number of reservations, never a counter.
"""

from datetime import datetime, timedelta
from typing import Literal, cast

from pydantic import BaseModel, ConfigDict

from services.routing.domain.pools import plain_language, skill_named
from services.routing.domain.rules import Rules
from shared.decisions import Decision, Refused
from shared.events.agents import AgentPresence, AgentUpdated
from shared.events.base import PersonalText

AHEAD = timedelta(minutes=5)
State = Literal["online", "break", "wrap_up", "offline"]


class Reservation(BaseModel):
    """A place held for one offer of one case; `at` is when it was taken."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    channel: str
    generation: int
    at: datetime


class Agent(BaseModel):
    """One document per agent, under the agent id. `idle_since`: when he last took or gave back work."""

    model_config = ConfigDict(frozen=True)

    agent_id: str
    profile_at: datetime
    name: PersonalText = ""
    team: str = ""
    skills: dict[str, int] = {}
    languages: tuple[str, ...] = ()
    capacity: dict[str, int] = {}
    supervisor: str | None = None
    roles: tuple[str, ...] = ("agent",)

    presence_at: datetime | None = None
    state: State = "offline"
    readiness: dict[str, bool] = {}

    reservations: tuple[Reservation, ...] = ()
    idle_since: datetime | None = None


def update(state: Agent | None, now: datetime, *, event: AgentUpdated, rules: Rules) -> Decision[Agent]:
    """Raises Refused `ahead_of_time` (422)."""
    if state is not None and event.at <= state.profile_at:
        return Decision(state)
    _check_time(event.at, now)
    profile = {
        "profile_at": event.at,
        "name": event.name,
        "team": event.team,
        "skills": {skill_named(name, rules) or name.strip().lower(): level for name, level in event.skills.items()},
        "languages": tuple(dict.fromkeys(plain_language(language) for language in event.languages)),
        "capacity": event.capacity,
        "supervisor": event.supervisor,
        "roles": event.roles,
    }
    if state is None:
        return Decision(Agent.model_validate({"agent_id": event.agent_id, **profile}))
    return Decision(state.model_copy(update=profile))


def presence(state: Agent | None, now: datetime, *, event: AgentPresence, rules: Rules) -> Decision[Agent]:
    """What was confirmed holds until the agent goes offline; a break does not ask for it again.

    Raises Refused `unknown_agent` (404), `ahead_of_time`, and `not_ready` (422) that names the items missing.
    """
    if state is None:
        raise Refused(
            "unknown_agent",
            f"agent {event.agent_id} is not known; send its profile first",
            field="agent_id",
            status=404,
        )
    if state.presence_at is not None and event.at <= state.presence_at:
        return Decision(state)
    _check_time(event.at, now)
    confirmed = {} if event.state == "offline" else {**state.readiness, **event.readiness}
    if event.state == "online" and (missing := not_ready(confirmed, rules)):
        raise Refused(
            "not_ready", f"not ready to go online, still missing: {', '.join(missing)}", field="readiness", status=422
        )
    there = {"presence_at": event.at, "state": event.state, "readiness": confirmed}
    return Decision(state.model_copy(update=there))


def _check_time(at: datetime, now: datetime) -> None:
    """A time far ahead would win against everything said later."""
    if at > now + AHEAD:
        raise Refused("ahead_of_time", "at lies more than five minutes ahead", field="at", status=422)


def not_ready(confirmed: dict[str, bool], rules: Rules) -> list[str]:
    """The items still to be confirmed, and whatever the desktop itself reports as not in order."""
    given = {_plain(name): value for name, value in confirmed.items()}
    items = rules.readiness.items
    names = {
        name: {_plain(name), *map(_plain, item.also), _plain(item.zh), _plain(item.en)} for name, item in items.items()
    }
    missing = [name for name, known in names.items() if not _confirmed(known, given)]
    listed = set[str]().union(*names.values())
    return missing + sorted(name for name, value in given.items() if not value and name not in listed)


def _confirmed(known: set[str], given: dict[str, bool]) -> bool:
    answers = [given[name] for name in known & given.keys()]
    return bool(answers) and all(answers)


def _plain(name: str) -> str:
    return "_".join(name.lower().replace("-", " ").replace("/", " ").replace("_", " ").split())


def total(agent: Agent) -> int:
    """How many cases he may hold; where only channels are given, as many as those together."""
    return agent.capacity.get("total", sum(agent.capacity.values()))


def free_places(agent: Agent, channel: str) -> int:
    """Places left for this channel; a channel that is not named is bounded by the total alone."""
    left = total(agent) - len(agent.reservations)
    if channel not in agent.capacity:
        return max(0, left)
    used = sum(1 for held in agent.reservations if held.channel == channel)
    return max(0, min(left, agent.capacity[channel] - used))


def occupancy(agent: Agent) -> float:
    """Share of his places in use, 0 to 1 (above only after his capacity was lowered)."""
    places = total(agent)
    return len(agent.reservations) / places if places else 1.0


def takes_cases(agent: Agent, rules: Rules) -> bool:
    """Someone who holds only roles such as supervisor is never offered a case."""
    return not agent.roles or any(role not in rules.offers.roles_without_offers for role in agent.roles)


def known(state: Agent | None, agent_id: str) -> Agent:
    if state is None:
        raise Refused("unknown_agent", f"agent {agent_id} is not known", field="agent_id", status=404)
    return state


def unchanged(state: Agent | None) -> Decision[Agent]:
    return Decision(cast(Agent, state))
