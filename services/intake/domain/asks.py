"""Whether a contact asks something of us: if so, an answer is owed (SL-1), and a solved case is open again."""

from services.intake.domain.call import is_ours
from services.intake.domain.case import Case
from services.intake.domain.rules import Rules
from services.intake.domain.thanks import only_thanks
from services.intake.domain.told import Told
from services.intake.domain.understand import Understanding
from shared.events.contacts import Contact


def asks(case: Case, told: Told, rules: Rules) -> bool:
    """What answers a question of ours does, were it an "ok"."""
    if is_ours(told.contact):
        return False
    return case.status == "waiting_customer" or asks_by_itself(told.contact, told.understood, rules)


def asks_by_itself(contact: Contact, understood: Understanding, rules: Rules) -> bool:
    """Not where we called him, nor with thanks alone."""
    return not (is_ours(contact) or only_thanks(understood.text, rules.joining.thanks))
