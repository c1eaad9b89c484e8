"""One contact through all five services, by their HTTP doors alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import yaml

from deploy.local.paths import ROOT
from tests.e2e.agents import READY
from tests.waiting import eventually

PATIENCE_S = 60.0
AGENT = "Z01"
PROFILE = {
    "name": "林悦", "team": "支付组", "skills": {"payments": 4}, "languages": ["zh"], "capacity": {"total": 2},
}  # fmt: skip
CONTACT = {
    "source": "hotline", "id": "call-1", "channel": "phone", "subject": "重复扣款",
    "customer": {"name": "王芳", "phone": "+8613800138000", "language": "zh"},
    "text": "昨天支付了两次，订单 A20261121-553，请尽快退款",
}  # fmt: skip


def quick_surveys() -> str:
    """The shipped rules, but for the hour that a customer is left alone after closing."""
    shipped = yaml.safe_load((ROOT / "services" / "feedback" / "rules" / "surveys.yaml").read_text())
    return yaml.safe_dump({**shipped, "ask_after": "1s"}, allow_unicode=True)


class Doors:
    def __init__(self, client: httpx.AsyncClient, addresses: Mapping[str, str], key: str) -> None:
        self._client, self._addresses, self._key = client, addresses, key

    async def ask(self, method: str, service: str, path: str, body: Any = None) -> Any:
        """What is answered to a request that has to succeed; asked again while it is too early."""

        async def answered() -> httpx.Response | None:
            answer = await self._send(method, service, path, body)
            return None if answer.status_code == 503 else answer

        answer: httpx.Response = await eventually(answered, PATIENCE_S)
        assert answer.is_success, f"{service} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def get(self, service: str, path: str) -> Any:
        """None while the service does not know the case."""
        answer = await self._send("GET", service, path)
        return answer.json() if answer.is_success else None

    async def _send(self, method: str, service: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._key}"}
        return await self._client.request(method, self._addresses[service] + path, json=body, headers=headers)

    async def work(self, verb: str, case: str, **what: Any) -> None:
        said = {"type": verb, "id": f"{case}:{verb}", "agent_id": AGENT, "case_id": case, "at": now(), **what}
        await self.ask("POST", "intake", "/v1/work", said)


async def one_contact_through_all(doors: Doors) -> None:
    """Opened, queued, offered, accepted, told, resolved, closed; the promise is met and the customer is asked."""
    await doors.ask("PUT", "routing", f"/v1/agents/{AGENT}", {**PROFILE, "at": now()})
    here = {"state": "online", "readiness": READY, "at": now()}
    await doors.ask("POST", "routing", f"/v1/agents/{AGENT}/presence", here)

    received = await doors.ask("POST", "intake", "/v1/contacts", CONTACT)
    case = received["case_id"]
    await eventually(lambda: _routed(doors, case, "offered"), PATIENCE_S)
    await doors.work("accepted", case)
    await eventually(lambda: _routed(doors, case, "assigned"), PATIENCE_S)
    await eventually(lambda: _is(doors, case, "assigned"), PATIENCE_S)
    await doors.work("resolved", case, text="已退款", result="多扣的款项已原路退回")
    await doors.work("closed", case, text="客户已确认")

    await eventually(lambda: _met(doors, case, "resolution"), PATIENCE_S)
    await eventually(lambda: _told(doors, case, ["received", "assigned", "resolved", "survey"]), PATIENCE_S)


async def _routed(doors: Doors, case: str, status: str) -> bool:
    found = await doors.get("routing", f"/v1/cases/{case}/routing")
    return found is not None and found["status"] == status


async def _is(doors: Doors, case: str, status: str) -> bool:
    return bool((await doors.ask("GET", "intake", f"/v1/cases/{case}"))["status"] == status)


async def _met(doors: Doors, case: str, target: str) -> bool:
    found = await doors.get("sla", f"/v1/cases/{case}/targets") or {"targets": ()}
    return any((one["target"], one["state"]) == (target, "met") for one in found["targets"])


async def _told(doors: Doors, case: str, templates: list[str]) -> bool:
    found = await doors.get("notify", f"/v1/notifications?case={case}") or {"items": ()}
    told = [one for one in found["items"] if one["state"] == "sent"]
    return {one["template"]["id"] for one in told} >= set(templates)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
