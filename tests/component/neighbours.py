"""The services that do not run, played by the test: their events as they would give them out."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from deploy.local.paths import ROOT
from shared.clock import utc_now, wire
from shared.events.assignments import AssignmentReason, CaseAssigned, CaseQueued
from shared.events.base import CaseEvent
from shared.events.cases import CaseCustomer, CaseOpened, ContactRef, PriorityReason, Reach
from shared.ids import case_number, event_id, named
from tests.e2e.happened import disorder
from tests.e2e.house import House, Said

REASON = AssignmentReason(skill="payments", level=4, language="zh", load=0.1, score=1.5, policy_version="test")


class Neighbour:
    """A service that gives out events about cases: gap-free numbers per topic and case, and what it has seen."""

    def __init__(self, house: House, name: str) -> None:
        self._house, self._name = house, name
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._seen: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def has_seen(self, case: str, **numbers: int) -> None:
        """What its next events of the case rest on: `cases=3` for the third event of cases.v1."""
        self._seen[case] |= {f"{topic}.v1": number for topic, number in numbers.items()}

    async def says(self, *events: CaseEvent) -> str:
        """Writes them in this order; returns the id of the last."""
        id_ = ""
        for number, event in self.numbered(*events):
            id_ = await self.writes(event, number)
        return id_

    def numbered(self, *events: CaseEvent) -> list[tuple[int, CaseEvent]]:
        """Gives each its number, so that the test may write them in another order."""
        pairs = []
        for event in events:
            self._numbers[event.topic, event.case_id] += 1
            pairs.append((self._numbers[event.topic, event.case_id], event))
        return pairs

    async def writes(self, event: CaseEvent, number: int, *, decided: datetime | None = None) -> str:
        """`decided`: when the service took the decision, if that was not just now."""
        id_, case = event_id(event.topic, event.case_id, number), event.case_id
        after = ";".join(f"{topic}={n}" for topic, n in sorted(self._seen[case].items()))
        headers = {
            "ce_specversion": "1.0", "ce_id": id_, "ce_source": f"/switchboard/{self._name}", "ce_type": event.TYPE,
            "ce_subject": case, "ce_time": wire(decided or utc_now()), "ce_sequence": str(number), "ce_after": after,
            "content-type": "application/json",
        }  # fmt: skip
        raw = [(name, value.encode()) for name, value in headers.items() if value]
        await self._house.say(event.topic, event.model_dump_json().encode(), key=case, headers=raw)
        return id_


def case_opened(name: str, **changes: Any) -> CaseOpened:
    """A case as intake would open it: somebody was charged twice."""
    case = named("case", "component", name)
    told: dict[str, Any] = {
        "case_id": case, "number": case_number(case), "contact_id": named("contact", name),
        "contact": ContactRef(source="test", id=name), "channel": "phone", "language": "zh",
        "customer": CaseCustomer(id=named("customer", name), reach=Reach(name="王芳", phone="+8613800138000")),
        "category": ("支付问题", "退款异常", "重复扣款"), "kind": "fault", "category_confidence": 0.9, "priority": "P2",
        "priority_reason": PriorityReason(rule="default", impact="one", urgency="normal"), "text": "重复扣款",
    }  # fmt: skip
    return CaseOpened(**told | changes)


def ids(case: str) -> dict[str, str]:
    return {"case_id": case, "number": case_number(case)}


def case_queued(case: str) -> CaseQueued:
    return CaseQueued(**ids(case), pool="payments.zh", priority="P2", why="opened")


def case_assigned(case: str, agent_id: str = "Z01", name: str = "林悦", team: str = "支付组") -> CaseAssigned:
    return CaseAssigned(**ids(case), agent_id=agent_id, agent_name=name, team=team, reason=REASON, waited_s=3.0)


def put_rules(directory: Path, service: str, file: str, **changes: Any) -> None:
    """Puts a shipped rule file with some values changed into the operator's directory."""
    shipped = yaml.safe_load((ROOT / "services" / service / "rules" / f"{file}.yaml").read_text(encoding="utf-8"))
    target = directory / service / f"{file}.yaml"
    target.parent.mkdir(exist_ok=True)
    part = target.with_suffix(".part")
    part.write_text(yaml.safe_dump({**shipped, **changes}, allow_unicode=True), encoding="utf-8")
    part.replace(target)


async def nothing_changes_when_read_again(
    house: House, service: str, reads: tuple[str, ...], gives: tuple[str, ...]
) -> None:
    """Every record of its topics comes once more, from the very first on, and the service stays as it is."""
    await house.quiet()
    before, given_out, told = await house.documents(service), await house.ends(*gives), house.told()
    records = await house.said(*reads)
    assert records
    for record in records:
        await _again(house, record)
    await house.quiet()
    assert await house.documents(service) == before
    assert await house.ends(*gives) == given_out
    assert house.told() == told
    assert disorder(await house.said(*gives)) == []


async def _again(house: House, record: Said) -> None:
    key = record.key.decode() if record.key is not None else None
    await house.say(record.topic, record.value, key=key, headers=record.raw_headers, partition=record.partition)
