"""A higher revision says an earlier contact better: a recording after the call, an edited post. It wakes nothing."""

from datetime import datetime

from services.intake.domain.case import Case
from services.intake.domain.further import take_in
from services.intake.domain.rules import Rules
from services.intake.domain.said import contact_note
from services.intake.domain.summary import refreshed
from services.intake.domain.told import Told
from shared.decisions import Decision


def amend(case: Case, now: datetime, *, told: Told, rules: Rules) -> Decision[Case]:
    after, events = take_in(case, now, told=told, rules=rules, amends=True)
    seen = told.seen
    contacts = tuple(seen if held.id == seen.id else held for held in case.contacts)
    note = contact_note(told.contact, now, rules, "amended")
    return Decision(refreshed(after.changed(contacts=contacts), rules), events, note)
