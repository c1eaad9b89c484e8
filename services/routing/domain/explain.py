"""Why this agent, or why still waiting: what a supervisor reads about one case (S7)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from services.routing.domain.agent import Agent
from services.routing.domain.match import NO_ONE, Floor, Group, in_queue_order
from services.routing.domain.owner import owner
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket

WAITING = {
    "nobody_at_work": ("nobody at work fits, in any ring", "当前没有合适的客服在岗"),
    "round_rests": (
        "everyone who fits was asked; the round starts again shortly",
        "所有合适的客服都已询问过，稍后重新开始",
    ),
    "no_free_place": ("everyone who fits is busy", "合适的客服均在忙"),
    "not_its_turn": ("a place is free; cases ahead of it go first", "有空位，排在前面的工单优先"),
    "knows_customer": ("waits a little for the agent who knows the customer", "稍候熟悉该客户的客服"),
    "ring_not_open": ("those who are free fit less well and are asked later", "空闲的客服匹配度较低，稍后才会询问"),
    "next": ("it is offered in a moment", "即将分派"),
}


def explain(
    ticket: Ticket,
    tickets: Iterable[Ticket],
    agents: Iterable[Agent],
    now: datetime,
    rules: Rules,
    *,
    familiar: Mapping[str, str] = NO_ONE,
    estimate_s: int | None = None,
) -> dict[str, Any]:
    """`tickets`: what else waits. The answer is plain JSON data apart from its datetimes."""
    said: dict[str, Any] = {
        "case_id": ticket.case_id,
        "number": ticket.number,
        "status": ticket.status,
        "owner": owner(ticket),
        "pool": ticket.pool,
        "priority": ticket.priority,
        "priority_rule": ticket.priority_rule,
        "tier": ticket.tier,
        "wanted": {
            "skill": ticket.skill,
            "level": ticket.level,
            "language": ticket.language,
            "channel": ticket.channel,
        },
        "queued_at": ticket.queued_at,
        "why": ticket.why,
        "agent_id": ticket.agent_id,
        "reason": ticket.reason.model_dump() if ticket.reason else None,
        "expires_at": ticket.expires_at,
        "waited_s": ticket.waited_s,
        "asked": list(ticket.asked),
        "offers": ticket.generation,
        "policy_version": rules.version,
    }
    if ticket.status == "waiting":
        said["waited_s"] = (now - ticket.waiting_since).total_seconds()
        said["waiting"] = _waiting(ticket, list(tickets), Floor(agents, now, rules), familiar)
        said["estimate_s"] = estimate_s
    return said


def _waiting(ticket: Ticket, tickets: list[Ticket], floor: Floor, familiar: Mapping[str, str]) -> dict[str, Any]:
    order = in_queue_order([other for other in tickets if other.case_id != ticket.case_id] + [ticket], floor.rules)
    ahead = order[: order.index(ticket)]
    group = floor.group(ticket)
    code = _code(ticket, ahead, floor, group, familiar)
    english, chinese = WAITING[code]
    return {
        "code": code,
        "message": english,
        "message_zh": chinese,
        "ahead": sum(1 for other in ahead if other.pool == ticket.pool),
        "agents_fitting": len(group.fits),
        "agents_free": sum(1 for fit in group.fits if fit.seat.has_place(ticket.channel)),
        "ring": _ring(ticket, floor, group),
        "next_ring_in_s": _next_ring_in_s(ticket, floor),
    }


def _code(ticket: Ticket, ahead: list[Ticket], floor: Floor, group: Group, familiar: Mapping[str, str]) -> str:
    free = [fit for fit in group.fits if fit.seat.has_place(ticket.channel)]
    if not group.fits:
        return "nobody_at_work"
    if (reach := floor.reach(ticket, group)) is None:
        return "round_rests"
    if not free:
        return "no_free_place"
    if all(fit.ring > reach[0] or (fit.seat.agent.agent_id in ticket.asked and not reach[1]) for fit in free):
        return "ring_not_open"
    if _goes_first(ticket, ahead, floor, familiar):
        return "next"
    return "not_its_turn" if _are_all_taken(ticket, floor) else "knows_customer"


def _goes_first(ticket: Ticket, ahead: list[Ticket], floor: Floor, familiar: Mapping[str, str]) -> bool:
    """Whether it would get somebody now, after those ahead have been served."""
    for other in ahead:
        floor.choose(other, other.last_agent or familiar.get(other.customer_id))
    return floor.choose(ticket, ticket.last_agent or familiar.get(ticket.customer_id)) is not None


def _are_all_taken(ticket: Ticket, floor: Floor) -> bool:
    return not any(fit.seat.has_place(ticket.channel) for fit in floor.group(ticket).fits)


def _ring(ticket: Ticket, floor: Floor, group: Group) -> int:
    reach = floor.reach(ticket, group)
    return reach[0] if reach else floor.rules.ring_after(_waited_s(ticket, floor), ticket.priority)


def _next_ring_in_s(ticket: Ticket, floor: Floor) -> int | None:
    """Seconds until the search widens by time; None when it is as wide as it gets."""
    rings, hurry = floor.rules.offers.rings, floor.rules.offers.hurry.get(ticket.priority, 1)
    waited_s = _waited_s(ticket, floor)
    following = floor.rules.ring_after(waited_s, ticket.priority) + 1
    return ceil(rings[following].after_s / hurry - waited_s) if following < len(rings) else None


def _waited_s(ticket: Ticket, floor: Floor) -> float:
    return (floor.now - ticket.waiting_since).total_seconds()
