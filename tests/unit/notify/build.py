"""What the tests of notify start from."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.notify.domain import deliver, tell
from services.notify.domain.casefile import Casefile
from services.notify.domain.rules import Rules
from shared.events.assignments import AssignmentReason, CaseAssigned, CaseQueued
from shared.events.cases import (
    CaseContactAdded,
    CaseCustomer,
    CaseOpened,
    CaseResolved,
    ContactRef,
    PriorityReason,
    Reach,
)
from shared.events.sla import PolicyRef, TargetMet, TargetMissed, TargetReminder
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


def assigned_event(
    agent_id: str = "Z01", *, name: str = "李雷", team: str = "支付组", supervisor: str | None = None
) -> CaseAssigned:
    reason = AssignmentReason(skill="payments", level=4, language="zh", load=0.5, score=1.0, policy_version="1")
    return CaseAssigned(
        case_id=CASE, number=NUMBER, agent_id=agent_id, agent_name=name, team=team, supervisor=supervisor,
        reason=reason, waited_s=3,
    )  # fmt: skip


def resolved_event(resolution: str = "已退款") -> CaseResolved:
    return CaseResolved(case_id=CASE, number=NUMBER, by="Z01", resolution=resolution)


def added_event(*, channel: str = "email", revision: int = 1, reach: Reach | None = None) -> CaseContactAdded:
    return CaseContactAdded(
        case_id=CASE, number=NUMBER, contact_id=named("contact", 2), contact=ContactRef(source="mail", id="2"),
        channel=channel, revision=revision, reach=reach or Reach(),
    )  # fmt: skip


def queued_event(pool: str = "payments.zh") -> CaseQueued:
    return CaseQueued(case_id=CASE, number=NUMBER, pool=pool, priority="P2")


POLICY = PolicyRef(id="default", version="1")
WITH_ALL = {"agent_id": "Z01", "supervisor": "S01", "pool": "payments.zh"}


def reminder_event(share: float, **changes: Any) -> TargetReminder:
    return TargetReminder(**_target(WITH_ALL | changes), share=share)


def missed_event(late_s: float = 90.0, **changes: Any) -> TargetMissed:
    return TargetMissed(**_target(WITH_ALL | changes), late_s=late_s)


def met_event(**changes: Any) -> TargetMet:
    return TargetMet(**_target(changes))


def _target(changes: dict[str, Any]) -> dict[str, Any]:
    body = {"case_id": CASE, "number": NUMBER, "target": "resolution", "at": NOW, "due_at": NOW, "policy": POLICY}
    return body | changes


def delivered(state: Casefile, now: datetime = NOW, rules: Rules = RULES) -> Casefile:
    """Everything that waits has been sent."""
    while deliver.pending(state, now):
        state = deliver.take(state, now, by="me", rules=rules).state
        for message in deliver.in_hand(state, "me"):
            state = deliver.sent(state, now, id_=message.id, attempt=message.attempt, provider=message.provider).state
    return state


def staffed(**changes: Any) -> Casefile:
    """The case is with Z01, whose supervisor is S01; everything so far has been sent."""
    state = tell.queued(opened(**changes), NOW, event=queued_event(), cause="event-q", rules=RULES).state
    event = assigned_event(supervisor="S01")
    return delivered(tell.assigned(state, NOW, event=event, cause="event-2", rules=RULES).state)


def waiting(state: Casefile) -> list[tuple[str, str]]:
    """What is to be told, and to whom."""
    return [(message.template, message.to) for message in state.messages]


def words(state: Casefile, template: str) -> str:
    """Of the newest message of this kind."""
    return [message.text for message in state.messages if message.template == template][-1]


def opened(rules: Rules = RULES, **changes: Any) -> Casefile:
    """The case file after the case was opened, "received" waiting in it."""
    return tell.opened(None, NOW, event=opened_event(**changes), cause="event-1", rules=rules).state
