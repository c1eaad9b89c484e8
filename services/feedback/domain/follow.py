"""Feedback follows what the owners decide about a case (`cases.v1`, `assignments.v1`). Nothing is refused here."""

from collections.abc import Mapping
from datetime import datetime

from services.feedback.domain.outcome import MOST_AGENTS, MOST_SURVEYS, CaseOutcome, Person, unchanged
from services.feedback.domain.rules import Rules
from shared.decisions import Decision
from shared.events.assignments import CaseAssigned
from shared.events.base import EventData
from shared.events.cases import (
    CaseAbsorbed,
    CaseClosed,
    CaseContactAdded,
    CaseFactsChecked,
    CaseMerged,
    CaseOpened,
    CaseReclassified,
    CaseReopened,
    CaseReprioritised,
    CaseResolved,
    CaseResponded,
    CaseResumed,
    CaseWaiting,
)

LONGEST_PRODUCT = 100


def follow(
    state: CaseOutcome | None, now: datetime, *, event: EventData, at: datetime, rules: Rules
) -> Decision[CaseOutcome]:
    """`at`: when it happened. What says nothing about the outcome (a note, an offer) changes nothing."""
    if isinstance(event, CaseOpened):
        return Decision(state or _opened(event, at))
    after = _after(state, event, at, rules) if state is not None else None
    return unchanged(state) if after is None or after == state else Decision(after)


def _opened(event: CaseOpened, at: datetime) -> CaseOutcome:
    return CaseOutcome(
        case_id=event.case_id, number=event.number, channel=event.channel, language=event.language,
        customer_id=event.customer.id, tier=event.customer.tier, category=event.category, kind=event.kind,
        priority=event.priority, product=_product(event.facts), drill=event.drill, opened_at=at,
    )  # fmt: skip


def _after(case: CaseOutcome, event: EventData, at: datetime, rules: Rules) -> CaseOutcome | None:  # noqa: PLR0911, PLR0912 - one line per event is the clearest table
    match event:
        case CaseContactAdded():
            return _contacted(_known(case, event), event, at, rules)
        case CaseAbsorbed():
            return _known(case, event)
        case CaseFactsChecked():
            return case.changed(tier=event.tier or case.tier)
        case CaseReclassified():
            return case.changed(category=event.to, kind=event.kind or case.kind)
        case CaseReprioritised():
            return case.changed(priority=event.to)
        case CaseAssigned():
            return _assigned(case, event)
        case CaseResponded():
            return case.changed(first_responded_at=case.first_responded_at or at, touched_at=at)
        case CaseWaiting():
            return case.changed(awaited=event.on == "customer")
        case CaseResumed():
            return case.changed(awaited=False)
        case CaseResolved():
            return case.changed(resolved_at=at, awaited=False)
        case CaseClosed():
            return _closed(case, event, at, rules)
        case CaseMerged():
            return case.changed(merged=True, closed_at=at, ask_at=None, awaited=False)
        case CaseReopened():
            return case.changed(resolved_at=None, closed_at=None, ask_at=None, reopened=case.reopened + 1)
        case _:
            return None


def _known(case: CaseOutcome, event: CaseContactAdded | CaseAbsorbed) -> CaseOutcome:
    """Who the customer is, and what it is about, as far as it is known by now."""
    return case.changed(
        customer_id=event.customer_id or case.customer_id,
        tier=event.tier or case.tier,
        product=case.product or _product(event.facts),
    )


def _contacted(case: CaseOutcome, event: CaseContactAdded, at: datetime, rules: Rules) -> CaseOutcome:
    """Thanks, and a call of ours, are no contact about it."""
    if event.amends or not event.asks:
        return case
    return case.changed(came_back=case.came_back + _comes_back(case, at, rules), touched_at=at)


def _comes_back(case: CaseOutcome, at: datetime, rules: Rules) -> bool:
    """Neither the dialogue that goes on, nor the answer to our question, is a further contact."""
    if case.first_responded_at is None or case.awaited:
        return False
    return at - (case.touched_at or case.first_responded_at) > rules.kpis.same_contact_within


def _product(facts: Mapping[str, str]) -> str:
    return (facts.get("device_model") or "").strip()[:LONGEST_PRODUCT]


def _assigned(case: CaseOutcome, event: CaseAssigned) -> CaseOutcome:
    agent = Person(agent_id=event.agent_id, name=event.agent_name, team=event.team, supervisor=event.supervisor)
    agents = case.agents if event.agent_id in case.agents else (*case.agents, event.agent_id)[-MOST_AGENTS:]
    return case.changed(agent=agent, agents=agents)


def _closed(case: CaseOutcome, event: CaseClosed, at: datetime, rules: Rules) -> CaseOutcome:
    """Each closing is asked about once (FB-1); a drill has no customer to ask. What helped others stays (IN-20)."""
    asks = not case.drill and len(case.surveys) < MOST_SURVEYS
    ask_at = at + rules.surveys.ask_after if asks else None
    case = case.changed(similar=event.similar, suggestions=event.suggestions)
    return case.changed(closed_at=at, resolved_at=case.resolved_at or at, ask_at=ask_at, awaited=False)
