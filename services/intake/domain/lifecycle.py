"""The life of a case: which verb is allowed in which status. The only table of its kind in intake."""

from services.intake.domain.case import Case, Status
from shared.decisions import Refused
from shared.ids import case_number

OPEN: tuple[Status, ...] = ("new", "queued", "assigned", "in_progress", "waiting_customer", "waiting_third_party")
WAITING: tuple[Status, ...] = ("waiting_customer", "waiting_third_party")
SETTLED: tuple[Status, ...] = ("resolved", "closed")
ANY: tuple[Status, ...] = (*OPEN, *SETTLED)

ALLOWED: dict[str, tuple[Status, ...]] = {
    "responded": (*OPEN, "resolved"),
    "noted": ANY,
    "waiting": OPEN,
    "resumed": WAITING,
    "reclassified": (*OPEN, "resolved"),
    "resolved": OPEN,
    "closed": (*OPEN, "resolved"),
    "reopened": SETTLED,
    "delay_noticed": OPEN,
    "merged": (*OPEN, "resolved"),
    "linked": ANY,
    "split": (*OPEN, "resolved"),
    "summarised": ANY,
}
"""`closed` from an open status solves and closes at once (RT-15): `work.close` asks for a result then."""


def allowed_from(status: Status) -> tuple[str, ...]:
    return tuple(verb for verb, statuses in ALLOWED.items() if status in statuses)


def check(case: Case, verb: str) -> None:
    """Raises Refused `wrong_transition` (409) that names the verbs allowed now."""
    if case.merged_into:
        raise merged_case(case)
    if case.status not in ALLOWED[verb]:
        raise wrong_transition(case, verb)


def merged_case(case: Case) -> Refused:
    into = case.merged_into or ""
    message = f"case {case.number} was merged into {case_number(into)} ({into}); work on that one"
    return Refused("merged_case", message, field="case_id")


def wrong_transition(case: Case, verb: str, why: str = "") -> Refused:
    verbs = ", ".join(allowed_from(case.status))
    message = f"{verb} is not possible for a case that is {case.status}{why}; allowed from {case.status}: {verbs}"
    return Refused("wrong_transition", message, field="type", status=409)


def back_to_work(case: Case) -> Status:
    """Where a case goes on when it no longer waits or is no longer resolved."""
    return "in_progress" if case.agent_id else "queued" if case.pool else "new"
