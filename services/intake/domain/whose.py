"""Whose words a contact is (IN-3, IN-4): the case's customer's, or of somebody who speaks where his case is discussed.

A stranger is heard, but the case claims nothing for him, and neither his tier nor his address becomes the case's. As
long as nobody knows how to reach the customer, whoever goes on with the case is him.
"""

from collections.abc import Iterable

from services.intake.domain import names
from services.intake.domain.case import Case
from services.intake.domain.customer import points_of_reach, reach_of
from services.intake.domain.rules import Rules
from services.intake.domain.rules_joining import JoiningFile
from services.intake.domain.told import Told
from shared.events.cases import Reach


def is_his(case: Case, told: Told, rules: Rules) -> bool:
    """Whether the contact is from the case's customer: it opened the case, or is from him, or from who may be him."""
    return case.contacts[0].id == told.seen.id or speaks_for_himself(case, told) or _may_be_him(case, told, rules)


def speaks_for_himself(case: Case, told: Told) -> bool:
    """Whether the customer is the case's, under whichever of his ids."""
    return bool(told.customer and case.customer_id in (told.customer.customer_id, *told.customer.also))


def is_unknown(points: Iterable[str], joining: JoiningFile) -> bool:
    """Whether nobody can be recognised by these contact points: there is none but such as many have."""
    return all(map(joining.is_shared, points))


def customer_of(case: Case, told: Told, rules: Rules) -> str:
    """The id of the case's customer, once the contact is known: who could not be recognised may be by now."""
    known = told.customer
    return known.customer_id if known and known.points and _may_be_him(case, told, rules) else case.customer_id


def reach_with(case: Case, told: Told) -> Reach:
    """What its customer states now counts; what was known of him before fills gaps only."""
    stated, known = (reach_of(told.contact, told.understood.points, who) for who in (None, told.customer))
    gaps = known.model_copy(update=case.reach.model_dump(exclude_none=True))
    return gaps.model_copy(update=stated.model_dump(exclude_none=True))


def _may_be_him(case: Case, told: Told, rules: Rules) -> bool:
    """As long as its customer is unknown."""
    if not is_unknown(points_of_reach(case.reach).values(), rules.joining):
        return False
    name = told.contact.customer.name or (told.customer.name if told.customer else None)
    return not names.differ(case.reach.name or "", name or "", rules.joining.titles)
