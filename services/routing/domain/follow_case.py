"""Routing follows what intake decides about a case (`cases.v1`). Nothing is refused here: the owner has decided."""

from datetime import datetime

from services.routing.domain.enter_queue import enter
from services.routing.domain.pools import level_wanted, pool_id, skill_wanted
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import NOBODY, Estimates, Ticket, put_back, queued, unchanged, unknown
from shared.decisions import Decision
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
)


def follow(  # noqa: PLR0911 - one line per event is the clearest table
    state: Ticket | None,
    now: datetime,
    *,
    event: EventData,
    rules: Rules,
    at: datetime | None = None,
    estimates: Estimates = unknown,
) -> Decision[Ticket]:
    """Whatever `cases.v1` says; what does not concern routing (a note, waiting, resumed) changes nothing."""
    match event:
        case CaseOpened():
            return enter(state, now, opened=event, rules=rules, at=at, estimates=estimates)
        case CaseReprioritised():
            return reprioritise(state, now, changed=event, rules=rules)
        case CaseReclassified():
            return reclassify(state, now, changed=event, rules=rules, estimates=estimates)
        case CaseResolved() | CaseClosed() | CaseMerged():
            return finish(state, now)
        case CaseContactAdded() | CaseFactsChecked():
            return learn(state, told=event)
        case CaseAbsorbed():
            return absorb(state, absorbed=event)
        case CaseReopened():
            return reopen(state, now, estimates=estimates)
        case _:
            return unchanged(state)


def reprioritise(state: Ticket | None, now: datetime, *, changed: CaseReprioritised, rules: Rules) -> Decision[Ticket]:
    """It changes its rank in the queue; whoever has it keeps it."""
    if state is None or state.priority == changed.to:
        return unchanged(state)
    update = {
        "priority": changed.to,
        "priority_rule": changed.priority_reason.rule,
        "level": level_wanted(changed.to, state.kind, rules),
    }
    return Decision(state.model_copy(update=update))


def reclassify(
    state: Ticket | None, now: datetime, *, changed: CaseReclassified, rules: Rules, estimates: Estimates = unknown
) -> Decision[Ticket]:
    """While it waits it moves to its new pool, out of review too; whoever has it keeps it. A complaint needs as
    skilled an agent as one that was opened as such.

    What was looked at and passed on does not go to review again for the same reason.
    """
    if state is None:
        return unchanged(state)
    kind = changed.kind or state.kind
    if (state.category, state.review, state.kind) == (changed.to, changed.review, kind):
        return Decision(state)
    looked_at = changed.review == state.review and state.skill != rules.pools.review
    skill = skill_wanted(changed.to, None if looked_at else changed.review, rules)
    update = {
        "category": changed.to,
        "kind": kind,
        "review": changed.review,
        "skill": skill,
        "pool": pool_id(skill, state.language),
        "level": level_wanted(state.priority, kind, rules),
    }
    ticket = state.model_copy(update=update)
    if state.status != "waiting" or ticket.pool == state.pool:
        return Decision(ticket)
    ticket = ticket.model_copy(update={"why": "reclassified", "asked": (), "returned_at": None})
    return Decision(ticket, (queued(ticket, estimates),))


def finish(state: Ticket | None, now: datetime) -> Decision[Ticket]:
    """It is over: nobody needs to hold a place for it; who had it is preferred if it comes back."""
    if state is None or state.status == "done":
        return unchanged(state)
    update: dict[str, object] = {"status": "done", "why": "done", "done_at": now, "agent_id": None, "asked": ()}
    if state.status == "assigned":
        update["last_agent"] = state.agent_id
    else:
        update = {**NOBODY, **update}
    return Decision(state.model_copy(update=update))


def learn(state: Ticket | None, *, told: CaseContactAdded | CaseAbsorbed | CaseFactsChecked) -> Decision[Ticket]:
    """The tier is its rank within its priority; who the customer is and what is missing are known better by then."""
    if state is None:
        return unchanged(state)
    update: dict[str, object] = {"tier": told.tier or state.tier}
    if not isinstance(told, CaseFactsChecked):
        update |= {"customer_id": told.customer_id or state.customer_id, "missing": told.missing}
    after = state.model_copy(update=update)
    return Decision(state if after == state else after)


def absorb(state: Ticket | None, *, absorbed: CaseAbsorbed) -> Decision[Ticket]:
    """Another case is this one too: who had that is preferred, where nobody has or had this one."""
    ticket = learn(state, told=absorbed).state
    if state is None or not absorbed.agent_id or ticket.last_agent or ticket.status not in ("waiting", "offered"):
        return Decision(ticket)
    return Decision(ticket.model_copy(update={"last_agent": absorbed.agent_id}))


def reopen(state: Ticket | None, now: datetime, *, estimates: Estimates = unknown) -> Decision[Ticket]:
    """It queues again from now; the agent who had it is preferred."""
    if state is None or state.status != "done":
        return unchanged(state)
    ticket = put_back(state, now, why="reopened").model_copy(update={"queued_at": now})
    return Decision(ticket, (queued(ticket, estimates),))
