"""A higher revision says an earlier contact better: a recording after the call, an edited post. It wakes nothing.

What it is about now leads to its case from then on, unless that is another matter; if another case is about the same,
both are linked.
"""

from datetime import datetime

from services.intake.domain.another_matter import flagged, is_another_matter, set_apart
from services.intake.domain.asks import asks
from services.intake.domain.case import Case
from services.intake.domain.claims import rule_of
from services.intake.domain.further import take_in
from services.intake.domain.join import with_claims
from services.intake.domain.link import related
from services.intake.domain.rules import Rules
from services.intake.domain.said import contact_note
from services.intake.domain.split import is_split_off
from services.intake.domain.summary import refreshed
from services.intake.domain.told import Told
from services.intake.domain.whose import is_his
from shared.decisions import Decision


def amend(case: Case, now: datetime, *, told: Told, rules: Rules) -> Decision[Case]:
    if another := is_another_matter(case, told, rules):
        told = set_apart(told)
    after, events = take_in(case, now, told=told, rules=rules, asking=asks(case, told, rules), amends=True)
    after, seen = flagged(after) if another and not is_split_off(case, told.seen.id) else after, told.seen
    contacts = tuple(seen if held.id == seen.id else held for held in case.contacts)
    after = claiming(after.changed(contacts=contacts), told, rules)
    after, linked = related(after, told.place.related)
    note = contact_note(told.contact, now, rules, "amended")
    return Decision(refreshed(after, rules), (*events, *linked), note)


def claiming(case: Case, told: Told, rules: Rules) -> Case:
    """As a case is that may be joined; for its own customer, or by what opened it."""
    over = case.status == "closed" or case.full
    return case if over or not is_his(case, told, rules) else with_claims(_corrected(case, told), told.place.claims)


def _corrected(case: Case, told: Told) -> Case:
    """Without what its only contact named before: it names another order, serial number or topic now."""
    others = len(case.contacts) > 1 or any(link.kind == "merged" for link in case.links)
    if others or case.contacts[0].id != told.seen.id:
        return case
    anew = set(map(rule_of, told.place.claims))
    return case.changed(claims=tuple(claim for claim in case.claims if rule_of(claim) not in anew))
