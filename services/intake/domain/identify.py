"""Whom a contact is from (IN-3): which of the customers with its contact points he is, and which of them are one.

A mail address, an app id, a social id are one person's own. A phone number finds whoever has it unless he is plainly
another: a landline may be the switchboard of a firm, so there another name or another app id is enough; a mobile is
seldom shared, so there both must differ. Numbers that the rules list as shared find nobody. Whom a person told apart
once is never taken for one again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

from services.intake.domain.customer import Customer
from services.intake.domain.rules import Rules
from shared.ids import named

_MOBILE = phonenumbers.PhoneNumberType.MOBILE
_SOMEBODY, _ANYBODY = "somebody", "anybody"


@dataclass(frozen=True, slots=True)
class Meant:
    """`customer_id`: who he is, known or new. `same`: known customers who turn out to be him."""

    customer_id: str
    fresh: bool
    same: tuple[Customer, ...] = ()


def identify(
    points: tuple[str, ...], name: str | None, known: Mapping[str, Iterable[Customer]], contact_id: str, rules: Rules
) -> Meant:
    """`points`: what the contact states; `known`: by point, the customers who have it (none that was merged)."""
    phones = tuple(point for point in points if point.startswith("phone:") and not _listed(point, rules))
    own = tuple(point for point in points if not point.startswith("phone:"))
    likely = _likely(phones, known)
    anybody = not name and not own and _several(likely, phones)
    him = () if anybody else _him(name, own, phones, known, likely)
    if him:
        winner, *same = sorted(him, key=lambda customer: customer.customer_id)
        return Meant(winner.customer_id, fresh=False, same=tuple(same))
    id_ = named("customer", *_new(points, own, phones, name, contact_id, taken=bool(likely), anybody=anybody))
    return Meant(id_, fresh=all(customer.customer_id != id_ for some in known.values() for customer in some))


def _him(
    name: str | None, own: tuple[str, ...], phones: tuple[str, ...],
    known: Mapping[str, Iterable[Customer]], likely: Iterable[Customer],
) -> list[Customer]:  # fmt: skip
    """All who are the one person; what is known of each helps to tell whether the next one is."""
    him: dict[str, Customer] = {}
    person = Customer(customer_id="", name=name, points=own)
    for customer in (customer for point in own for customer in known.get(point, ())):
        if not _told_apart(customer, him.values()):
            him[customer.customer_id], person = customer, _one(person, customer)
    for customer in likely:
        if not _another(person, customer, phones) and not _told_apart(customer, him.values()):
            him[customer.customer_id], person = customer, _one(person, customer)
    return list(him.values())


def _likely(phones: tuple[str, ...], known: Mapping[str, Iterable[Customer]]) -> list[Customer]:
    """Who has the number. Not the one who stands for callers that nobody can tell from each other."""
    found = {customer.customer_id: customer for phone in phones for customer in known.get(phone, ())}
    for phone in phones:
        found.pop(named("customer", phone, _ANYBODY), None)
    return [found[id_] for id_ in sorted(found)]


def _several(likely: list[Customer], phones: tuple[str, ...]) -> bool:
    return any(_another(one, other, phones) for one in likely for other in likely)


def _another(person: Customer, customer: Customer, phones: tuple[str, ...]) -> bool:
    names, accounts = _names_differ(person.name, customer.name), _accounts_differ(person, customer)
    shared = any(_may_be_shared(phone) for phone in phones if phone in customer.points)
    return (names or accounts) if shared else (names and accounts)


def _names_differ(one: str | None, other: str | None) -> bool:
    """One that contains the other (王芳, 王芳女士) does not differ."""
    if not one or not other:
        return False
    a, b = _folded(one), _folded(other)
    return a not in b and b not in a


def _folded(name: str) -> str:
    return "".join(name.casefold().split())


def _accounts_differ(one: Customer, other: Customer) -> bool:
    for kind in ("app", "email", "social"):
        mine, theirs = (set(customer.values().get(kind, ())) for customer in (one, other))
        if mine and theirs:
            return mine.isdisjoint(theirs)
    return False


def _told_apart(customer: Customer, others: Iterable[Customer]) -> bool:
    return any(customer.customer_id in other.apart or other.customer_id in customer.apart for other in others)


def _one(person: Customer, customer: Customer) -> Customer:
    return person.model_copy(
        update={"name": person.name or customer.name, "points": (*person.points, *customer.points)}
    )


def _listed(point: str, rules: Rules) -> bool:
    return point.partition(":")[2] in rules.joining.shared_numbers


@lru_cache(maxsize=65_536)
def _may_be_shared(point: str) -> bool:
    """Whether a number is, by its country's plan, not a mobile."""
    try:
        number = phonenumbers.parse(point.partition(":")[2], None)
    except phonenumbers.NumberParseException:
        return True
    return phonenumbers.number_type(number) != _MOBILE


def _new(
    points: tuple[str, ...], own: tuple[str, ...], phones: tuple[str, ...], name: str | None, contact_id: str,
    *, taken: bool, anybody: bool,
) -> tuple[str, ...]:  # fmt: skip
    """What a new id is made of: what nobody else can have, so that a person who comes through two doors at the same
    moment gets one."""
    if phones and not taken and not _may_be_shared(phones[0]):
        return (phones[0],)
    if own:
        return (own[0],)
    if anybody:
        return (phones[0], _ANYBODY)
    if phones or (points and name):
        return (points[0], _folded(name or _SOMEBODY))
    return (contact_id,)
