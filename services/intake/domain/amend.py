"""A higher revision says an earlier contact better: a recording after the call, an edited post. It wakes nothing.

What it is about now leads to its case from then on; if another case is about the same, both are linked.
"""

from datetime import datetime

from services.intake.domain.case import RULES, Case
from services.intake.domain.further import speaks_for_himself, take_in
from services.intake.domain.join import with_claims
from services.intake.domain.link import MAX_LINKS, is_linked, link
from services.intake.domain.rules import Rules
from services.intake.domain.said import contact_note
from services.intake.domain.summary import refreshed
from services.intake.domain.told import Told
from shared.decisions import Decision


def amend(case: Case, now: datetime, *, told: Told, rules: Rules) -> Decision[Case]:
    after, events = take_in(case, now, told=told, rules=rules, amends=True)
    seen = told.seen
    contacts = tuple(seen if held.id == seen.id else held for held in case.contacts)
    after = claiming(after.changed(contacts=contacts), told)
    related = "" if case.merged_into else told.place.related
    if related and not is_linked(after, related) and len(after.links) < MAX_LINKS:
        after, linked = link(after, related, "related", by=RULES, why="about the same order or device")
        events = (*events, linked)
    note = contact_note(told.contact, now, rules, "amended")
    return Decision(refreshed(after, rules), events, note)


def claiming(case: Case, told: Told) -> Case:
    """As a case is that may be joined; for its own customer, or by what opened it."""
    over = case.status == "closed" or case.full
    his = speaks_for_himself(case, told) or case.contacts[0].id == told.seen.id
    return case if over or not his else with_claims(case, told.place.claims)
