"""Intake's memory: cases, customers and colleagues, and the finder that takes each contact to the case it belongs to.

Two unique indexes are the whole claim: no contact in two cases, no conversation and no claim in two open cases. Whoever
loses the race for either looks again and finds the winner's case.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from services.intake.change import ContactChange, PairChange, address, own_case
from services.intake.customers import Customers
from services.intake.domain.auto_close import due
from services.intake.domain.case import Case
from services.intake.domain.choose_case import Asked, Found, Place, choose_case, where_it_is
from services.intake.domain.join import give_up
from services.intake.domain.roster import Colleague, by_stranger
from services.intake.domain.rules import Rules
from services.intake.finder import Finder, asked, case_index, learn
from services.intake.lookup.look import LookUps
from services.intake.lookup.of_contacts import look_up
from services.intake.pairs import Pairs
from shared.errors import TooEarly
from shared.events.agents import AgentUpdated
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.events.work import Work
from shared.fold import Change, Outcome
from shared.ids import named, partition_of
from shared.rules import Rules as Live
from shared.store import Shape, Store

FOLLOWED = ("assignments.v1", "sla.v1", "feedback.v1", *ESCALATIONS)
"""What other services decide of a case."""


def _without_claims(body: dict[str, Any]) -> dict[str, Any]:
    """A version that knows no claims wrote last, and its index did not hold them: another case may have them by now."""
    past = [*body.get("past_claims", ()), *body.get("claims", ())]
    return {**body, "claims": [], "past_claims": past}


CASES = Shape(
    "cases",
    Case,
    reads=frozenset(FOLLOWED),
    index=case_index,
    indexes=(
        ("status", "priority", "opened_at", "number"),
        ("opened_at", "number"),
        ("category", "opened_at"),
        ("customer",),
        ("number",),
        ("past",),
        ("recheck_at",),
    ),
    unique=("contacts", "conversations"),
    due=due,
    schema=2,
    lift={1: _without_claims},
)
COLLEAGUES = Shape("agents", Colleague)
PATIENCE_S = 2.0
Archive = Callable[[Sequence[Change[Case]]], Awaitable[None]]
"""Gives changes that may close their case what is to be kept on it then."""


class Roster:
    """Who is known. `consumer`: the service's own, once there is one. Nobody leaves, so one look at each is enough."""

    def __init__(self, colleagues: Store[Colleague]) -> None:
        self._colleagues = colleagues
        self._known: set[str] = set()
        self.consumer: Callable[[], Any] = lambda: None

    async def knows(self, agent_id: str) -> bool:
        """A "no" is certain: raises TooEarly (or what the broker says) while the agent may still be on `agents.v1`."""
        if await self._has(agent_id):
            return True
        place = (AgentUpdated.TOPIC, partition_of(agent_id, self._colleagues.partitions))
        async with asyncio.timeout(PATIENCE_S):
            consumer = self.consumer()
            if consumer is None or not await consumer.has_applied([place]):
                raise TooEarly(f"agent {agent_id} is not known, but {place[0]} has not been read to its end")
        return await self._has(agent_id)

    async def _has(self, agent_id: str) -> bool:
        if agent_id not in self._known and await self._colleagues.get(agent_id):
            self._known.add(agent_id)
        return agent_id in self._known


class Cases(Store[Case]):
    """The store of cases, with customers and colleagues beside it."""

    customers: Customers
    roster: Roster
    rules: Live[Rules]
    lookups: LookUps | None = None
    archive: Archive | None = None

    async def apply(self, changes: Sequence[Change[Case]], *, recorded: bool = False) -> list[Outcome[Case]]:
        if contacts := [change for change in changes if isinstance(change, ContactChange)]:
            news = await self._news(contacts)
            await look_up(self.lookups, news, self.rules())
            await self.customers.meet(news, recorded)
        if self.archive:
            await self.archive(changes)
        return await super().apply(changes, recorded=recorded)

    async def apply_only(self, changes: Sequence[Change[Case]]) -> list[Outcome[Case]]:
        """For what another change needs to be written before it."""
        return await super().apply(changes)

    async def preview(self, change: Change[Case]) -> Outcome[Case]:
        if isinstance(change, ContactChange):
            change.dry = True
            await look_up(self.lookups, [change], self.rules())
            await self.customers.look([change])
        return await super().preview(change)

    async def _news(self, contacts: Sequence[ContactChange]) -> list[ContactChange]:
        """Those that say something new. A repeat, or another content under a known revision, tells of no customer."""
        query = {"ix.contacts": {"$in": list({change.contact_id for change in contacts})}}
        bodies = await self._reads.find(query, projection={"state.contacts": 1}).to_list(None)
        newest = {seen["id"]: seen["revision"] for body in bodies for seen in body["state"]["contacts"]}
        own = {seen["id"]: body["_id"] for body in bodies for seen in body["state"]["contacts"]}
        news = []
        for change in contacts:
            change.own = own.get(change.contact_id, "")
            if change.contact.revision > newest.get(change.contact_id, 0):
                newest[change.contact_id] = change.contact.revision
                news.append(change)
        return news

    async def locate(self, changes: Sequence[Change[Case]]) -> None:
        """Where the contact is already; else where `choose_case` says; else a case of its own."""
        for change in changes:
            if isinstance(change, PairChange):
                await Pairs(self).prepare(change)
            elif change.event is not None and change.event.topic == Work.TOPIC:
                await self.vet(change, change.event.data["agent_id"])
        if contacts := [change for change in changes if isinstance(change, ContactChange)]:
            await self._locate(contacts)

    async def _locate(self, contacts: Sequence[ContactChange]) -> None:
        rules, now = self.rules(), self.clock()
        finder = Finder(self._reads, rules.joining)
        own = await finder.own(contacts)
        known = [change for change in contacts if change.contact_id in own]
        asks = [
            Asked(change.contact_id) if change.contact_id in own and change.customer is None else asked(change, rules)
            for change in contacts
        ]  # nothing of a repeat, for which no customer was looked for
        found = await finder.find(asks, now)
        for number, (change, one) in enumerate(zip(contacts, asks, strict=True)):
            if case_id := own.get(change.contact_id):
                address(change, where_it_is(case_id, one, found), rules)
                continue
            place = choose_case(one, found, now, rules.joining)
            await self._free(place, found, dry=change.dry)
            change.fresh = not place.case_id
            place = replace(place, case_id=place.case_id or own_case(change))
            own[change.contact_id] = place.case_id
            learn(found, one, place, now + number * timedelta.resolution)  # which came last decides what he means
            address(change, place, rules)
        await Pairs(self).hear(known)

    async def _free(self, place: Place, found: Found, *, dry: bool) -> None:
        """Claims that no longer hold are taken from their cases before another case makes them."""
        changes = []
        for case_id, name in place.given_up:
            found.names.pop(name, None)
            decide = partial(give_up, names=frozenset((name,)))
            changes.append(Change(case_id, decide, named("given up", case_id, name)))
        if changes and not dry:
            await self.apply_only(changes)

    async def vet(self, change: Change[Case], agent_id: str) -> None:
        """Work of a stranger is refused unless the case is his."""
        if not await self.roster.knows(agent_id):
            change.decide = partial(by_stranger, agent_id=agent_id, decide=change.decide)
