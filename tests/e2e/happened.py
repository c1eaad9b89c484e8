"""What the topics and the provider's file say came to pass, and whether it fits together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from shared.events.escalations import TOPICS as ESCALATIONS
from tests.e2e.house import PATIENCE_S, House, Said
from tests.waiting import eventually

OURS = (
    "cases.v1", "assignments.v1", "sla.v1", "feedback.v1", "notifications.v1", "customers.v1", *ESCALATIONS
)  # fmt: skip
TOLD_OF = {"case.opened": "received", "case.assigned": "assigned", "case.resolved": "resolved"}
Identity = tuple[str, str]


class Story:
    """Everything about the cases of some contacts, each event once. `said`: all that our topics hold."""

    def __init__(self, said: Iterable[Said], told: Iterable[dict[str, Any]], contacts: Collection[Identity]) -> None:
        said = list(said)
        wanted = set(contacts)
        self.contacts = wanted
        self.cases_of: dict[Identity, set[str]] = defaultdict(set)
        for one in said:
            if one.type in ("case.opened", "case.contact_added") and (contact := _contact(one)) in wanted:
                self.cases_of[contact].add(one.subject)
        cases = {case for some in self.cases_of.values() for case in some}
        self.disorder = disorder(said)
        self.events = list({one.id: one for one in said if one.subject in cases}.values())
        self.told = [line for line in told if line["case_id"] in cases]

    def of(self, *types: str) -> list[Said]:
        return [event for event in self.events if event.type in types]

    @property
    def opened(self) -> set[str]:
        return {event.subject for event in self.of("case.opened")}

    @property
    def joined(self) -> int:
        return len({_contact(one) for one in self.of("case.contact_added") if one.data["revision"] == 1})

    @property
    def assigned(self) -> set[str]:
        return {event.subject for event in self.of("case.assigned")}

    @property
    def resolved(self) -> set[str]:
        return {event.subject for event in self.of("case.resolved")}

    def told_by(self, template: str) -> list[dict[str, Any]]:
        return [line for line in self.told if line["template"] == template]

    def contacts_not_in_one_case(self) -> list[Identity]:
        return [contact for contact in self.contacts if len(self.cases_of.get(contact, ())) != 1]

    def told_twice(self) -> list[str]:
        counts = Counter(line["notification_id"] for line in self.told)
        return [id_ for id_, count in counts.items() if count > 1]

    def untrue(self) -> list[str]:
        """Words to a customer without an event that says so, and events of which a customer should have heard."""
        causes = {event.id: event for event in self.of(*TOLD_OF)}
        outcomes: dict[str, list[Said]] = defaultdict(list)
        for event in self.of("notification.sent", "notification.suppressed", "notification.failed"):
            if event.data["template"]["id"] in TOLD_OF.values():  # staff may be told of the same
                outcomes[event.data["cause"]].append(event)
        sent = {e.data["notification_id"]: e for es in outcomes.values() for e in es if e.type == "notification.sent"}
        lines = {line["notification_id"]: line for line in self.told if line["template"] in TOLD_OF.values()}
        found = [f"told and not said to be: {id_}" for id_ in lines.keys() - sent.keys()]
        found += [f"said to be told and not told: {id_}" for id_ in sent.keys() - lines.keys()]
        found += [wrong for id_ in lines.keys() & sent.keys() if (wrong := _misfit(lines[id_], sent[id_], causes))]
        changes = self._changes_of_agent()
        for id_, event in causes.items():
            if len(outcomes[id_]) != (event.type != "case.assigned" or id_ in changes):
                found.append(f"{event.type} of {event.subject} has {len(outcomes[id_])} outcomes")
        return found

    def _changes_of_agent(self) -> set[str]:
        """An agent presents himself once, not again when he gets a case back that nobody else had meanwhile."""
        last: dict[str, str] = {}
        changes = set()
        for event in sorted(self.of("case.assigned"), key=lambda event: event.sequence):
            if last.get(event.subject) != event.data["agent_id"]:
                changes.add(event.id)
            last[event.subject] = event.data["agent_id"]
        return changes


def _misfit(line: dict[str, Any], sent: Said, causes: dict[str, Said]) -> str:
    cause = causes.get(sent.data["cause"])
    if cause is None or cause.subject != line["case_id"]:
        return f"{line['template']} of {line['case_id']} has no cause"
    if TOLD_OF[cause.type] != line["template"] or cause.data["number"] not in line["text"]:
        return f"{line['template']} of {line['case_id']} tells of {cause.type}"
    if cause.type == "case.assigned" and cause.data["agent_id"] not in line["text"]:
        return f"{line['case_id']} was assigned to {cause.data['agent_id']}, told was: {line['text']}"
    return ""


def disorder(said: Iterable[Said]) -> list[str]:
    """Gaps, and numbers given to two events, per topic and subject; whoever repeats must repeat word for word."""
    seen: dict[tuple[str, str], dict[int, tuple[str, bytes | None]]] = defaultdict(dict)
    found = []
    for one in said:
        stream, content = seen[one.topic, one.subject], (one.id, one.value)
        known = stream.setdefault(one.sequence, content)
        if known != content:
            found.append(f"{one.topic} of {one.subject}: number {one.sequence} was given to two events")
        elif one.sequence > len(stream):
            found.append(f"{one.topic} of {one.subject}: {one.sequence} came after {len(stream) - 1}")
    return found


async def story(house: House, contacts: Collection[Identity], topics: Sequence[str] = OURS) -> Story:
    return Story(await house.said(*topics), house.told(), contacts)


async def eventually_assigned(house: House, contacts: Collection[Identity]) -> None:
    async def every_contact_and_case() -> bool:
        now = await story(house, contacts, ("cases.v1", "assignments.v1"))
        return now.cases_of.keys() == now.contacts and now.assigned == now.opened

    await eventually(every_contact_and_case, within=PATIENCE_S)


def assert_sound(happened: Story) -> None:
    """Every contact in one case, every number given once and in order, every word to a customer true and said once."""
    assert happened.contacts_not_in_one_case() == []
    assert happened.disorder == []
    assert happened.told_twice() == []
    assert happened.untrue() == []


def _contact(event: Said) -> Identity:
    contact = event.data["contact"]
    return contact["source"], contact["id"]
