"""The agent hands the case to another group (RT-14: flagged, or refused, while basic facts are missing)."""

from datetime import datetime

from services.routing.domain.pools import pool_id, skill_named
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Estimates, Ticket, put_back, queued, unknown
from shared.decisions import Decision, Refused
from shared.events.assignments import CaseUnassigned
from shared.events.work import Work


def transfer(
    state: Ticket | None, now: datetime, *, work: Work, rules: Rules, estimates: Estimates = unknown
) -> Decision[Ticket]:
    """`work.to` names the group: a skill, a pool, or a category. It keeps its place in the queue by age.

    Raises Refused `unknown_case` (404), `not_assigned` (409), `unknown_pool`, `facts_missing` (422).
    """
    if state is None:
        raise Refused("unknown_case", "routing does not know this case (yet)", field="case_id", status=404)
    if state.status != "assigned" or state.agent_id != work.agent_id:
        raise Refused(
            "not_assigned", f"only the agent who has the case can transfer it; it is {state.status}", field="agent_id"
        )
    skill = _skill(work, rules)
    why = f"transferred{_flag(state, skill, rules)}"
    ticket = put_back(state, now, why=why).model_copy(
        update={"skill": skill, "pool": pool_id(skill, state.language), "asked": (work.agent_id,), "last_agent": None}
    )
    left = CaseUnassigned(case_id=ticket.case_id, number=ticket.number, agent_id=work.agent_id, why=why)
    return Decision(ticket, (left, queued(ticket, estimates)))


def _skill(work: Work, rules: Rules) -> str:
    skill = skill_named(work.to or "", rules)
    if skill is None:
        raise Refused("unknown_pool", f"to: one of {', '.join(rules.pools.skills)}", field="to", status=422)
    return skill


def _flag(ticket: Ticket, skill: str, rules: Rules) -> str:
    """What to add to `why` if facts that the next group needs are not there."""
    lacking = [fact for fact in ticket.missing if fact in rules.offers.transfer.basic_facts]
    if not lacking or skill == ticket.skill:
        return ""
    if rules.offers.transfer.when_missing == "refuse":
        raise Refused("facts_missing", f"ask the customer first for: {', '.join(lacking)}", field="missing", status=422)
    return f", facts missing: {', '.join(lacking)}"
