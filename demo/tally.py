"""What the topics say came of the contacts fed: a fold over records, with no I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demo.circle import Circle
from demo.lines import Identity
from shared.events.escalations import TOPICS as ESCALATIONS

TOPICS = ("cases.v1", "assignments.v1", "notifications.v1", "sla.v1", "feedback.v1", *ESCALATIONS)
CONTACTS_ASIDE, WORK_ASIDE, REPLIES_ASIDE = "contacts.v1.dlq", "work.v1.dlq", "escalation-replies.v1.dlq"
SET_ASIDE = (CONTACTS_ASIDE, WORK_ASIDE, REPLIES_ASIDE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One record as a reader outside sees it. `at`: seconds, when it was read."""

    topic: str
    headers: Mapping[str, str]
    data: Mapping[str, Any]
    at: float


def _nobody(_type: str, _data: Mapping[str, Any]) -> None:
    """Nobody reads along."""


class Tally:
    """Counts only what concerns the contacts given, and what happened since `since`.

    A record that comes again counts once; what happened before is given out again by a service that restarts.
    `reader` is shown each event once.
    """

    def __init__(self, contacts: Collection[Identity], since: datetime) -> None:
        self._contacts, self._since = frozenset(contacts), since
        self.opened: dict[str, float] = {}
        self.cases_of: defaultdict[Identity, set[str]] = defaultdict(set)
        self.joined: set[Identity] = set()
        self.amended: set[tuple[Identity, int]] = set()
        self.assigned: dict[str, float] = {}
        self.resolved: set[str] = set()
        self._reasons: dict[str, Mapping[str, Any]] = {}
        self.circle = Circle()
        self.reader: Callable[[str, Mapping[str, Any]], None] = _nobody
        self.sent: set[str] = set()
        self.outcomes: defaultdict[str, int] = defaultdict(int)
        self.aside: defaultdict[str, set[str]] = defaultdict(set)
        self.records = 0
        self.disorder: list[str] = []
        self._ids: dict[tuple[str, str, int], str] = {}
        self._last: dict[tuple[str, str], int] = {}
        self._first: dict[tuple[str, str], int] = {}

    def add(self, seen: Seen) -> None:
        self.records += 1
        if seen.topic in SET_ASIDE:
            self.aside[seen.topic].add(seen.headers.get("switchboard_place", str(self.records)))
        elif datetime.fromisoformat(seen.headers["ce_time"]) >= self._since and self._in_sequence(seen):
            self._count(seen)

    def knows_all(self) -> bool:
        """Whether every contact has been seen on cases.v1; never so for those that had come before."""
        return self.cases_of.keys() >= self._contacts

    def waiting(self) -> list[str]:
        """The cases opened for our contacts that nobody has yet, oldest first."""
        return [case for case in self.opened if case not in self.assigned]

    def first_assigned(self) -> Mapping[str, Any] | None:
        """The event that first gave one of the new cases to somebody; case.opened may be read after it."""
        return next((data for case, data in self._reasons.items() if case in self.opened), None)

    def first_assigned_at(self) -> float | None:
        return min((at for case, at in self.assigned.items() if case in self.opened), default=None)

    def resolved_now(self) -> int:
        """How many of the new cases are resolved; old events may be given out again."""
        return sum(case in self.opened for case in self.resolved)

    def all_assigned_at(self) -> float | None:
        times = [self.assigned[case] for case in self.opened if case in self.assigned]
        return max(times, default=None)

    def late_starts(self) -> list[str]:
        """Topics and cases of ours whose numbers do not begin with 1."""
        return [
            f"{topic} of {case} begins with {first}"
            for (topic, case), first in self._first.items()
            if case in self.opened and first != 1
        ]

    def _in_sequence(self, seen: Seen) -> bool:
        """Whether the record is new. Notes a gap, and a number that is used twice."""
        subject, number, id_ = (
            seen.headers["ce_subject"], int(seen.headers["ce_sequence"]), seen.headers["ce_id"],
        )  # fmt: skip
        stream = seen.topic, subject
        if (known := self._ids.get((*stream, number))) is not None:
            if known != id_:
                self.disorder.append(f"{seen.topic} of {subject}: number {number} was given to two events")
            return False
        last = self._last.get(stream)
        if last is not None and number != last + 1:
            self.disorder.append(f"{seen.topic} of {subject}: {number} came after {last}")
        self._first.setdefault(stream, number)
        self._ids[*stream, number] = id_
        self._last[stream] = max(number, last or 0)
        return True

    def _count(self, seen: Seen) -> None:
        case = str(seen.data.get("case_id", ""))
        self.circle.add(seen.headers["ce_type"], case, seen.data, seen.at, seen.headers["ce_id"])
        self.reader(seen.headers["ce_type"], seen.data)
        match seen.headers["ce_type"]:
            case "case.opened" | "case.contact_added":
                self._contact(seen, case)
            case "case.assigned":
                self._assigned(seen, case)
            case "case.resolved":
                self.resolved.add(case)
            case type_ if type_.startswith("notification."):
                self.outcomes[type_] += 1
                if type_ == "notification.sent":
                    self.sent.add(str(seen.data["notification_id"]))

    def _contact(self, seen: Seen, case: str) -> None:
        contact = seen.data["contact"]["source"], seen.data["contact"]["id"]
        if contact not in self._contacts:
            return
        if (revision := int(seen.data.get("revision", 1))) > 1:
            self.amended.add((contact, revision))
            return
        self.cases_of[contact].add(case)
        if seen.headers["ce_type"] == "case.opened":
            self.opened[case] = seen.at
        else:
            self.joined.add(contact)

    def _assigned(self, seen: Seen, case: str) -> None:
        self.assigned.setdefault(case, seen.at)
        self._reasons.setdefault(case, seen.data)
