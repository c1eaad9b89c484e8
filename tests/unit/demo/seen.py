"""Records as the demo reads them from the topics."""

from datetime import UTC, datetime, timedelta
from typing import Any

from demo.tally import Seen, Tally

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
A, B = ("webchat", "a"), ("webchat", "b")


def event(topic: str, type_: str, case: str, number: int, at: float = 1.0, id_: str = "", **data: Any) -> Seen:
    headers = {
        "ce_type": type_,
        "ce_subject": case,
        "ce_sequence": str(number),
        "ce_id": id_ or f"{topic}-{case}-{number}",
        "ce_time": (START + timedelta(seconds=at)).isoformat(),
    }
    return Seen(topic, headers, {"case_id": case, **data}, at)


def opened(case: str, contact: tuple[str, str], number: int = 1, at: float = 1.0) -> Seen:
    return event("cases.v1", "case.opened", case, number, at, contact={"source": contact[0], "id": contact[1]})


def added(case: str, contact: tuple[str, str], number: int, revision: int = 1) -> Seen:
    where = {"source": contact[0], "id": contact[1]}
    return event("cases.v1", "case.contact_added", case, number, contact=where, revision=revision)


def assigned(case: str, number: int = 3, at: float = 2.0, agent_id: str = "D001") -> Seen:
    reason = {"skill": "payments", "language": "zh"}
    return event("assignments.v1", "case.assigned", case, number, at, agent_id=agent_id, reason=reason)


def sent(case: str, number: int, notification: str, cause: str = "cases.v1-c1-1") -> Seen:
    told = {"notification_id": notification, "cause": cause}
    return event("notifications.v1", "notification.sent", case, number, **told)


def tally(*records: Seen) -> Tally:
    made = Tally({A, B}, START)
    for record in records:
        made.add(record)
    return made
