"""What a contact makes of a case for the next one of its batch (IN-4), before either is written: as if it had been."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from services.intake.domain.choose_case import Asked, Held, Place
from services.intake.domain.claims import LEAF
from services.intake.domain.lifecycle import SETTLED


def taken_in(asked: Asked, place: Place, now: datetime) -> Held:
    """The case at the place that was chosen, once it holds the contact."""
    if place.held:
        return _joined(_woken(place.held, asked), asked, place.of, now)
    of = min(asked.customer_ids, default="")
    return Held(
        place.case_id, "new", of, now, unknown=not asked.reachable, facts=asked.facts, topic=asked.category
    )  # fmt: skip


def _woken(held: Held, asked: Asked) -> Held:
    return replace(held, status="new", closed_at=None) if held.status in SETTLED and asked.asks else held


def _joined(held: Held, asked: Asked, of: str, now: datetime) -> Held:
    categorised = held.topic or held.status in SETTLED or not asked.category
    return replace(
        held,
        customer_id=of,
        touched_at=held.touched_at if asked.ours else now,
        unknown=held.unknown and not asked.reachable,
        facts=_facts(held, asked, leaf_of=held if categorised else asked),
        topic=held.topic if categorised else asked.category,
    )


def _facts(held: Held, asked: Asked, leaf_of: Held | Asked) -> Mapping[str, str]:
    """What was known stays; the third level is that of whose category the case has."""
    told = {**asked.facts, **held.facts, LEAF: leaf_of.facts.get(LEAF, "")}
    return {fact: value for fact, value in told.items() if value}
