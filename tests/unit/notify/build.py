"""What the tests of notify start from."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.notify.domain import tell
from services.notify.domain.casefile import Casefile
from services.notify.domain.rules import Rules
from shared.events.assignments import AssignmentReason, CaseAssigned
from shared.events.cases import (
    CaseContactAdded,
    CaseCustomer,
    CaseOpened,
    CaseResolved,
    ContactRef,
    PriorityReason,
    Reach,
)
from shared.ids import case_number, named
from shared.rules import files, load

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CASE = named("case", 1)
NUMBER = case_number(CASE)
RULES = load("notify", Rules.parse, None)
WANG = Reach(name="王芳", phone="+8613800138000", email="wang@example.com")


def documents() -> dict[str, Any]:
    """The shipped rules as they are read, to be spoilt by a test."""
    import yaml

    return {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in files("notify", None).items()}


def with_providers(*names: str, tries: int = 3, lease_s: float = 30) -> Rules:
    """Every channel goes through these providers, in this order."""
    read = documents()
    read["channels"]["providers"] = {name: {"lease_s": lease_s, "tries": tries, "back_off_s": [1, 5]} for name in names}
    for channel in read["channels"]["channels"].values():
        channel["providers"] = list(names)
    return Rules.parse(read)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def opened_event(**changes: Any) -> CaseOpened:
    reach = changes.pop("reach", WANG)
    body: dict[str, Any] = {
        "case_id": CASE,
        "number": NUMBER,
        "contact_id": named("contact", 1),
        "contact": ContactRef(source="cti", id="1"),
        "channel": "phone",
        "language": "zh",
        "customer": CaseCustomer(id="customer-1", reach=reach),
        "category": ("支付问题",),
        "kind": "complaint",
        "category_confidence": 1.0,
        "priority": "P2",
        "priority_reason": PriorityReason(rule="default", impact="user", urgency="normal"),
    }
    return CaseOpened(**body | changes)


def assigned_event(agent_id: str = "Z01", *, name: str = "李雷", team: str = "支付组") -> CaseAssigned:
    reason = AssignmentReason(skill="payments", level=4, language="zh", load=0.5, score=1.0, policy_version="1")
    return CaseAssigned(
        case_id=CASE, number=NUMBER, agent_id=agent_id, agent_name=name, team=team, reason=reason, waited_s=3
    )


def resolved_event(resolution: str = "已退款") -> CaseResolved:
    return CaseResolved(case_id=CASE, number=NUMBER, by="Z01", resolution=resolution)


def added_event(*, channel: str = "email", revision: int = 1, reach: Reach | None = None) -> CaseContactAdded:
    return CaseContactAdded(
        case_id=CASE, number=NUMBER, contact_id=named("contact", 2), contact=ContactRef(source="mail", id="2"),
        channel=channel, revision=revision, reach=reach or Reach(),
    )  # fmt: skip


def opened(rules: Rules = RULES, **changes: Any) -> Casefile:
    """The case file after the case was opened, "received" waiting in it."""
    return tell.opened(None, NOW, event=opened_event(**changes), cause="event-1", rules=rules).state
