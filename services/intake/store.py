"""Intake's memory: cases, customers and colleagues, and the finder that takes each contact to the case it belongs to.

Two unique indexes are the whole claim: no contact in two cases, no conversation in two open cases. Whoever loses the
race for either looks again and finds the winner's case.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from services.intake.domain.auto_close import due
from services.intake.domain.case import Case
from services.intake.domain.customer import Customer, customer_id_of, identify, merge, remember
from services.intake.domain.receive import conversation_of, receive
from services.intake.domain.roster import Colleague, by_stranger
from services.intake.domain.rules import Rules
from shared.errors import TooEarly
from shared.events.agents import AgentUpdated
from shared.events.contacts import Contact
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.events.work import Work
from shared.fold import Change, Outcome
from shared.ids import contact_event_id, contact_id, named, partition_of
from shared.rules import Rules as Live
from shared.store import Shape, Store


def case_index(case: Case) -> dict[str, Any]:
    return {
        "contacts": [seen.id for seen in case.contacts],
        "conversations": list(case.open_conversations),
        "status": case.status,
        "priority": case.priority,
        "customer": case.customer_id,
        "number": case.number,
        "opened_at": case.opened_at,
    }


def customer_index(customer: Customer) -> dict[str, Any]:
    if customer.merged_into:
        return {"merged_into": customer.merged_into}
    return {"points": list(customer.points)}


FOLLOWED = ("assignments.v1", "sla.v1", "feedback.v1", *ESCALATIONS)
"""What other services decide of a case."""
CASES = Shape(
    "cases",
    Case,
    reads=frozenset(FOLLOWED),
    index=case_index,
    indexes=(("status", "priority"), ("customer",), ("number",)),
    unique=("contacts", "conversations"),
    due=due,
)
CUSTOMERS = Shape("customers", Customer, index=customer_index, indexes=(("points",), ("merged_into",)))
COLLEAGUES = Shape("agents", Colleague)
PATIENCE_S = 2.0


@dataclass(slots=True)
class ContactChange(Change[Case]):
    """A contact on its way to a case that is not known yet."""

    contact: Contact = field(kw_only=True)
    contact_id: str = field(kw_only=True)
    customer: Customer | None = None

    def together(self) -> str:
        """Contacts of one conversation, whose case only the first of them makes known."""
        return self.contact.conversation or self.contact_id


def contact_change(contact: Contact, rules: Rules, **more: Any) -> ContactChange:
    """The change a contact asks for. Its case and customer are found later; as it stands it opens a case of its own."""
    identity = contact_id(contact.source, contact.id)
    cause = contact_event_id(contact.source, contact.id, contact.revision)
    change = ContactChange(key="", decide=_nowhere, cause=cause, contact=contact, contact_id=identity, **more)
    address(change, named("case", identity), rules)
    return change


def _nowhere(state: Any, now: Any) -> Any:
    raise RuntimeError("a contact has to be addressed before it is decided on")


def address(change: ContactChange, key: str, rules: Rules) -> None:
    """Send a contact to a case."""
    change.key = key
    change.decide = partial(
        receive,
        contact=change.contact,
        contact_id=change.contact_id,
        case_id=key,
        customer=change.customer,
        rules=rules,
    )


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

    customers: Store[Customer]
    roster: Roster
    rules: Live[Rules]

    async def apply(self, changes: Sequence[Change[Case]], *, recorded: bool = False) -> list[Outcome[Case]]:
        if contacts := [change for change in changes if isinstance(change, ContactChange)]:
            await self._remember_customers(await self._news(contacts), recorded)
        return await super().apply(changes, recorded=recorded)

    async def _news(self, contacts: Sequence[ContactChange]) -> list[ContactChange]:
        """Those that say something new. A repeat, or another content under a known revision, tells of no customer."""
        query = {"ix.contacts": {"$in": list({change.contact_id for change in contacts})}}
        bodies = await self._reads.find(query, projection={"state.contacts": 1}).to_list(None)
        newest = {seen["id"]: seen["revision"] for body in bodies for seen in body["state"]["contacts"]}
        news = []
        for change in contacts:
            if change.contact.revision > newest.get(change.contact_id, 0):
                newest[change.contact_id] = change.contact.revision
                news.append(change)
        return news

    async def locate(self, changes: Sequence[Change[Case]]) -> None:
        """Where the contact is already; else the open case of its conversation; else a case of its own."""
        for change in changes:
            if change.event is not None and change.event.topic == Work.TOPIC:
                await self.vet(change, change.event.data["agent_id"])
        contacts = [change for change in changes if isinstance(change, ContactChange)]
        if not contacts:
            return
        by_contact = await self._keys_by("contacts", {change.contact_id for change in contacts})
        by_conversation = await self._keys_by(
            "conversations", {name for change in contacts if (name := conversation_of(change.contact))}
        )
        for change in contacts:
            conversation = conversation_of(change.contact)
            open_case = by_conversation.get(conversation) if conversation else None
            found = by_contact.get(change.contact_id) or open_case
            change.fresh = not found
            key = found or named("case", change.contact_id)
            by_contact[change.contact_id] = key
            if conversation:
                by_conversation.setdefault(conversation, key)
            address(change, key, self.rules())

    async def vet(self, change: Change[Case], agent_id: str) -> None:
        """Work of a stranger is refused unless the case is his."""
        if not await self.roster.knows(agent_id):
            change.decide = partial(by_stranger, agent_id=agent_id, decide=change.decide)

    async def _keys_by(self, field: str, values: set[str]) -> dict[str, str]:
        """By indexed value, the case that holds it."""
        if not values:
            return {}
        name = f"ix.{field}"
        bodies = await self._reads.find({name: {"$in": list(values)}}, projection={name: 1}).to_list(None)
        return {value: body["_id"] for body in bodies for value in body["ix"][field] if value in values}

    async def _remember_customers(self, contacts: Sequence[ContactChange], recorded: bool) -> None:
        """One view of each customer, written before the case that refers to it."""
        if not contacts:
            return
        points = [identify(change.contact, self.rules()) for change in contacts]
        owners = await self._owners({point for some in points for point in some})
        asked: list[Change[Customer]] = []
        merges: list[Change[Customer]] = []
        ids: list[str] = []
        for change, own in zip(contacts, points, strict=True):
            known = sorted({owner for point in own for owner in owners.get(point, ())})
            winner = known[0] if known else customer_id_of(own, change.contact_id)
            ids.append(winner)
            merged = known[1:]
            theirs = [point for point, some in owners.items() if not some.isdisjoint(merged)] if merged else ()
            everything = (*own, *theirs)
            first = _customer_change(winner, change, remember, points=everything, rules=self.rules())
            first.fresh = not known
            asked.append(first)
            merges += [_customer_change(loser, change, merge, into=winner) for loser in merged]
            owners.update({point: {winner} for point in everything})
        outcomes = await self.customers.apply(asked, recorded=recorded)
        if merges:  # only once the winner has all their points
            await self.customers.apply(merges, recorded=recorded)
        states = {outcome.key: outcome.state for outcome in outcomes}
        for change, winner in zip(contacts, ids, strict=True):
            change.customer = states[winner]

    async def everyone_who_is(self, customer_id: str) -> tuple[str, ...]:
        """The ids under which one customer is known: whoever he was merged into, and all who were merged into him."""
        winner = await self.customers.get(customer_id)
        while winner and winner.merged_into:
            winner = await self.customers.get(winner.merged_into)
        ids = [winner.customer_id] if winner else [customer_id]
        fresh = ids
        while fresh:
            losers = await self.customers.find({"ix.merged_into": {"$in": fresh}}, limit=0)
            fresh = [loser.customer_id for loser in losers]
            ids = [*ids, *fresh]
        return tuple(ids)

    async def _owners(self, points: set[str]) -> dict[str, set[str]]:
        """By contact point, the customers who have it, with all their other points too.

        More than one where a merger was broken off: the winner has the loser's points, and the loser still has them.
        """
        found = await self.customers.find({"ix.points": {"$in": list(points)}}, limit=0) if points else []
        owners: dict[str, set[str]] = {}
        for customer in sorted(found, key=lambda c: c.customer_id):
            for point in customer.points:
                owners.setdefault(point, set()).add(customer.customer_id)
        return owners


def _customer_change(key: str, change: ContactChange, decision: Any, **more: Any) -> Change[Customer]:
    if decision is remember:
        more |= {"contact": change.contact, "customer_id": key}
    return Change(key=key, decide=partial(decision, **more), cause=change.cause, trace=change.trace)
