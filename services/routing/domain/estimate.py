"""How long a case will wait, honestly: from what stands ahead of it, the places at work and recent handling (RT-10).

Where nobody is at work, or it is not known how long cases take, there is no estimate rather than a pleasant one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from statistics import fmean

from services.routing.domain.agent import Agent, takes_cases, total
from services.routing.domain.pools import pool_id
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket


def estimate(*, ahead: float, free: int, places: int, handling_s: Sequence[float], rules: Rules) -> int | None:
    """Seconds until somebody takes the case. None when unknown.

    ahead: cases that go first. free, places: of the agents at work for it. handling_s: how long recent cases kept one
    place each; below `enough` of them the assumed time counts.
    """
    known = rules.offers.estimate
    if places <= 0:
        return None
    if ahead < free:
        return ceil(known.reaction_s)
    handling = fmean(handling_s) if len(handling_s) >= known.enough else known.assumed_handling_s
    if handling is None:
        return None
    return ceil((ahead - max(free, 0) + 1) * handling / places + known.reaction_s)


class Outlook:
    """What all pools look like at one moment. `handling`: by pool, seconds that recent cases took."""

    def __init__(
        self,
        tickets: Iterable[Ticket],
        agents: Iterable[Agent],
        rules: Rules,
        handling: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.rules, self._handling = rules, handling or {}
        self._agents = [
            agent for agent in agents if agent.state == "online" and total(agent) > 0 and takes_cases(agent, rules)
        ]
        self._waiting: dict[tuple[str, str], Counter[str]] = {}
        for ticket in tickets:
            if ticket.status == "waiting":
                self._waiting.setdefault((ticket.skill, ticket.language), Counter())[ticket.priority] += 1
        self._crews: dict[tuple[str, str], list[Agent]] = {}

    def estimate_s(self, skill: str, language: str, priority: str) -> int | None:
        """For a case that would join this pool now, behind its equals."""
        crew = self.crew(skill, language)
        return estimate(
            ahead=sum(self._share(crew, pool) * _before(waiting, priority) for pool, waiting in self._waiting.items()),
            free=sum(max(0, total(agent) - len(agent.reservations)) for agent in crew),
            places=sum(total(agent) for agent in crew),
            handling_s=self._handling.get(pool_id(skill, language), ()),
            rules=self.rules,
        )

    def crew(self, skill: str, language: str) -> list[Agent]:
        """Who would take its cases: those of the skill, else, as the search widens, anyone of the language."""
        if (skill, language) not in self._crews:
            speakers = [agent for agent in self._agents if language in agent.languages]
            skilled = [agent for agent in speakers if skill in agent.skills]
            overflow = speakers if any(ring.overflow for ring in self.rules.offers.rings) else []
            self._crews[skill, language] = skilled or overflow
        return self._crews[skill, language]

    def _share(self, crew: list[Agent], pool: tuple[str, str]) -> float:
        """The part of another pool's cases that this crew will get, as they spread over that pool's places."""
        theirs = self.crew(*pool)
        places = sum(total(agent) for agent in theirs)
        ours = {agent.agent_id for agent in crew}
        return sum(total(agent) for agent in theirs if agent.agent_id in ours) / places if places else 0.0


def _before(waiting: Counter[str], priority: str) -> int:
    return sum(number for other, number in waiting.items() if other <= priority)
