"""Cases, tickets and agents for the tests; everything a test does not care about has a plain value."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.routing.domain.agent import Agent, Reservation
from services.routing.domain.pools import pool_id
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket
from shared.events.assignments import AssignmentReason
from shared.events.cases import CaseCustomer, CaseOpened, ContactRef, PriorityReason
from shared.events.work import Work
from shared.rules import load

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
RULES = load("routing", Rules.parse, None)
REASON = AssignmentReason(skill="payments", level=4, language="zh", load=0, score=0, policy_version="test")
ALL_READY = dict.fromkeys(RULES.readiness.items, True)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def rules_with(**offers: Any) -> Rules:
    """The shipped rules with some of offers.yaml changed."""
    changed = RULES.offers.model_dump() | offers
    return Rules.model_validate({**RULES.model_dump(), "offers": changed})


def opened(case_id: str = "case-1", **more: Any) -> CaseOpened:
    plain: dict[str, Any] = {
        "case_id": case_id,
        "number": "7KQ4-M2XD",
        "contact_id": "contact-1",
        "contact": ContactRef(source="hotline", id="1"),
        "channel": "phone",
        "language": "zh",
        "customer": CaseCustomer(id="customer-1", tier="gold"),
        "category": ("支付问题", "退款异常", "重复扣款"),
        "kind": "request",
        "category_confidence": 0.9,
        "priority": "P2",
        "priority_reason": PriorityReason(rule="money", impact="user", urgency="medium"),
    }
    return CaseOpened(**(plain | more))


def ticket(case_id: str = "case-1", *, waited_s: float = 0, **more: Any) -> Ticket:
    since = NOW - seconds(waited_s)
    plain: dict[str, Any] = {
        "case_id": case_id,
        "number": "7KQ4-M2XD",
        "customer_id": f"customer of {case_id}",
        "channel": "phone",
        "language": "zh",
        "category": ("支付问题",),
        "kind": "request",
        "priority": "P2",
        "skill": "payments",
        "level": 2,
        "opened_at": since,
        "queued_at": since,
        "waiting_since": since,
    }
    plain |= more
    return Ticket(**({"pool": pool_id(plain["skill"], plain["language"])} | plain))


def agent(
    agent_id: str = "Z01",
    skills: Mapping[str, int] | None = None,
    *,
    holds: tuple[str, ...] = (),
    **more: Any,
) -> Agent:
    plain: dict[str, Any] = {
        "agent_id": agent_id,
        "profile_at": NOW - seconds(3600),
        "presence_at": NOW - seconds(600),
        "name": f"name of {agent_id}",
        "team": "front",
        "skills": dict(skills if skills is not None else {"payments": 4}),
        "languages": ("zh",),
        "capacity": {"total": 1},
        "state": "online",
        "reservations": tuple(reservation(case_id) for case_id in holds),
    }
    return Agent(**(plain | more))


def reservation(case_id: str, generation: int = 1, *, channel: str = "phone", age_s: float = 60) -> Reservation:
    return Reservation(case_id=case_id, channel=channel, generation=generation, at=NOW - seconds(age_s))


def work(agent_id: str = "Z01", case_id: str = "case-1", **more: Any) -> Work:
    return Work(id="w-1", agent_id=agent_id, case_id=case_id, **more)
