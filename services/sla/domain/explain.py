"""How the promises of a case stand, in words and numbers that a person can check."""

from datetime import datetime
from typing import Any

from services.sla.domain.clock import used
from services.sla.domain.rules import WALL, Rules
from services.sla.domain.watch import Call, Clock, Escalation, Watch

WALL_CLOCK = "wall clock"


def explain(watch: Watch, now: datetime, rules: Rules) -> dict[str, Any]:
    shown = watch.model_dump(
        mode="json", include={"case_id", "number", "status", "priority", "category", "kind", "tier", "drill"}
    )
    return {
        **shown,
        **watch.owner,
        "targets": [target(clock, now, rules) for clock in watch.clocks],
        "escalations": [escalation(one, watch) for one in watch.escalations],
    }


def target(clock: Clock, now: datetime, rules: Rules) -> dict[str, Any]:
    """`used_s`, `limit_s`, `remaining_s` are seconds of `calendar`; `remaining_s` stops at 0."""
    spent = used(clock, now, rules) if clock.state != "missed" else clock.limit_s
    shown = clock.model_dump(
        mode="json",
        include={
            "target", "nth", "state", "policy", "started_at", "due_at", "missed_at", "ended_at", "late_s", "limit_s",
            "reminded", "party", "promise",
        },
    )  # fmt: skip
    return shown | {
        "calendar": WALL_CLOCK if clock.calendar == WALL else clock.calendar,
        "used_s": spent,
        "remaining_s": max(0.0, clock.limit_s - spent),
        "share": min(1.0, spent / clock.limit_s) if clock.limit_s else 1.0,
        "reminders": [share for share in rules.policies.reminders if share <= clock.reminded],
    }


def escalation(one: Escalation, watch: Watch) -> dict[str, Any]:
    """`level` and `department`: where it stands, or stood."""
    shown = one.model_dump(
        mode="json", include={"target", "nth", "state", "acknowledged", "replies", "raised_at", "ended_at", "why"}
    )
    return shown | {
        **watch.ids,
        "escalation_id": one.id,
        "priority": watch.priority,
        "level": one.last.level,
        "department": one.last.department,
        "due_at": one.model_dump(mode="json")["calls"][-1]["due_at"] if one.due_at else None,
        "calls": [_call(call) for call in one.calls],
        "drill": watch.drill,
    }


def _call(call: Call) -> dict[str, Any]:
    return call.model_dump(mode="json", exclude={"nth"})
