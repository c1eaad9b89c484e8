"""What there is of cases to which contacts may belong, by five indexes; `choose_case` says to which they do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.intake.change import ContactChange
from services.intake.domain.asks import asks_by_itself
from services.intake.domain.call import is_ours
from services.intake.domain.case import Case
from services.intake.domain.choose_case import Asked, Found, Held, Place, inherited
from services.intake.domain.claims import case_numbers, claims, matter
from services.intake.domain.customer import points_of_reach
from services.intake.domain.join import is_crowded
from services.intake.domain.lifecycle import OPEN
from services.intake.domain.receive import conversation_of
from services.intake.domain.rules import Rules
from services.intake.domain.rules_categories import second_level
from services.intake.domain.rules_joining import JoiningFile
from services.intake.domain.taken_in import taken_in
from services.intake.domain.whose import is_unknown
from shared.ids import contact_id

Body = dict[str, Any]


def case_index(case: Case) -> dict[str, Any]:
    return {
        "contacts": [seen.id for seen in case.contacts],
        "conversations": [*case.open_conversations, *case.claims],
        "past": [*case.past_conversations, *case.past_claims],
        "status": case.status,
        "priority": case.priority,
        "customer": case.customer_id,
        "number": case.number,
        "opened_at": case.opened_at,
        "touched": case.touched_at,
        "closed_at": case.closed_at,
        "full": case.full or None,
        "crowded": is_crowded(case) or None,
        "facts": matter(case.facts, case.category) or None,
        "merged_into": case.merged_into,
        "recheck_at": case.recheck_at,
        "category": second_level(case.category),
        "topic": second_level(case.category) if case.category_confidence else None,
        "points": (points := tuple(points_of_reach(case.reach).values())),
        "unknown": not points or None,
    }


class Finder:
    """`reads`: the cases, as a majority holds them."""

    def __init__(self, reads: Any, rules: JoiningFile) -> None:
        self._reads, self._rules = reads, rules

    async def own(self, changes: Sequence[ContactChange]) -> dict[str, str]:
        """By contact id, the case that holds it. What was just looked up is believed once; a lost race asks again."""
        own = {change.contact_id: change.own for change in changes if change.own}
        bodies = await self._look("contacts", {change.contact_id for change in changes if change.own is None})
        for change in changes:
            change.own = None
        return own | {id_: body["_id"] for body in bodies for id_ in body["ix"]["contacts"]}

    async def find(self, asked: Sequence[Asked], now: datetime) -> Found:
        """Of cases that ended, what somebody may refer to as his case only while it may be opened again."""
        names = {name for one in asked for name in one.names}
        replies = {reply for one in asked for reply in one.replies}
        numbers = {number for one in asked for number in one.numbers}
        speakers = {id_ for one in asked if one.speaks_of_his for id_ in one.customer_ids}
        claimed = await self._by("conversations", names)
        contacts = _one(await self._by("contacts", replies))
        heirs = set(_inherited(asked, _one(claimed), contacts, self._rules)) - claimed.keys()
        live, lately = (
            {"ix.status": {"$in": [*OPEN, "resolved"]}},
            {"ix.closed_at": {"$gte": now - self._rules.reopen_within}},
        )
        return Found(
            contacts=contacts,
            names=_one(claimed | await self._by("conversations", heirs)),
            past=await self._by("past", names - claimed.keys()),
            numbers=await self._by("number", numbers),
            latest=await self._by("customer", speakers, {"$or": [live, lately]}),
        )

    async def _by(self, field: str, values: set[str], more: Mapping[str, Any] | None = None) -> dict[str, list[Held]]:
        """By indexed value, the cases that have it; of one that was merged, the one that it is now."""
        bodies = await self._look(field, values, more)
        present = await self._with_winners(bodies)
        found: dict[str, list[Held]] = {}
        for body in bodies:
            case = _held(_goes_on_as(body, present), self._rules)
            for value in _values(body, field):
                if value in values:
                    found.setdefault(value, []).append(case)
        return found

    async def _with_winners(self, bodies: Sequence[Body]) -> dict[str, Body]:
        present = {body["_id"]: body for body in bodies}
        while wanted := {into for body in present.values() if (into := body["ix"].get("merged_into"))} - present.keys():
            present |= {body["_id"]: body for body in await self._look("_id", wanted)}
        return present

    async def _look(self, field: str, values: set[str], more: Mapping[str, Any] | None = None) -> list[Body]:
        if not values:
            return []
        name = field if field == "_id" else f"ix.{field}"
        query = {name: {"$in": list(values)}, **(more or {})}
        found: list[Body] = await self._reads.find(query, projection={"ix": 1}).to_list(None)
        return found


def _values(body: Body, field: str) -> Iterable[str]:
    value = body["ix"].get(field, ())
    return (value,) if isinstance(value, str) else value


def _goes_on_as(body: Body, present: Mapping[str, Body]) -> Body:
    while into := body["ix"].get("merged_into"):
        body = present[into]
    return body


def _held(body: Body, rules: JoiningFile) -> Held:
    ix = body["ix"]
    points = ix.get("points")
    return Held(
        case_id=body["_id"],
        status=ix["status"],
        customer_id=ix["customer"],
        touched_at=ix.get("touched") or ix["opened_at"],
        closed_at=ix.get("closed_at"),
        full=ix.get("full", False),
        crowded=ix.get("crowded", False),
        unknown=is_unknown(points, rules) if points else ix.get("unknown", False),
        facts=ix.get("facts", {}),
        topic=ix.get("topic", ""),
    )


def _inherited(
    asked: Iterable[Asked], claimed: Mapping[str, Held], contacts: Mapping[str, Held], rules: JoiningFile
) -> Iterator[str]:
    """What the cases in whose conversation or thread somebody speaks would claim for him."""
    for one in asked:
        held = (claimed.get(one.conversation), *(contacts.get(reply) for reply in one.replies))
        yield from (name for case in held if case for name in inherited(one, case, rules))


def _one(found: Mapping[str, Sequence[Held]]) -> dict[str, Held]:
    return {value: cases[0] for value, cases in found.items()}


def asked(change: ContactChange, rules: Rules) -> Asked:
    contact, understood, customer = change.contact, change.read(rules), change.customer
    about, one = understood.classification, bool(customer and not customer.anybody)
    return Asked(
        contact_id=change.contact_id,
        conversation=conversation_of(contact),
        replies=tuple(contact_id(contact.source, reply) for reply in reversed(contact.replies_to)),
        numbers=case_numbers(f"{contact.subject or ''} {understood.text}"),
        claims=claims(customer, understood) if customer else {},
        facts=matter(understood.facts, about.category if about.certain else ()),
        topic=about.topic,
        category=second_level(about.category) if about.certain else "",
        customer_id=customer.customer_id if customer and customer.points and one else "",
        customer_ids=frozenset((customer.customer_id, *customer.also)) if customer else frozenset(),
        reachable=not is_unknown(_points(change, rules), rules.joining),
        mentions=one and understood.mentions,
        silent=one and contact.channel == "phone" and not understood.text,
        ours=one and is_ours(contact),
        asks=asks_by_itself(contact, understood, rules),
    )


def _points(change: ContactChange, rules: Rules) -> tuple[str, ...]:
    """What the contact says of how to reach its customer, and what was known of that."""
    known = change.customer.points if change.customer else ()
    return (*filter(None, change.read(rules).points.values()), *known)


def learn(found: Found, asked: Asked, place: Place, now: datetime) -> None:
    """A contact of the same batch has gone to a case: the next one finds it there."""
    held = found.learned[place.case_id] = taken_in(asked, place, now)
    found.contacts.setdefault(asked.contact_id, held)
    names = ((asked.conversation,) if asked.conversation else ()) + place.claims
    for name in names if held.status != "closed" else ():
        found.names.setdefault(name, held)
    for id_ in asked.customer_ids if held.customer_id in asked.customer_ids else ():
        found.latest.setdefault(id_, []).append(held)
