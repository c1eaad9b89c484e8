"""Contacts, and what the customer system knows of each: asked before anything is decided on them."""

from collections.abc import Sequence

from services.intake.change import Answer, ContactChange
from services.intake.domain.looked_up_by import looked_up_by
from services.intake.domain.rules import Rules
from services.intake.lookup.look import LookUps, Query


async def look_up(lookups: LookUps | None, contacts: Sequence[ContactChange], rules: Rules) -> None:
    """Sets the answer of each that says anything to ask about; they wait for it together, and not longer than the
    look-up may take."""
    if lookups is None:
        return
    queries = [_query(change, rules) for change in contacts]
    asking = [query for query in queries if query.facts or query.points]
    found = iter(await lookups.ask(asking))
    for change, query in zip(contacts, queries, strict=True):
        change.answer = Answer(query.facts, next(found)) if query.facts or query.points else None


def _query(change: ContactChange, rules: Rules) -> Query:
    said = change.read(rules)
    return Query(said.facts, looked_up_by(said.points, change.contact.channel, rules))
