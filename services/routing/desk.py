"""The desk where cases and agents meet. Two kinds of documents, no transaction:

    match (pure) -> a place is reserved with the agent (guarded) -> the case is offered (guarded)

What is refused on the way gives its place back; a ticket that leaves an agent gives its place back; what a crash left
between the two is found by the sweep. Guards decide every race, so several desks at once do no harm.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any

from services.routing.domain.agent import Agent
from services.routing.domain.estimate import Outlook
from services.routing.domain.match import Match, match
from services.routing.domain.offer import offer
from services.routing.domain.reserve import release, reserve
from services.routing.domain.rules import Rules
from services.routing.domain.sweep import confirms, left_behind, stale_reservations, without_place
from services.routing.domain.ticket import Ticket
from services.routing.domain.unassign import unassign
from services.routing.overview import pool_ids
from services.routing.store import Agents, Tickets
from shared.clock import Clock
from shared.errors import TRANSIENT
from shared.events.assignments import CaseAssigned
from shared.fold import Change, Outcome
from shared.ids import named, partition_of
from shared.metrics import Metrics
from shared.outbox import Producer, Publication
from shared.ownership import Ownership
from shared.rules import Rules as Live

WAKEUPS = "routing.wakeups.v1"
LOOK_S = 1.0
SWEEP_S = 2.0
HISTORY_S = 30.0
GATHER_S = 0.005
MANY = 200
REMEMBERED = 20_000
HANDLING_WINDOW = timedelta(hours=24)


class LastLook:
    """What the desk saw when it last looked, for whoever asks how long a case will wait."""

    def __init__(self) -> None:
        self.outlook: Outlook | None = None

    def __call__(self, skill: str, language: str, priority: str) -> int | None:
        return self.outlook.estimate_s(skill, language, priority) if self.outlook else None


class Desk:
    def __init__(
        self,
        tickets: Tickets,
        agents: Agents,
        rules: Live[Rules],
        estimates: LastLook,
        *,
        producer: Producer,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._tickets, self._agents, self._rules = tickets, agents, rules
        self._producer, self._metrics, self._clock = producer, metrics, clock
        self.estimates = estimates
        self._ownership: Ownership | None = None
        self._awake = asyncio.Event()
        self.handling: dict[str, list[float]] = {}
        self._familiar: OrderedDict[str, tuple[str | None, float]] = OrderedDict()
        self._history_due = 0.0

    def own(self, ownership: Ownership) -> None:
        self._ownership = ownership

    def wake(self, _pool: str = "") -> None:
        self._awake.set()

    async def run(self) -> None:
        """Look whenever woken, and each second for what no wake-up told of (rings, lost wake-ups)."""
        time = asyncio.get_running_loop().time
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):  # wait_for may lose a cancellation that comes with the wake-up
                    await self._awake.wait()
            self._awake.clear()
            started = time()
            await self.look()
            await asyncio.sleep(max(GATHER_S, time() - started))

    async def look(self) -> int:
        """Match everything that waits in the pools owned here; returns how many offers were made."""
        rules = self._rules()
        agents = await self._agents.there()
        tickets, whole = await self._tickets.waiting(pool_ids(rules))
        await self._refresh_history(rules)
        self.estimates.outlook = Outlook(tickets, agents, rules, self.handling) if whole else None
        mine = [ticket for ticket in tickets if self._owns(ticket.pool)]
        matches = await self._match(mine, agents, rules) if mine and agents else []
        return await self._offer(await self._reserve(matches), rules) if matches else 0

    def _owns(self, pool: str) -> bool:
        return self._ownership is not None and partition_of(pool, self._tickets.partitions) in self._ownership.shards

    async def _match(self, tickets: Sequence[Ticket], agents: Sequence[Agent], rules: Rules) -> list[Match]:
        familiar = await self.who_knows(tickets, rules)
        now, started = self._clock(), perf_counter()
        work = partial(match, tickets, agents, now, rules, familiar=familiar)
        matches = await asyncio.to_thread(work) if len(tickets) > MANY else work()
        self._metrics.routing_decision_seconds.observe(perf_counter() - started)
        return matches

    async def _reserve(self, matches: Sequence[Match]) -> list[Match]:
        outcomes = await self._agents.apply([_reservation(found) for found in matches])
        return [found for found, o in zip(matches, outcomes, strict=True) if o.status in ("applied", "unchanged")]

    async def _offer(self, matches: Sequence[Match], rules: Rules) -> int:
        outcomes = await self._tickets.apply([_offering(found, rules) for found in matches])
        made = [o.status in ("applied", "unchanged") for o in outcomes]
        await self._release(
            (m.agent.agent_id, m.ticket.case_id, m.generation) for m, ok in zip(matches, made, strict=True) if not ok
        )
        return sum(made)

    async def after(self, outcomes: Sequence[Outcome[Any]]) -> None:
        """What follows from what was just written: places come back, cases of those who left too, the desk wakes."""
        tickets = [outcome for outcome in outcomes if isinstance(outcome.state, Ticket)]
        agents = [outcome.state for outcome in outcomes if isinstance(outcome.state, Agent)]
        self._observe(tickets)
        await self._release(place for outcome in tickets if (place := _place_left(outcome)))
        await self._take_back([agent for agent in agents if agent.state == "offline" and agent.reservations])
        if agents:
            self.wake()
        await self._tell(_pools_concerned(tickets, agents, self._rules()))

    def _observe(self, outcomes: Iterable[Outcome[Ticket]]) -> None:
        for outcome in outcomes:
            for event in outcome.events:
                if isinstance(event, CaseAssigned) and outcome.state:
                    self._metrics.case_wait_seconds.labels(outcome.state.pool).observe(event.waited_s)
            if outcome.state and outcome.state.status == "done":
                self._familiar.pop(outcome.state.customer_id, None)

    async def _release(self, places: Iterable[tuple[str, str, int]]) -> None:
        changes = [
            Change(
                key=agent_id,
                decide=partial(release, case_id=case_id, generation=generation),
                cause=named("release", agent_id, case_id, generation),
            )
            for agent_id, case_id, generation in places
        ]
        if changes:
            await self._agents.apply(changes)
            self.wake()

    async def _take_back(self, gone: Sequence[Agent]) -> None:
        """The cases of agents who went offline wait again (S9)."""
        held = [(agent.agent_id, place) for agent in gone for place in agent.reservations]
        await self._unassign([(place.case_id, agent_id, place.generation) for agent_id, place in held], "agent_offline")
        await self._release((agent_id, place.case_id, place.generation) for agent_id, place in held)

    async def _unassign(self, held: Sequence[tuple[str, str, int]], why: str) -> None:
        """Each as (case id, agent id, generation)."""
        changes = [
            Change(
                key=case_id,
                decide=partial(unassign, agent_id=agent_id, generation=generation, why=why, estimates=self.estimates),
                cause=named("unassign", case_id, agent_id, generation),
            )
            for case_id, agent_id, generation in held
        ]
        if changes:
            await self._tickets.apply(changes)
            self.wake()

    async def _tell(self, pools: set[str]) -> None:
        """Wake the desk of each pool: this one, or by a hint to whoever owns it. A lost hint costs a second."""
        for pool in sorted(pools):
            if self._owns(pool):
                self.wake(pool)
            else:
                with suppress(*TRANSIENT):
                    for hint in await self._producer.send([Publication(WAKEUPS, pool.encode(), b"{}", [])]):
                        hint.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def sweep(self) -> None:
        """Every few seconds compare what agents hold with what tickets say."""
        while True:
            await self.tidy()
            await asyncio.sleep(SWEEP_S)

    async def tidy(self) -> None:
        shards = self._ownership.shards if self._ownership else frozenset[int]()
        if shards:
            await self._free_stale(shards)
            await self._follow_absences(shards)

    async def _free_stale(self, shards: frozenset[int]) -> None:
        agents = await self._agents.busy(shards)
        tickets = await self._tickets.get_many({place.case_id for agent in agents for place in agent.reservations})
        stale = stale_reservations(agents, tickets, self._clock(), self._rules())
        await self._release((agent_id, place.case_id, place.generation) for agent_id, place in stale)

    async def _follow_absences(self, shards: frozenset[int]) -> None:
        tickets = await self._tickets.with_agents(shards)
        agents = await self._agents.get_many({ticket.agent_id for ticket in tickets.values() if ticket.agent_id})
        gone = left_behind(tickets.values(), agents)
        await self._unassign([_place_of(ticket) for ticket in gone], "agent_offline")
        placeless = without_place(tickets.values(), agents, self._clock(), self._rules())
        absent = {ticket.case_id for ticket in gone}
        await self._restore([ticket for ticket in placeless if ticket.case_id not in absent])

    async def _restore(self, tickets: Sequence[Ticket]) -> None:
        """A place that was lost is taken again; where there is none left, the case goes on to the next agent."""
        if not tickets:
            return
        outcomes = await self._agents.apply([_reservation_of(ticket) for ticket in tickets])
        lost = [ticket for ticket, o in zip(tickets, outcomes, strict=True) if o.status == "refused"]
        await self._unassign([_place_of(ticket) for ticket in lost], "place_lost")
        now = await self._tickets.get_many(ticket.case_id for ticket in tickets)
        moved = [t for t in tickets if not confirms(now.get(t.case_id), t.agent_id or "", t.generation)]
        await self._release((t.agent_id or "", t.case_id, t.generation) for t in moved)

    async def _refresh_history(self, rules: Rules) -> None:
        if (moment := self._clock().timestamp()) >= self._history_due:
            self.handling = await self._tickets.handling(self._clock() - HANDLING_WINDOW)
            self._history_due = moment + HISTORY_S

    async def who_knows(self, tickets: Sequence[Ticket], rules: Rules) -> dict[str, str]:
        """By customer, the agent who knows him; looked up once in a while per customer."""
        moment = self._clock().timestamp()
        customers = {ticket.customer_id for ticket in tickets}
        unknown = {c for c in customers if c not in self._familiar or self._familiar[c][1] < moment}
        if unknown:
            since = self._clock() - timedelta(days=rules.offers.last_agent_days)
            found = await self._tickets.helpers(unknown, since)
            self._familiar.update({customer: (found.get(customer), moment + HISTORY_S) for customer in unknown})
        remembered = (self._familiar.get(customer) for customer in customers)  # a case may have ended meanwhile
        known = {c: agent for c, found in zip(customers, remembered, strict=True) if found and (agent := found[0])}
        while len(self._familiar) > REMEMBERED:
            self._familiar.popitem(last=False)
        return known


def _reservation(found: Match) -> Change[Agent]:
    return _take(found.agent.agent_id, found.ticket, found.generation)


def _reservation_of(ticket: Ticket) -> Change[Agent]:
    return _take(ticket.agent_id or "", ticket, ticket.generation)


def _take(agent_id: str, ticket: Ticket, generation: int) -> Change[Agent]:
    decide = partial(reserve, agent_id=agent_id, case_id=ticket.case_id, channel=ticket.channel, generation=generation)
    return Change(key=agent_id, decide=decide, cause=named("reserve", agent_id, ticket.case_id, generation))


def _place_of(ticket: Ticket) -> tuple[str, str, int]:
    return ticket.case_id, ticket.agent_id or "", ticket.generation


def _offering(found: Match, rules: Rules) -> Change[Ticket]:
    decide = partial(
        offer,
        agent_id=found.agent.agent_id,
        agent_name=found.agent.name,
        team=found.agent.team,
        supervisor=found.agent.supervisor,
        generation=found.generation,
        reason=found.reason,
        rules=rules,
        again=found.again,
    )
    return Change(key=found.ticket.case_id, decide=decide, cause=named("offer", found.ticket.case_id, found.generation))


def _place_left(outcome: Outcome[Ticket]) -> tuple[str, str, int] | None:
    """(agent id, case id, generation) of the place that this ticket no longer needs."""
    before = outcome.before
    if before is None or before.agent_id is None or confirms(outcome.state, before.agent_id, before.generation):
        return None
    return before.agent_id, before.case_id, before.generation


def _pools_concerned(tickets: Iterable[Outcome[Ticket]], agents: Iterable[Agent], rules: Rules) -> set[str]:
    """Pools in which something may be matched now that could not be before."""
    waiting = {outcome.state.pool for outcome in tickets if outcome.state and outcome.state.status == "waiting"}
    freed = any(_place_left(outcome) for outcome in tickets)
    online = [agent for agent in agents if agent.state == "online"]
    return waiting | set(pool_ids(rules)) if freed or online else waiting
