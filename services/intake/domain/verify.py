"""What the customer system answered stands on the case (IN-8, IN-24): before a decision where it was quick, else later.

The look-up itself is done by the store; a decision only takes what was found, or that nothing was (`found` is None).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from services.intake.domain.case import Case
from services.intake.domain.check_facts import MISMATCH, check_facts, mismatched, unanswered
from services.intake.domain.customer import Customer, higher_tier, updated
from services.intake.domain.found import Entitlement, Found
from services.intake.domain.lifecycle import SETTLED
from services.intake.domain.raised_by_tier import raised_by_tier
from services.intake.domain.rules import Rules
from shared.decisions import Decide, Decision, Note
from shared.events.base import EventData
from shared.events.cases import CaseContactAdded, CaseFactsChecked, CaseOpened, CaseReprioritised, FactCheck

LOOK_UP = "look-up"


def verified(
    state: Case | None, now: datetime, *,
    decide: Decide[Case], asked: Mapping[str, str], found: Found | None, rules: Rules,
) -> Decision[Case]:  # fmt: skip
    """A decision on a contact, with the answer to what was `asked` about it; it goes out with the contact's event."""
    decision = decide(state, now)
    if decision.state is state:
        return decision
    after = _checked(decision.state, now, asked, found, rules)
    if found is None or unanswered(after.fact_checks):
        after = after.changed(recheck_at=now + timedelta(seconds=rules.facts.look_up.again_after_s), rechecks=0)
    return Decision(after, tuple(_telling(event, after) for event in decision.events), decision.note)


def rechecked(
    state: Case | None, now: datetime, *, asked: Mapping[str, str], found: Found | None, rules: Rules
) -> Decision[Case]:
    """A later answer for a case. None again: later still, at last never. Nothing if the case says something else."""
    assert state is not None, "only a stored case can be looked up again"
    if state.recheck_at is None or now < state.recheck_at or dict(asked) != state.facts:
        return Decision(state)
    if found is None:
        return Decision(_put_off(state, now, rules))
    after = _checked(state, now, asked, found, rules).changed(recheck_at=None, rechecks=0)
    event = CaseFactsChecked(**after.ids, by=LOOK_UP, fact_checks=after.fact_checks, flags=after.flags, tier=after.tier)
    said = {"checks": [check.model_dump(exclude={"value", "expected", "at"}) for check in after.fact_checks]}
    raised = after if after.status in SETTLED else raised_by_tier(after, rules)
    return Decision(raised, (event, *_raised(after, raised)), Note(now, "facts_checked", LOOK_UP, "", said))


def _raised(was: Case, case: Case) -> Iterator[EventData]:
    if case.priority != was.priority:
        yield CaseReprioritised(
            **case.ids, by=LOOK_UP, why="a higher tier", was=was.priority, to=case.priority,
            priority_reason=case.priority_reason,
        )  # fmt: skip


def _put_off(case: Case, now: datetime, rules: Rules) -> Case:
    again = rules.facts.look_up
    if case.rechecks + 1 >= again.times:
        return case.changed(recheck_at=None)
    wait = min(again.again_after_s * 2.0 ** (case.rechecks + 1), again.longest_s)
    return case.changed(recheck_at=now + timedelta(seconds=wait), rechecks=case.rechecks + 1)


def _checked(case: Case, now: datetime, asked: Mapping[str, str], found: Found | None, rules: Rules) -> Case:
    checks = _joined_checks(case, now, asked, found)
    case = case.changed(fact_checks=checks, flags=_flags(case.flags, mismatched(checks)))
    if found is None or found.customer is None:
        return case
    return case.changed(
        tier=higher_tier(case.tier, found.customer.tier, rules), entitlements=_named(found.customer.entitlements, rules)
    )


def _joined_checks(case: Case, now: datetime, asked: Mapping[str, str], found: Found | None) -> tuple[FactCheck, ...]:
    """An answer counts for the value that was asked about; a verdict on an earlier fact stays while its value does."""
    if found is not None:
        own = {name: known for name, known in found.facts.items() if asked.get(name) == case.facts.get(name)}
        found = found.model_copy(update={"facts": own})
    open_ = {check.fact: check for check in check_facts(case.facts, None, now)}
    known = {check.fact: check for check in case.fact_checks if case.facts.get(check.fact) == check.value}
    new = {check.fact: check for check in check_facts(case.facts, found, now)} if found else {}
    joined = open_ | known | new
    return tuple(joined[name] for name in case.facts if name in joined)


def _flags(flags: tuple[str, ...], mismatch: bool) -> tuple[str, ...]:
    others = tuple(flag for flag in flags if flag != MISMATCH)
    return (*others, MISMATCH) if mismatch else others


def _telling(event: EventData, case: Case) -> EventData:
    """The contact's event, told with what was checked, and the tier as it stands now."""
    if isinstance(event, CaseOpened):
        checks = tuple(check.model_dump(mode="json", exclude_none=True) for check in case.fact_checks)
        customer = event.customer.model_copy(update={"tier": case.tier})
        return event.model_copy(update={"fact_checks": checks, "flags": case.flags, "customer": customer})
    if isinstance(event, CaseContactAdded):
        return event.model_copy(update={"fact_checks": case.fact_checks, "tier": case.tier})
    return event


def entitled(
    state: Customer | None, now: datetime, *, decide: Decide[Customer], found: Found | None, rules: Rules
) -> Decision[Customer]:
    """A decision on a customer, with what he is entitled to; the tier that the CRM has counts if it is higher."""
    decision = decide(state, now)
    customer, known = decision.state, found.customer if found else None
    if known is None or customer is None or customer.merged_into:
        return decision
    tier = higher_tier(customer.tier, known.tier, rules)
    after = customer.model_copy(update={"tier": tier, "entitlements": _named(known.entitlements, rules)})
    if after == customer:
        return decision
    return Decision(after, (updated(after),), decision.note)


def _named(entitlements: tuple[Entitlement, ...], rules: Rules) -> tuple[Entitlement, ...]:
    """Under the names of the rules; one that they do not know keeps its own."""
    names = rules.facts.entitlement_names
    return tuple(one.model_copy(update={"name": names.get(one.name.casefold(), one.name)}) for one in entitlements)
