"""Whom a contact is from (IN-3): which of the customers with its contact points he is, and which of them are one.

What the channel vouches for (`ask.yaml`) is his. A mail address, an app id or a social id finds its owner; a mobile
whoever has it, unless name and account both differ. What he merely states finds an owner unless that is contradicted:
both have names and these differ, or no name agrees and the owner has another account of a kind that the channel vouches
for. A number of several (a landline, or two who have it are known to be two) finds whoever has the same name and
no other account. What the rules list as shared finds nobody. Whom a person told apart is never taken for one again: by
what both have each is found under his name first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations

import phonenumbers

from services.intake.domain import names
from services.intake.domain.customer import ANYBODY, MOST_GAINED, Customer
from services.intake.domain.rules import Rules
from shared.ids import named

_MOBILE = phonenumbers.PhoneNumberType.MOBILE
MOST_AT_ONE_NUMBER = 50
"""Customers who are found by one number; who comes later is not remembered by it."""


@dataclass(frozen=True, slots=True)
class Meant:
    """`customer_id`: who he is, known or new. `same`: known customers who turn out to be him.

    `points`: those of the contact that are his, by which he is found from now on.
    """

    customer_id: str
    fresh: bool
    same: tuple[Customer, ...] = ()
    points: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a contact tells: `own` points, those first that the channel vouches for, and a `number` with who has it.

    `several`: the number may be of more than one.
    """

    name: str | None
    own: tuple[str, ...]
    number: str
    holders: tuple[Customer, ...]
    several: bool
    vouched: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Person:
    """Who it is, as far as he is found; what is known of each customer helps to tell whether the next one is him."""

    names: tuple[str, ...]
    accounts: frozenset[str]
    titles: tuple[str, ...]
    him: tuple[Customer, ...] = ()

    def with_(self, customer: Customer) -> "_Person":
        known = (*self.names, customer.name) if customer.name else self.names
        return _Person(known, self.accounts.union(_own(customer.points)), self.titles, (*self.him, customer))

    def named_alike(self, customer: Customer) -> bool:
        return any(names.alike(name, customer.name or "", self.titles) for name in self.names)

    def named_otherwise(self, customer: Customer) -> bool:
        theirs = customer.name or ""
        return bool(self.names) and all(names.differ(name, theirs, self.titles) for name in self.names)


def identify(
    points: tuple[str, ...], name: str | None, known: Mapping[str, Iterable[Customer]], contact_id: str, rules: Rules,
    vouched: Collection[str] = (),
) -> Meant:  # fmt: skip
    """`points`: what the contact states, of which the channel vouches for `vouched`.

    `known`: by point, the customers who have it (none that was merged).
    """
    usable = tuple(point for point in points if not rules.joining.is_shared(point))
    told = _told(usable, name, known, frozenset(vouched), rules)
    person, own = _found(told, known, rules, by_name=True)
    if not person.him:
        person, own = _found(told, known, rules, by_name=False)
    kept = (*own, told.number) if told.number and _keeps_number(person, told) else own
    if person.him:
        winner, *others = _in_order(person.him)
        return Meant(winner.customer_id, fresh=False, same=_with_room(winner, others), points=kept)
    new = _new(told, own, usable) or (contact_id,)
    id_ = named("customer", *new)
    there = any(customer.customer_id == id_ for some in known.values() for customer in some)
    # without a point of his own he may be there unseen
    return Meant(id_, fresh=not there and bool(kept or new == (contact_id,)), points=kept)


def _told(
    points: tuple[str, ...], name: str | None, known: Mapping[str, Iterable[Customer]], vouched: frozenset[str],
    rules: Rules,
) -> _Told:  # fmt: skip
    own = tuple(sorted(_own(points), key=lambda point: point not in vouched))
    number = next((point for point in points if point.startswith("phone:")), "")
    holders = tuple(customer for customer in _in_order(known.get(number, ())) if not customer.anybody)
    several = bool(number) and (_may_be_shared(number) or _are_several(holders, rules.joining.titles))
    return _Told(name or None, own, number, holders, several, vouched)


def _found(
    told: _Told, known: Mapping[str, Iterable[Customer]], rules: Rules, *, by_name: bool
) -> tuple[_Person, tuple[str, ...]]:
    """`by_name`: of what is vouched for, not whom a person told apart from somebody, where the name is another's."""
    person = _Person((told.name,) if told.name else (), frozenset(), rules.joining.titles)
    while True:
        after, own = _of_own_points(person, told, known, by_name=by_name)
        after = _of_number(after, told)
        if after.him == person.him or _all_found(after, told, known):
            return after, own
        person = after  # by what is known of him now, another point may be his too


def _all_found(person: _Person, told: _Told, known: Mapping[str, Iterable[Customer]]) -> bool:
    owners = (customer for point in told.own for customer in known.get(point, ()))
    return all(customer in person.him for customer in (*owners, *told.holders))


def _of_own_points(
    person: _Person, told: _Told, known: Mapping[str, Iterable[Customer]], *, by_name: bool
) -> tuple[_Person, tuple[str, ...]]:
    """Whom they find, and which are his: what is vouched for, what finds him, and what nobody has yet."""
    person = replace(person, accounts=person.accounts.union(told.own))
    for point in told.own:
        for customer in _in_order(known.get(point, ())):
            vouched = point in told.vouched and not (by_name and _is_the_other(person, customer))
            if vouched or not _contradicted(person, customer, told):
                person = _unless_apart(person, customer)
    his = tuple(point for point in told.own if point in told.vouched or _his(person, tuple(known.get(point, ()))))
    return replace(person, accounts=person.accounts.difference(told.own).union(his)), his


def _of_number(person: _Person, told: _Told) -> _Person:
    for customer in told.holders:
        if _fits(person, customer, told):
            person = _unless_apart(person, customer)
    return person


def _fits(person: _Person, customer: Customer, told: _Told) -> bool:
    """Whether the number finds this customer, who has it."""
    if told.several:
        return person.named_alike(customer) and not _accounts_differ(person.accounts, customer)
    if told.number in told.vouched:
        return not (person.named_otherwise(customer) and _accounts_differ(person.accounts, customer))
    return not _contradicted(person, customer, told)


def _contradicted(person: _Person, customer: Customer, told: _Told) -> bool:
    """Whether it takes more than a point that somebody states to be this customer."""
    if person.named_alike(customer):
        return False
    return person.named_otherwise(customer) or _accounts_differ(_own(told.vouched), customer)


def _is_the_other(person: _Person, customer: Customer) -> bool:
    """Whether this one was told apart from somebody, and by the name it is rather that one: they share an address."""
    return bool(customer.apart) and person.named_otherwise(customer)


def _unless_apart(person: _Person, customer: Customer) -> _Person:
    if customer in person.him or any(_told_apart(customer, other) for other in person.him):
        return person
    return person.with_(customer)


def _told_apart(one: Customer, other: Customer) -> bool:
    return one.customer_id in other.apart or other.customer_id in one.apart


def _his(person: _Person, owners: Sequence[Customer]) -> bool:
    return not owners or any(customer in person.him for customer in owners)


def _keeps_number(person: _Person, told: _Told) -> bool:
    if _his(person, told.holders):
        return True
    return (told.several or told.number in told.vouched) and len(told.holders) < MOST_AT_ONE_NUMBER


def _new(told: _Told, own: tuple[str, ...], usable: tuple[str, ...]) -> tuple[str, ...]:
    """What a new id is made of: what nobody else can have, so that a person who comes through two doors at the same
    moment gets one. Nothing for who tells nothing to make it of."""
    if told.number and not told.several and not told.holders:
        return (told.number,)
    if own:
        return (own[0],)
    if told.several and not told.name:
        return (told.number, ANYBODY)
    return (usable[0], "".join(told.name.casefold().split())) if told.name and usable else ()


def _with_room(winner: Customer, others: Sequence[Customer]) -> tuple[Customer, ...]:
    """Those who still can be one with him; the others stay as they are."""
    room, same = MOST_GAINED - len(winner.gained), []
    for other in others:
        if len(other.gained) < room:
            same.append(other)
            room -= 1 + len(other.gained)
    return tuple(same)


def _own(points: Iterable[str]) -> tuple[str, ...]:
    return tuple(point for point in points if not point.startswith("phone:"))


def _in_order(customers: Iterable[Customer]) -> list[Customer]:
    return sorted(customers, key=lambda customer: customer.customer_id)


def _are_several(holders: Sequence[Customer], titles: tuple[str, ...]) -> bool:
    if len(holders) >= MOST_AT_ONE_NUMBER:
        return True
    return any(_are_two(one, other, titles) for one, other in combinations(holders, 2))


def _are_two(one: Customer, other: Customer, titles: tuple[str, ...]) -> bool:
    if _told_apart(one, other):
        return True
    return names.differ(one.name or "", other.name or "", titles) and _accounts_differ(_own(one.points), other)


def _accounts_differ(accounts: Iterable[str], customer: Customer) -> bool:
    """Whether they have nothing in common of the first kind (app, email, social) of which both have any."""
    mine, theirs = tuple(accounts), customer.points
    for kind in ("app:", "email:", "social:"):
        one, other = ({point for point in points if point.startswith(kind)} for points in (mine, theirs))
        if one and other:
            return one.isdisjoint(other)
    return False


@lru_cache(maxsize=65_536)
def _may_be_shared(point: str) -> bool:
    """Whether a number is, by its country's plan, not a mobile."""
    try:
        number = phonenumbers.parse(point.partition(":")[2], None)
    except phonenumbers.NumberParseException:
        return True
    return phonenumbers.number_type(number) != _MOBILE
