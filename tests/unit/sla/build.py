"""Cases and their promises for the tests of sla; what a test does not care about has a plain value.

By these rules all time counts, so that a test may reckon in its head: first and next response 10 minutes, solution
100 minutes, inactivity 48 hours, an escalation's levels 10, 20 and 30 minutes. Departments are spoken to in English.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml

from services.sla.domain import owner
from services.sla.domain.fire import due, fire
from services.sla.domain.follow import follow
from services.sla.domain.reply import answer
from services.sla.domain.rules import Rules
from services.sla.domain.watch import Clock, Watch
from shared.decisions import Decision
from shared.events.assignments import AssignmentReason, CaseAssigned
from shared.events.base import EventData
from shared.events.cases import (
    CaseClosed,
    CaseContactAdded,
    CaseCustomer,
    CaseNoted,
    CaseOpened,
    CaseReclassified,
    CaseReopened,
    CaseReprioritised,
    CaseResolved,
    CaseResponded,
    CaseResumed,
    CaseWaiting,
    ContactRef,
    PriorityReason,
    Promise,
)
from shared.events.escalations import Answer, EscalationReply
from shared.ids import case_number, named
from shared.rules import files, load

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CASE = named("case", 1)
IDS = {"case_id": CASE, "number": case_number(CASE)}
REASON = AssignmentReason(skill="payments", level=4, language="zh", load=0, score=0, policy_version="test")
WHY = PriorityReason(rule="test", impact="user", urgency="high")
SHIPPED = load("sla", Rules.parse, None)


def documents() -> dict[str, Any]:
    """The shipped rules as they are read, to be spoilt by a test."""
    return {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in files("sla", None).items()}


def plain(**changes: Any) -> Rules:
    read = documents()
    limits = {"first_response": "10m", "next_response": "10m", "resolution": "100m"}
    urgent = {"first_response": "1m", "next_response": "1m", "resolution": "10m"}
    targets = {"P0": urgent, "P1": urgent, "P2": limits, "P3": limits}
    read["policies"] |= {"policies": [{"id": "plain", "calendar": "always", "targets": targets}]} | changes
    read["escalations"]["language"] = "en"
    for number, level in enumerate(read["escalations"]["levels"], start=1):
        level |= {"acknowledge_within": f"{number * 10}m", "priorities": {}}
    return Rules.parse(read)


RULES = plain()


def at(minutes: float) -> datetime:
    """So many minutes after the case was opened."""
    return NOON + timedelta(minutes=minutes)


def opened_event(**changes: Any) -> CaseOpened:
    told: dict[str, Any] = {
        **IDS, "contact_id": "contact-1", "contact": ContactRef(source="mail", id="1"), "channel": "email",
        "language": "zh", "customer": CaseCustomer(id="customer-1"), "category": ("支付问题", "发票与账单"),
        "kind": "request", "category_confidence": 0.9, "priority": "P2", "priority_reason": WHY,
        "text": "发票抬头错误，请更正",
    }  # fmt: skip
    return CaseOpened(**told | changes)


def says(text: str = "怎么还没处理？", revision: int = 1, joined_by: str = "") -> CaseContactAdded:
    ref = ContactRef(source="mail", id="2")
    said = {"contact_id": "c-2", "contact": ref, "channel": "email", "text": text}
    return CaseContactAdded(**IDS, **said, revision=revision, joined_by=joined_by)


def responds(
    text: str = "已联系财务", promise: str | None = None, until: datetime | None = None, done: datetime | None = None
) -> CaseResponded:
    """`done`: when the agent did it, where intake heard of it only later."""
    made = Promise(what=promise or "", until=until) if until else None
    return CaseResponded(**IDS, by="Z01", first=True, text=text, promise=made, happened_at=done)


def waits_for_customer(done: datetime | None = None) -> CaseWaiting:
    return CaseWaiting(**IDS, by="Z01", on="customer", happened_at=done)


def waits_for(party: str, until: datetime | None = None) -> CaseWaiting:
    return CaseWaiting(**IDS, by="Z01", on="third_party", party=party, promise_at=until)


def resumes(on: Any = "customer", by: str = "customer") -> CaseResumed:
    return CaseResumed(**IDS, by=by, on=on)


def notes(text: str = "已查账") -> CaseNoted:
    return CaseNoted(**IDS, by="Z01", text=text)


def delays(until: datetime) -> CaseNoted:
    return CaseNoted(**IDS, by="Z01", kind="delay", why="缺货", promise_at=until)


def resolves() -> CaseResolved:
    return CaseResolved(**IDS, by="Z01", resolution="已更正发票")


def closes() -> CaseClosed:
    return CaseClosed(**IDS, by="timer", how="timer")


def reopens(by: str = "customer") -> CaseReopened:
    return CaseReopened(**IDS, by=by, reason="还是错的")


def reclassifies(*to: str, by: str = "Z01") -> CaseReclassified:
    return CaseReclassified(**IDS, by=by, was=("支付问题",), to=to)


def reprioritises(to: Any) -> CaseReprioritised:
    return CaseReprioritised(**IDS, by="rules", was="P2", to=to, priority_reason=WHY)


class Story:
    """A case from its opening on: facts, the clock, and what departments say, each at its minute."""

    def __init__(self, rules: Rules = RULES, **opened: Any) -> None:
        self.rules = rules
        self.state: Watch = follow(None, NOON, event=opened_event(**opened), at=NOON, rules=rules).state
        self.events: list[EventData] = []

    def fact(self, minute: float, *events: Any, read: float | None = None) -> "Story":
        """What happened at a minute, read then or later."""
        for event in events:
            self._take(follow(self.state, at(read or minute), event=event, at=at(minute), rules=self.rules))
        return self

    def assigned(self, minute: float, agent: str = "Z01", supervisor: str = "S01") -> "Story":
        event = CaseAssigned(**IDS, agent_id=agent, supervisor=supervisor, reason=REASON, waited_s=0)
        self._take(owner.assigned(self.state, at(minute), event=event, at=at(minute), rules=self.rules))
        return self

    def clock_at(self, *minutes: float) -> "Story":
        """The timer fires then, whatever is due."""
        for minute in minutes:
            self._take(fire(self.state, at(minute), rules=self.rules))
        return self

    def until(self, minute: float) -> "Story":
        """The timer fires at each moment that falls due up to then."""
        while (next_due := due(self.state)) is not None and next_due <= at(minute):
            self._take(fire(self.state, next_due, rules=self.rules))
        return self

    def reply(self, minute: float, department: str, said: Answer, *, read: float | None = None, **more: Any) -> "Story":
        body = {"id": f"{department}-{minute}", "case_id": CASE, "department": department}
        reply = EscalationReply(**body | {"escalation_id": self.escalation.id} | more)
        now = at(read or minute)
        self._take(answer(self.state, now, reply=reply, said=said, at=at(minute), rules=self.rules))
        return self

    def _take(self, decision: Decision[Watch]) -> None:
        self.state = decision.state
        self.events += decision.events

    @property
    def escalation(self) -> Any:
        return self.state.escalations[-1]

    def clock(self, target: Any) -> Clock:
        return next(clock for clock in reversed(self.state.clocks) if clock.target == target)

    def told(self, *kinds: type[EventData]) -> list[Any]:
        """The events of these kinds, and forgotten."""
        found = [event for event in self.events if not kinds or isinstance(event, kinds)]
        self.events = []
        return found

    def lines(self) -> list[str]:
        """What was told, as `missed resolution`, and forgotten."""
        return [line_of(event) for event in self.told()]


def line_of(event: Any) -> str:
    name = event.TYPE.rpartition(".")[2]
    if hasattr(event, "target") and hasattr(event, "nth"):
        more = {"share": getattr(event, "share", None), "corrected": getattr(event, "corrected", False) or None}
        shown = "".join(f" {value if key == 'share' else key}" for key, value in more.items() if value is not None)
        return f"{name} {event.target}{shown}"
    return f"{name} {event.department} {event.level}" if hasattr(event, "department") else name


def only(lines: Iterable[str], *beginnings: str) -> list[str]:
    return [line for line in lines if line.startswith(beginnings)]
