"""Contacts, and what the customer system knows of each: asked before anything is decided on them."""

from collections.abc import Sequence

from services.intake.change import Answer, ContactChange
from services.intake.domain.customer import points_of
from services.intake.domain.rules import Rules
from services.intake.lookup.look import LookUps, Query


async def look_up(lookups: LookUps | None, contacts: Sequence[ContactChange], rules: Rules) -> None:
    """Sets the answer of each that says anything to ask about; they wait for it together, and not longer than the
    look-up may take."""
    if lookups is None:
        return
    queries = [Query(change.read(rules).facts, points_of(change.contact, rules)) for change in contacts]
    asking = [query for query in queries if query.facts or query.points]
    found = iter(await lookups.ask(asking))
    for change, query in zip(contacts, queries, strict=True):
        change.answer = Answer(query.facts, next(found)) if query.facts or query.points else None
