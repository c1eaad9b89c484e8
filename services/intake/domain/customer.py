"""One view of each customer (IN-3): contact points over all channels, name, tier, language.

A point is `phone:+8613800138000`, `email:a@b.example`, `app:<id>` or `social:<id>`: normalised, so that the same person
is found again whichever way the point was written.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel, ConfigDict

from services.intake.domain.found import Entitlement
from services.intake.domain.language import language_code
from services.intake.domain.rules import Rules
from services.intake.domain.visible import visible
from shared.decisions import Decision, Note, Refused
from shared.events.cases import Reach
from shared.events.contacts import Contact
from shared.events.customers import CustomerUpdated, Entitled
from shared.ids import named

KINDS = {"phone": "phone", "email": "email", "app_id": "app", "social": "social"}
RULES = "rules"
_SAME = "known by the same contact points"
MAX_POINTS = 50
MOST_GAINED = 50
"""Others that one customer may have turned out to be."""
ANYBODY = "anybody"
MAX_POINT = 200
_E164 = re.compile(r"\+[1-9]\d{7,14}")
_CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}")
_PLAIN_EMAIL = re.compile(r"[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}")
_SEPARATORS = str.maketrans("", "", " -().\u00a0")


class Customer(BaseModel):
    """`merged_into` points to the customer that this one turned out to be; a merged one is only a pointer.

    `gained`: by the id of each who turned out to be this one, the points that came with him. `apart`: who was told
    apart from this one by a person, and is never taken for him again.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    customer_id: str
    name: str | None = None
    tier: str | None = None
    language: str | None = None
    points: tuple[str, ...] = ()
    consents: dict[str, bool] = {}
    merged_into: str | None = None
    gained: dict[str, tuple[str, ...]] = {}
    apart: tuple[str, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()

    @property
    def anybody(self) -> bool:
        """Whether he stands for all who call from a number of several and do not say who they are."""
        numbers = (point for point in self.points if point.startswith("phone:"))
        return any(self.customer_id == named("customer", number, ANYBODY) for number in numbers)

    @property
    def also(self) -> tuple[str, ...]:
        """The ids under which he was known too."""
        return tuple(self.gained)

    def values(self) -> dict[str, tuple[str, ...]]:
        """By kind (`phone`, `email`, `app`, `social`), the points without their prefix, in the order they were told."""
        found: dict[str, tuple[str, ...]] = {}
        for point in self.points:
            kind, _, value = point.partition(":")
            found[kind] = (*found.get(kind, ()), value)
        return found


def stated_points(contact: Contact, rules: Rules) -> dict[str, str]:
    """By field (`phone`, `email`, `app_id`, `social`), the point a contact states; "" for what is no such thing."""
    said = contact.customer
    given = {"phone": said.phone, "email": said.email, "app_id": said.app_id, "social": said.social}
    return {
        field: point_of(field, value, rules, said.language, contact.source)
        for field, value in given.items()
        if value and value.strip()
    }


def vouched_points(contact: Contact, points: Mapping[str, str], rules: Rules) -> frozenset[str]:
    """Of what a contact states (`stated_points`), that for which its channel vouches."""
    fields = rules.ask.vouched_for.get(contact.channel, ())
    return frozenset(points[field] for field in fields if points.get(field))


def points_of(contact: Contact, rules: Rules) -> tuple[str, ...]:
    """The valid contact points that a contact states: phone, mail, app, social."""
    return tuple(filter(None, stated_points(contact, rules).values()))


def points_of_reach(reach: Reach) -> dict[str, str]:
    """By field, the points under which a case says that its customer can be reached."""
    told = reach.model_dump(include=set(KINDS), exclude_none=True)
    return {field: f"{KINDS[field]}:{value}" for field, value in told.items()}


def point_of(field: str, value: str, rules: Rules, language: str | None = None, source: str = "") -> str:
    """The normalised point for `phone`, `email`, `app_id` or `social`; "" when the value is no such thing.

    `source`: who says so, since the same id of two systems may be two people (`id_spaces`).
    """
    value = visible(value).strip()
    if field == "phone":
        code = language_code(language) or rules.lifecycle.default_language
        value = phone_number(value, rules.lifecycle.regions.get(code, rules.lifecycle.default_region))
    elif field == "email":
        value = email_address(value)
    elif value and source in rules.joining.id_spaces:
        value = f"{rules.joining.id_spaces[source]}:{value}"
    return f"{KINDS[field]}:{value}" if 0 < len(value) <= MAX_POINT else ""


@lru_cache(maxsize=65_536)
def phone_number(value: str, region: str) -> str:
    """E.164, or "" when it can't be a phone number."""
    digits = value.translate(_SEPARATORS)
    if _E164.fullmatch(digits):
        return digits
    if region == "CN" and _CHINESE_MOBILE.fullmatch(digits):
        return f"+86{digits}"
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=65_536)
def email_address(value: str) -> str:
    """In lower case, or "" when it can't be an address."""
    lowered = value.lower()
    if _PLAIN_EMAIL.fullmatch(lowered):
        return lowered
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        return ""


def reach_of(contact: Contact, points: Mapping[str, str], customer: Customer | None) -> Reach:
    """How to reach the customer: as this contact says in `points` (`stated_points`), else as is known of him."""
    known = customer.values() if customer else {}
    reach = {field: known[kind][0] for field, kind in KINDS.items() if kind in known}
    reach |= {field: point.partition(":")[2] for field, point in points.items() if point}
    return Reach(name=_trimmed(contact.customer.name) or (customer.name if customer else None), **reach)


def remember(
    state: Customer | None, now: datetime, *,
    contact: Contact, customer_id: str, points: tuple[str, ...], rules: Rules, same: tuple[Customer, ...] = (),
) -> Decision[Customer]:  # fmt: skip
    """What a contact tells of its customer. Nothing new: the same state and no event. A tier only ever rises.

    `same`: others who turn out to be him; what is known of them is known of him from now on.
    """
    if state is not None and state.merged_into:
        return Decision(state)
    # the others first, so that what came with each is known
    known, said = _with(state or Customer(customer_id=customer_id), same, rules), contact.customer
    told = {
        "name": known.name or _trimmed(said.name),
        "tier": higher_tier(known.tier, said.tier, rules),
        "language": known.language or language_code(said.language),
        "points": tuple(dict.fromkeys((*known.points, *points)))[:MAX_POINTS],
        "consents": known.consents | ({"diagnostics": True} if contact.diagnostics_consent else {}),
    }
    after = known.model_copy(update=told)
    note = Note(now, "merged", RULES, _SAME, {"from": [other.customer_id for other in same]}) if same else None
    return Decision(state) if state == after else Decision(after, (updated(after),), note)


def absorb(
    state: Customer | None, now: datetime, *, other: Customer, rules: Rules, by: str, why: str
) -> Decision[Customer]:
    """Another turns out to be this one, because a person says so. Raises Refused `too_many_merged` (409)."""
    assert state is not None, "only a known customer can turn out to be another"
    if len({*state.gained, *other.gained, other.customer_id}) > MOST_GAINED:
        raise Refused(
            "too_many_merged",
            f"more than {MOST_GAINED} customers would be one; if they share a contact point, list it in joining.yaml",
            field="other",
        )
    apart = tuple(id_ for id_ in state.apart if id_ != other.customer_id)
    after = _with(state.model_copy(update={"apart": apart}), (other,), rules)
    note = Note(now, "merged", by, why, {"from": [other.customer_id]})
    return Decision(state) if state == after else Decision(after, (updated(after),), note)


def _with(customer: Customer, same: tuple[Customer, ...], rules: Rules) -> Customer:
    for other in same:
        new = tuple(point for point in other.points if point not in customer.points)
        new = new[: MAX_POINTS - len(customer.points)]
        came = {id_: tuple(point for point in some if point in new) for id_, some in other.gained.items()}
        gained = {other.customer_id: new, **came, **customer.gained}
        told = {
            "name": customer.name or other.name,
            "tier": higher_tier(customer.tier, other.tier, rules),
            "language": customer.language or other.language,
            "points": (*customer.points, *new),
            "consents": other.consents | customer.consents,
            "gained": gained,
            "apart": _apart(customer, *(id_ for id_ in other.apart if id_ != customer.customer_id)),
            "entitlements": customer.entitlements or other.entitlements,
        }
        customer = customer.model_copy(update=told)
    return customer


def higher_tier(known: str | None, stated: str | None, rules: Rules) -> str | None:
    """The higher of two tiers; one that the rules do not know stands below all that they do."""
    rank, stated = rules.priorities.tier_rank, _trimmed(stated)
    if not (known and stated):
        return known or stated
    return max(known, stated, key=lambda tier: rank.get(tier.casefold(), 0))


def merge(state: Customer | None, now: datetime, *, into: str, by: str = RULES, why: str = _SAME) -> Decision[Customer]:
    """Point this customer to the one that he is. Always the higher id into the lower, so that no circle can form."""
    assert state is not None, "only a known customer can turn out to be another"
    if state.merged_into or state.customer_id <= into:
        return Decision(state)
    apart = tuple(id_ for id_ in state.apart if id_ != into)
    merged = state.model_copy(update={"merged_into": into, "apart": apart})
    return Decision(merged, (updated(merged),), Note(now, "merged", by, why, {"into": into}))


def parting(one: Customer, other: Customer) -> tuple[Customer, Customer]:
    """Of two who were taken for one: who goes, and who stays. Asked again, half done or done, it says the same.

    Raises Refused `not_merged` (409).
    """
    for goes, stays in ((one, other), (other, one)):
        if goes.merged_into == stays.customer_id or (not goes.merged_into and stays.customer_id in goes.apart):
            return goes, stays
    pointing = [f"{customer.customer_id} is merged into {customer.merged_into}"
                for customer in (one, other) if customer.merged_into]  # fmt: skip
    detail = "; ".join(pointing) or "neither is merged into anybody"
    raise Refused("not_merged", f"these two are not merged with each other: {detail}", field="other")


def unmerge(state: Customer | None, now: datetime, *, from_: str, by: str, why: str) -> Decision[Customer]:
    """He is himself again, with what he was known by and his own cases.

    Raises Refused `not_merged` (409).
    """
    if state is not None and state.merged_into is None and from_ in state.apart:
        return Decision(state)
    if state is None or state.merged_into != from_:
        raise Refused("not_merged", f"this customer is not merged into {from_}", field="customer_id")
    after = state.model_copy(update={"merged_into": None, "apart": _apart(state, from_)})
    return Decision(after, (updated(after),), Note(now, "unmerged", by, why, {"from": from_}))


def give_back(state: Customer | None, now: datetime, *, to: Customer, by: str, why: str) -> Decision[Customer]:
    """The other side of `unmerge`: what came with him goes with him."""
    assert state is not None, "only a known customer can have been taken for another"
    gone = {to.customer_id, *to.gained}
    points = tuple(point for point in state.points if point not in state.gained.get(to.customer_id, ()))
    after = state.model_copy(
        update={
            "gained": {id_: some for id_, some in state.gained.items() if id_ not in gone},
            "points": points,
            "apart": _apart(state, to.customer_id),
        }
    )
    note = Note(now, "unmerged", by, why, {"from": to.customer_id})
    return Decision(state) if after == state else Decision(after, (updated(after),), note)


def _apart(customer: Customer, *others: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*customer.apart, *others)))[-MAX_POINTS:]


def updated(customer: Customer) -> CustomerUpdated:
    points = customer.values()
    return CustomerUpdated(
        customer_id=customer.customer_id,
        name=customer.name,
        tier=customer.tier,
        language=customer.language,
        phones=points.get("phone", ()),
        emails=points.get("email", ()),
        app_ids=points.get("app", ()),
        socials=points.get("social", ()),
        consents=customer.consents,
        merged_into=customer.merged_into,
        entitlements=tuple(Entitled(**entitlement.model_dump()) for entitlement in customer.entitlements),
    )


def _trimmed(text: str | None) -> str | None:
    return visible(text or "").strip()[:MAX_POINT] or None
