"""What the tests of feedback start from."""

from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from services.feedback.domain.answer import Answers, answer
from services.feedback.domain.ask import fire
from services.feedback.domain.follow import follow
from services.feedback.domain.outcome import CaseOutcome
from services.feedback.domain.rules import Rules
from shared.decisions import Decision
from shared.events.assignments import AssignmentReason, CaseAssigned
from shared.events.base import EventData
from shared.events.cases import (
    CaseClosed,
    CaseCustomer,
    CaseOpened,
    CaseReopened,
    CaseResolved,
    ContactRef,
    PriorityReason,
)
from shared.ids import case_number, named
from shared.rules import files, load

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CASE = named("case", 1)
IDS = {"case_id": CASE, "number": case_number(CASE)}
RULES = load("feedback", Rules.parse, None)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOOD = Answers(attitude=5, speed=4, solved=True, words="很满意")
BAD = Answers(attitude=1, speed=1, solved=False, words="等了三天没人理，推来推去")


def documents() -> dict[str, Any]:
    """The shipped rules as they are read, to be spoilt by a test."""
    return {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in files("feedback", None).items()}


def opened_event(**changes: Any) -> CaseOpened:
    body: dict[str, Any] = {
        **IDS, "contact_id": named("contact", 1), "contact": ContactRef(source="cti", id="1"), "channel": "phone",
        "language": "zh", "customer": CaseCustomer(id="customer-1"), "category": ("支付问题", "退款异常"),
        "kind": "fault", "category_confidence": 1.0, "priority": "P2",
        "priority_reason": PriorityReason(rule="default", impact="user", urgency="normal"),
    }  # fmt: skip
    return CaseOpened(**body | changes)


def assigned_event(agent_id: str = "Z01", team: str = "支付组") -> CaseAssigned:
    reason = AssignmentReason(skill="payments", level=4, language="zh", load=0.5, score=1.0, policy_version="1")
    return CaseAssigned(
        **IDS, agent_id=agent_id, agent_name="林悦", team=team, supervisor="S01", reason=reason, waited_s=3
    )


RESOLVED = CaseResolved(**IDS, by="Z01", resolution="已退款")
CLOSED = CaseClosed(**IDS, by="Z01", how="agent")
REOPENED = CaseReopened(**IDS, by="customer")


def after(
    *events: EventData, state: CaseOutcome | None = None, at: datetime = NOW, rules: Rules = RULES
) -> CaseOutcome:
    """What feedback knows after these events, all at the same moment."""
    for event in events:
        state = follow(state, at, event=event, at=at, rules=rules).state
    assert state is not None
    return state


def closed(**changes: Any) -> CaseOutcome:
    return after(opened_event(**changes), assigned_event(), RESOLVED, CLOSED)


def link(case_id: str, nth: int) -> str:
    return f"https://care.example/s/{case_id}.{nth}"


def tick(state: CaseOutcome, now: datetime, rules: Rules = RULES) -> Decision[CaseOutcome]:
    return fire(state, now, rules=rules, link=link)


def asked(**changes: Any) -> CaseOutcome:
    """An hour after closing."""
    return tick(closed(**changes), NOW + HOUR).state


def answered(given: Answers, state: CaseOutcome | None = None, now: datetime = NOW + DAY) -> Decision[CaseOutcome]:
    return answer(state or asked(), now, nth=1, given=given, rules=RULES)
