"""What the stories are made of: contacts posted, cases taken, facts read from topics, doors and the provider's file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.agents import comes_online, is_there, work
from tests.e2e.house import House
from tests.waiting import eventually

WITHIN_S = 30.0
SHIPPED = pytest.mark.parametrize("house", ["shipped"], indirect=True)
FAST = pytest.mark.parametrize("house", ["an hour lasts a second"], indirect=True)


def is_fast(house: House) -> bool:
    """Whether an hour of its rules lasts a second."""
    return "SWITCHBOARD_RULES" in house.env


async def posted(house: House, id_: str, text: str, **more: Any) -> dict[str, Any]:
    """POST /v1/contacts by somebody who can be told by text message; the answer's body."""
    contact = {
        "source": "story", "id": id_, "channel": "phone", "text": text,
        "customer": {"name": "王芳", "phone": "+8613800138000", "language": "zh"}, **more,
    }  # fmt: skip
    answer = await house.ask("POST", "intake", "/v1/contacts", contact)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def nobody_on_duty(house: House, but: str = "") -> None:
    """Whoever another story left online goes on a break."""
    for agent in (await house.get("routing", "/v1/agents", state="online", limit="500"))["items"]:
        if agent["agent_id"] != but:
            await is_there(house, agent["agent_id"], "break")


async def on_duty(house: House, agent_id: str, **profile: Any) -> None:
    """He alone."""
    await nobody_on_duty(house, but=agent_id)
    await comes_online(house, agent_id, **profile)


async def accepted(house: House, case: str, agent_id: str) -> None:
    """The case is offered to the agent, and he accepts it."""
    await happened(house, case, "case.offered", agent_id=agent_id)
    await work(house, "accepted", agent_id, case)
    await happened(house, case, "case.assigned")


async def events(house: House, case: str, type_: str, *topics: str) -> list[dict[str, Any]]:
    """The data of a case's events of one type, each once, in order."""
    said = {one.id: one for one in await house.said(*topics) if (one.subject, one.type) == (case, type_)}
    return [one.data for one in sorted(said.values(), key=lambda one: one.sequence)]


async def happened(
    house: House, case: str, type_: str, count: int = 1, within: float = WITHIN_S, **fields: Any
) -> list[dict[str, Any]]:
    """The same, of those with these fields, as soon as there are so many."""
    topics = TOPICS[type_.partition(".")[0]] if type_ not in OTHERS else OTHERS[type_]

    async def so_many() -> list[dict[str, Any]]:
        found = [data for data in await events(house, case, type_, *topics) if fields.items() <= data.items()]
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = await eventually(so_many, within)
    return found


def lines(house: House, case: str, template: str, **fields: Any) -> list[dict[str, Any]]:
    """What was told about a case, by template."""
    told = [line for line in house.told() if (line["case_id"], line["template"]) == (case, template)]
    return [line for line in told if fields.items() <= line.items()]


async def told(house: House, case: str, template: str, within: float = WITHIN_S, **fields: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = await eventually(lambda: lines(house, case, template, **fields), within)
    assert len(found) == 1, found
    return found[0]


async def shown(house: House, service: str, path: str, when: Callable[[Any], bool]) -> Any:
    """The answer of a door as soon as it is as wanted; a 404 is not yet."""

    async def wanted() -> Any:
        answer = await house.ask("GET", service, path)
        return answer.json() if answer.status_code == 200 and when(answer.json()) else None

    return await eventually(wanted, WITHIN_S)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


ESCALATIONS = tuple(f"escalations.{department}.v1" for department in (
    "frontline", "technical", "logistics", "quality", "rnd", "production", "legal", "payment", "management", "sales",
    "product", "marketing", "operations",
))  # fmt: skip
TOPICS = {
    "case": ("cases.v1",), "target": ("sla.v1",), "clock": ("sla.v1",), "escalation": ESCALATIONS,
    "survey": ("feedback.v1",), "improvement": ("feedback.v1",), "notification": ("notifications.v1",),
}  # fmt: skip
OTHERS = {
    **dict.fromkeys(("case.queued", "case.offered", "case.assigned", "case.unassigned"), ("assignments.v1",)),
    "escalation.answered": ("sla.v1",),
}
Eventually = Callable[[], Awaitable[Any]]
