"""The end of a case, whoever ends it: an agent, the customer, the clock."""

from datetime import datetime
from typing import Literal

from services.intake.domain.case import Case
from services.intake.domain.join import without_conversations
from shared.events.cases import CaseClosed


def lacking_for_close(case: Case) -> tuple[str, ...]:
    """What a complaint still needs before it may be closed (FB-12): `result`, `measure`. Nothing for other kinds."""
    if case.kind != "complaint":
        return ()
    return tuple(name for name, value in (("result", case.resolution), ("measure", case.measure)) if not value)


def closed(case: Case, now: datetime) -> Case:
    ended = case.changed(
        status="closed", closed_at=now, resolved_at=case.resolved_at or now, auto_close_at=None,
        waiting_party=None, waiting_until=None, promise=None,
    )  # fmt: skip
    return without_conversations(ended)


def closing(case: Case, *, by: str, how: Literal["customer", "agent", "timer"], why: str = "") -> CaseClosed:
    return CaseClosed(
        **case.ids, by=by, how=how, why=why, agent_id=case.agent_id, resolution=case.resolution, cause=case.cause,
        evidence=case.evidence, measure=case.measure,
    )  # fmt: skip
