"""Who gets which case: the one place where this is decided.

    match(tickets, agents, now, rules) -> [Match(ticket, agent, reason, ...), ...]

Tickets in the order of the queue (priority, then tier, then age); each to the best agent who has a free place, speaks
the language and is within the rings opened so far. Places given out in this pass count at once. The same input gives
the same answer. Within a pass a score can only rise, so heaps are refreshed only where they are looked at.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush, heapreplace
from types import MappingProxyType
from typing import NamedTuple

from services.routing.domain.agent import Agent, takes_cases, total
from services.routing.domain.rules import Ring, Rules
from services.routing.domain.ticket import Ticket
from shared.events.assignments import AssignmentReason

NO_ONE: Mapping[str, str] = MappingProxyType({})
ALL_IDLE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Match:
    """Offer this ticket to this agent. `generation`: of the offer to be made. `again`: a new round of asking begins."""

    ticket: Ticket
    agent: Agent
    reason: AssignmentReason
    generation: int
    again: bool


def match(
    tickets: Iterable[Ticket],
    agents: Iterable[Agent],
    now: datetime,
    rules: Rules,
    *,
    familiar: Mapping[str, str] = NO_ONE,
) -> list[Match]:
    """`familiar`: by customer id, the agent who last helped him. Tickets that are not waiting are left out."""
    floor = Floor(agents, now, rules)
    matches: list[Match] = []
    for ticket in in_queue_order(tickets, rules):
        if floor.is_full:
            break
        if found := floor.choose(ticket, ticket.last_agent or familiar.get(ticket.customer_id)):
            matches.append(found)
    return matches


def in_queue_order(tickets: Iterable[Ticket], rules: Rules) -> list[Ticket]:
    waiting = [ticket for ticket in tickets if ticket.status == "waiting"]
    return sorted(waiting, key=queue_order(rules))


def queue_order(rules: Rules) -> Callable[[Ticket], tuple[str, int, datetime, str]]:
    """Priority, then tier, then age; the case id only so that the order is always the same."""
    return lambda ticket: (ticket.priority, rules.tier_rank(ticket.tier), ticket.queued_at, ticket.case_id)


@dataclass(slots=True)
class Seat:
    """An agent in one pass: what he has left, and what it costs to ask him."""

    agent: Agent
    online: bool
    places: int
    load: int
    idle_cost: float
    full_idle_cost: float
    load_weight: float
    used: dict[str, int] = field(default_factory=dict)

    def has_place(self, channel: str) -> bool:
        if not self.online or self.load >= self.places:
            return False
        limit = self.agent.capacity.get(channel)
        return limit is None or self.used.get(channel, 0) < limit

    @property
    def cost(self) -> float:
        """Of occupancy and fairness; rises with everything he is given."""
        return self.load_weight * self.load / self.places + self.idle_cost

    @property
    def occupancy(self) -> float:
        return self.load / self.places

    def take(self, channel: str) -> None:
        self.load += 1
        self.used[channel] = self.used.get(channel, 0) + 1
        self.idle_cost = self.full_idle_cost


class Fit(NamedTuple):
    """How an agent fits a need: in which ring, through which skill, and the cost of a level too high or too low."""

    ring: int
    seat: Seat
    skill: str
    level: int
    cost: float


LEVELS = range(6)
Judged = tuple[int | None, bool, float]
"""(ring or None, whether a neighbouring skill lets him take it, cost of the level)."""

Entry = tuple[int, float, str, int, Fit]
"""(ring, cost, agent id, load when the cost was reckoned, fit): in this order agents are asked."""


@dataclass(slots=True)
class Group:
    """Everyone at work who could take a kind of case: all by ring, and a heap of those who may have a free place."""

    fits: list[Fit]
    free: list[Entry]
    by_agent: dict[str, Fit]


class Floor:
    """All agents at work during one pass."""

    def __init__(self, agents: Iterable[Agent], now: datetime, rules: Rules) -> None:
        self.now, self.rules = now, rules
        self._seats = [_seat(agent, now, rules) for agent in agents if _at_work(agent, rules)]
        self._open = sum(seat.places - seat.load for seat in self._seats if seat.online and seat.places > seat.load)
        self._by_language: dict[str, list[Seat]] = {}
        for seat in self._seats:
            for language in seat.agent.languages:
                self._by_language.setdefault(language, []).append(seat)
        self._judged: dict[int, dict[tuple[int, int], Judged]] = {}
        self._never: dict[str, set[str]] = {}
        for seat in self._seats:
            for channel in [channel for channel, places in seat.agent.capacity.items() if places == 0]:
                self._never.setdefault(channel, set()).add(seat.agent.agent_id)
        self._crews: dict[tuple[str, int, str], Group] = {}
        self._groups: dict[tuple[str, int, str, str], Group] = {}

    @property
    def is_full(self) -> bool:
        return self._open <= 0

    def choose(self, ticket: Ticket, preferred: str | None) -> Match | None:
        """The best agent for this ticket, whose place is then taken; None: it goes on waiting."""
        group = self.group(ticket)
        if not group.free or (reach := self.reach(ticket, group)) is None:
            return None
        ring, again = reach
        asked = () if again else ticket.asked
        knows = self._who_knows(group, preferred, ring, asked)
        if knows and not knows.seat.has_place(ticket.channel):
            if self._is_worth_waiting(ticket):
                return None
            knows = None
        best = _best(group, ticket.channel, ring, asked)
        if knows and best and self._score(knows, True) <= self._score(best, False):
            best = knows
        return self._give(ticket, best, best is knows, again) if best else None

    def group(self, ticket: Ticket) -> Group:
        key = (ticket.skill, ticket.level, ticket.language, ticket.channel)
        if key not in self._groups:
            self._groups[key] = _for_channel(self._crew(ticket), self._never.get(ticket.channel))
        return self._groups[key]

    def reach(self, ticket: Ticket, group: Group) -> tuple[int, bool] | None:
        """The widest ring to ask now, and whether a new round begins. None: nobody is to be asked at present.

        A ring in which nobody is left to ask is not waited for.
        """
        by_time = self.rules.ring_after((self.now - ticket.waiting_since).total_seconds(), ticket.priority)
        left = next((fit for fit in group.fits if fit.seat.agent.agent_id not in ticket.asked), None)
        again = left is None and bool(ticket.asked)
        if again:
            if self._rests(ticket):
                return None
            left = next(iter(group.fits), None)
        if left is None:
            return None
        widest = max(by_time, left.ring) if self.rules.offers.skip_unstaffed_rings else by_time
        return widest, again

    def _rests(self, ticket: Ticket) -> bool:
        if ticket.returned_at is None:
            return False
        return (self.now - ticket.returned_at).total_seconds() < self.rules.offers.round_pause_s

    def _is_worth_waiting(self, ticket: Ticket) -> bool:
        limit = self.rules.offers.last_agent_wait_s.get(ticket.priority, 0)
        return (self.now - ticket.waiting_since).total_seconds() < limit

    @staticmethod
    def _who_knows(group: Group, preferred: str | None, ring: int, asked: Sequence[str]) -> Fit | None:
        fit = group.by_agent.get(preferred) if preferred and preferred not in asked else None
        return fit if fit and fit.ring <= ring and fit.seat.online else None

    def _crew(self, ticket: Ticket) -> Group:
        """Whoever fits, whatever the channel."""
        need = (ticket.skill, ticket.level, ticket.language)
        if need not in self._crews:
            if ticket.level not in self._judged:
                self._judged[ticket.level] = _judge(ticket.level, self.rules)
            skill = self.rules.pools.skills.get(ticket.skill)
            seats = self._by_language.get(ticket.language, ())
            fits = _fits(seats, ticket.skill, self._judged[ticket.level], skill.neighbours if skill else ())
            self._crews[need] = _group(fits)
        return self._crews[need]

    def _score(self, fit: Fit, last_agent: bool) -> float:
        weights = self.rules.offers.weights
        return fit.ring * weights.ring + fit.cost + fit.seat.cost - (weights.last_agent if last_agent else 0)

    def _give(self, ticket: Ticket, fit: Fit, last_agent: bool, again: bool) -> Match:
        reason = AssignmentReason(
            skill=fit.skill,
            level=fit.level,
            language=ticket.language,
            load=round(fit.seat.occupancy, 3),
            last_agent=last_agent,
            ring=fit.ring,
            score=round(self._score(fit, last_agent), 3),
            policy_version=self.rules.version,
        )
        fit.seat.take(ticket.channel)
        self._open -= 1
        return Match(ticket, fit.seat.agent, reason, ticket.generation + 1, again)


def _at_work(agent: Agent, rules: Rules) -> bool:
    """Online, or back in a moment; someone without a place for any case is not waited for."""
    return agent.state in ("online", "wrap_up") and total(agent) > 0 and takes_cases(agent, rules)


def _seat(agent: Agent, now: datetime, rules: Rules) -> Seat:
    weights = rules.offers.weights
    since = agent.idle_since or agent.presence_at
    idle_s = min(ALL_IDLE_S, max(0.0, (now - since).total_seconds())) if since else ALL_IDLE_S
    seat = Seat(
        agent=agent,
        online=agent.state == "online",
        places=total(agent),
        load=len(agent.reservations),
        idle_cost=weights.idle * (1 - idle_s / ALL_IDLE_S),
        full_idle_cost=weights.idle,
        load_weight=weights.load,
    )
    for held in agent.reservations:
        seat.used[held.channel] = seat.used.get(held.channel, 0) + 1
    return seat


def _fits(
    seats: Iterable[Seat], skill: str, judged: Mapping[tuple[int, int], Judged], neighbours: Sequence[str]
) -> list[Fit]:
    fits = []
    for seat in seats:
        skills = seat.agent.skills
        own, helping, other = skills.get(skill, 0), 0, skill
        for name in neighbours:
            if (level := skills.get(name, 0)) > helping:
                helping, other = level, name
        ring, helps, cost = judged[own, helping]
        if ring is not None:
            fits.append(Fit(ring, seat, other, helping, cost) if helps else Fit(ring, seat, skill, own, cost))
    return fits


def _judge(level: int, rules: Rules) -> dict[tuple[int, int], Judged]:
    """For every pair of levels (of the skill itself, of the best neighbouring one) how well it fits."""
    rings, weight = rules.offers.rings, rules.offers.weights.level
    judged: dict[tuple[int, int], Judged] = {}
    for own in LEVELS:
        for helping in LEVELS:
            ring = ring_of(own, helping, level, rings)
            helps = ring is not None and _helps_out(own, helping, level, rings[ring])
            judged[own, helping] = (ring, helps, weight * abs((helping if helps else own) - level))
    return judged


def ring_of(own: int, neighbour: int, level: int, rings: Sequence[Ring]) -> int | None:
    """The number of the first ring that includes an agent with these levels (0: has not the skill)."""
    for number, ring in enumerate(rings):
        enough = max(1, level - ring.lower)
        if own >= enough or ring.overflow or (ring.neighbours and neighbour >= enough):
            return number
    return None


def _helps_out(own: int, neighbour: int, level: int, ring: Ring) -> bool:
    """Whether it is the neighbouring skill that lets him take it."""
    enough = max(1, level - ring.lower)
    return own < enough <= neighbour and ring.neighbours


def _group(fits: list[Fit]) -> Group:
    """Sorted, and therefore a heap."""
    free = sorted(_entry(fit) for fit in fits if fit.seat.online and fit.seat.load < fit.seat.places)
    return Group(sorted(fits, key=_by_ring), free, {fit.seat.agent.agent_id: fit for fit in fits})


def _for_channel(crew: Group, never: Container[str] | None) -> Group:
    """A heap of its own for one channel, without those who never take it."""
    if not never:
        return Group(crew.fits, crew.free.copy(), crew.by_agent)
    return _group([fit for fit in crew.fits if fit.seat.agent.agent_id not in never])


def _by_ring(fit: Fit) -> tuple[int, str]:
    return fit.ring, fit.seat.agent.agent_id


def _entry(fit: Fit) -> Entry:
    return fit.ring, fit.cost + fit.seat.cost, fit.seat.agent.agent_id, fit.seat.load, fit


def _best(group: Group, channel: str, widest: int, asked: Sequence[str]) -> Fit | None:
    """The cheapest fit with a free place. Full ones leave the heap, as no place comes back within a pass."""
    free = group.free
    passed: list[Entry] = []
    found: Fit | None = None
    while free and found is None and free[0][0] <= widest:
        _, _, agent_id, load, fit = free[0]
        if not fit.seat.has_place(channel):
            heappop(free)
        elif load != fit.seat.load:
            heapreplace(free, _entry(fit))
        elif agent_id in asked:
            passed.append(heappop(free))
        else:
            found = fit
    for entry in passed:
        heappush(free, entry)
    return found
