"""The store of customers: one view of each, written before the case that refers to it (IN-3)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from services.intake.change import ContactChange
from services.intake.domain.customer import Customer, merge, remember, stated_points, vouched_points
from services.intake.domain.identify import MOST_AT_ONE_NUMBER, Meant, identify
from services.intake.domain.rules import Rules
from services.intake.domain.verify import entitled
from shared.decisions import Decide
from shared.errors import Transient
from shared.fold import Change
from shared.ids import named
from shared.rules import Rules as Live
from shared.store import Shape, Store

ROUNDS = 20


def customer_index(customer: Customer) -> dict[str, Any]:
    """Whoever was merged is still found by his points: what he learned at that very moment the other may not know."""
    return {"points": list(customer.points), "merged_into": customer.merged_into}


CUSTOMERS = Shape("customers", Customer, index=customer_index, indexes=(("points",), ("merged_into",)))


class Known:
    """The living customers by contact point, as far as they were looked up; learns what a batch tells."""

    def __init__(self, customers: Iterable[Customer]) -> None:
        self._by_point: dict[str, dict[str, Customer]] = {}
        for customer in customers:
            self.learn(customer)

    def learn(self, customer: Customer, points: Iterable[str] = ()) -> None:
        """`points`: by which he is found beside his own."""
        for point in (*customer.points, *points):
            self._by_point.setdefault(point, {})[customer.customer_id] = customer

    def forget(self, customer: Customer) -> None:
        for point in customer.points:
            self._by_point.get(point, {}).pop(customer.customer_id, None)

    def of(self, points: Iterable[str]) -> dict[str, tuple[Customer, ...]]:
        return {point: tuple(self._by_point.get(point, {}).values()) for point in points}

    def get(self, customer_id: str, points: Iterable[str]) -> Customer | None:
        found = (self._by_point.get(point, {}).get(customer_id) for point in points)
        return next((customer for customer in found if customer), None)


@dataclass(frozen=True, slots=True)
class Said:
    """A contact, the points that it states, and those of them that its channel vouches for."""

    change: ContactChange
    points: tuple[str, ...]
    vouched: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written of one contact's customer, and what he will be then. `learns`: a point new to him."""

    said: Said
    meant: Meant
    customer: Customer
    learns: bool

    @property
    def change(self) -> ContactChange:
        return self.said.change


class Customers(Store[Customer]):
    rules: Live[Rules]

    async def meet(self, contacts: Sequence[ContactChange], recorded: bool) -> None:
        """Remember what the contacts tell of their customers, and set these.

        Contacts of one person may each make a customer of him at the same moment, or make him one with another. So
        whoever did looks again afterwards: who comes last sees all, and makes them one. Raises Transient if it never
        comes to rest.
        """
        for _ in range(ROUNDS):
            if not contacts:
                return
            plans = await self._plans(contacts)
            states = await self._keep(plans, recorded)
            contacts = await self._unsettled(plans, states)
        raise Transient(f"{len(contacts)} contacts still mean other customers after {ROUNDS} rounds")

    async def look(self, contacts: Sequence[ContactChange]) -> None:
        """Set the customers as they would be; nothing is written."""
        for plan in await self._plans(contacts):
            plan.change.customer = plan.customer

    async def _plans(self, contacts: Sequence[ContactChange]) -> list[Plan]:
        rules, now = self.rules(), self.clock()
        said = [_said(change, rules) for change in contacts]
        known = await self._known(said, rules)
        return [_plan(one, known, now, rules) for one in said]

    async def _known(self, said: Iterable[Said], rules: Rules) -> Known:
        """By whatever anybody was ever known by, who he is now."""
        wanted = [point for one in said for point in one.points if not rules.joining.is_shared(point)]
        found = await self.find({"ix.points": {"$in": list(dict.fromkeys(wanted))}}, limit=0) if wanted else []
        known = Known(customer for customer in found if not customer.merged_into)
        for loser in (customer for customer in found if customer.merged_into):
            known.learn(await self.present(loser), loser.points)
        return known

    async def _keep(self, plans: Sequence[Plan], recorded: bool) -> dict[str, Customer | None]:
        """The winners first: only once they have everything, those who turned out to be them point there."""
        outcomes = await self.apply([_remembering(plan, self.rules()) for plan in plans], recorded=recorded)
        if merges := [_merging(plan, loser) for plan in plans for loser in plan.meant.same]:
            await self.apply(merges, recorded=recorded)
        states = {outcome.key: outcome.state for outcome in outcomes}
        for plan in plans:
            plan.change.customer = await self.present(states[plan.meant.customer_id] or plan.customer)
        return states

    async def present(self, customer: Customer) -> Customer:
        """Who he is by now."""
        while customer.merged_into and (winner := await self.get(customer.merged_into)):
            customer = winner
        return customer

    async def _unsettled(self, plans: Sequence[Plan], states: Mapping[str, Customer | None]) -> list[ContactChange]:
        """The contacts that mean another by now: who was merged meanwhile learned nothing, and who has a new point may
        have it in common with somebody else who just got it."""
        doubtful = [plan for plan in plans if plan.learns or plan.meant.same or _merged(plan, states)]
        if not doubtful:
            return []
        rules = self.rules()
        known = await self._known((plan.said for plan in doubtful), rules)
        return [plan.change for plan in doubtful if not _still(plan.meant, _meant(plan.said, known, rules))]

    async def who_have(self, points: Sequence[str]) -> list[Customer]:
        """All who have one of these contact points, as they are now, each once; at most MOST_AT_ONE_NUMBER."""
        found = await self.find({"ix.points": {"$in": list(points)}}, limit=MOST_AT_ONE_NUMBER) if points else []
        present = [await self.present(customer) for customer in found]
        return list({customer.customer_id: customer for customer in present}.values())

    async def everyone_who_is(self, *customer_ids: str) -> tuple[str, ...]:
        """The ids under which customers are known: whoever they were merged into, and all who were merged into those.

        The first is who the first of them is now.
        """
        known = await self.get_many(customer_ids)
        now = [(await self.present(known[id_])).customer_id if id_ in known else id_ for id_ in customer_ids]
        ids = fresh = list(dict.fromkeys(now))
        while fresh:
            losers = await self.find({"ix.merged_into": {"$in": fresh}}, limit=0)
            fresh = [loser.customer_id for loser in losers]
            ids = [*ids, *fresh]
        return tuple(ids)


def _said(change: ContactChange, rules: Rules) -> Said:
    stated = stated_points(change.contact, rules)
    return Said(change, tuple(filter(None, stated.values())), vouched_points(change.contact, stated, rules))


def _meant(said: Said, known: Known, rules: Rules) -> Meant:
    change = said.change
    return identify(
        said.points, change.contact.customer.name, known.of(said.points), change.contact_id, rules, said.vouched
    )


def _merged(plan: Plan, states: Mapping[str, Customer | None]) -> bool:
    state = states[plan.meant.customer_id]
    return bool(state and state.merged_into)


def _still(meant: Meant, now: Meant) -> bool:
    """Whether nobody else is meant by now, or turned out to be the same."""
    return now.customer_id == meant.customer_id and not now.same


def _plan(said: Said, known: Known, now: datetime, rules: Rules) -> Plan:
    meant = _meant(said, known, rules)
    before = known.get(meant.customer_id, said.points)
    decision = _remember(said.change, meant, rules)(before, now)
    for loser in meant.same:
        known.forget(loser)
    known.learn(decision.state)
    learns = not set(meant.points).issubset(before.points if before else ())
    return Plan(said, meant, decision.state, learns)


def _remember(change: ContactChange, meant: Meant, rules: Rules) -> Decide[Customer]:
    """What the contact tells of its customer, and what the customer system does."""
    remembers: Decide[Customer] = partial(
        remember,
        contact=change.contact,
        customer_id=meant.customer_id,
        points=meant.points,
        rules=rules,
        same=meant.same,
    )
    found = change.answer.found if change.answer else None
    return partial(entitled, decide=remembers, found=found, rules=rules) if found else remembers


def _remembering(plan: Plan, rules: Rules) -> Change[Customer]:
    change, decide = plan.change, _remember(plan.change, plan.meant, rules)
    return Change(
        key=plan.meant.customer_id, decide=decide, cause=change.cause, trace=change.trace, fresh=plan.meant.fresh
    )


def _merging(plan: Plan, loser: Customer) -> Change[Customer]:
    decide = partial(merge, into=plan.meant.customer_id)
    cause = named(plan.change.cause, "merged", loser.customer_id)
    return Change(key=loser.customer_id, decide=decide, cause=cause, trace=plan.change.trace)
