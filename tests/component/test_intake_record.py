"""What stands on a case, over a real broker and database: facts against a customer system, the record, bursts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.clock import utc_now, wire
from shared.events.incidents import IncidentDeclared
from shared.ids import event_id
from tests.component.conftest import Alone
from tests.component.neighbours import put_rules
from tests.component.test_intake import arrives, contact, given_out, shown
from tests.e2e.agents import now
from tests.e2e.house import House, Said
from tests.waiting import eventually

pytestmark = pytest.mark.stack
WANG = {"name": "王芳", "phone": "+8613800138000"}
AT_WORK = {"phone": "+8613900139000"}
"""Her other number."""
OUTAGE = "系统崩溃，上海所有门店无法使用，不能收款"


class Crm:
    """A customer system over HTTP, which answers once it is `well`; until then it keeps everybody waiting."""

    def __init__(self) -> None:
        self.well = asyncio.Event()
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        asked = json.loads(await reader.readexactly(length))
        self.asked.append(asked)
        await self.well.wait()
        body = json.dumps(self.known(asked)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    def known(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Wang's orders begin with A, other people's with B; his device is an E500 under warranty."""
        entitlements = [{"name": "延保", "until": "2027-05-01", "of": "SN88210"}, {"name": "优先服务"}]
        customer = {"id": "C1", "tier": "gold", "entitlements": entitlements}
        facts: dict[str, Any] = {}
        if order := asked["facts"].get("order"):
            others = {"customer": "C2", "facts": {"serial": "SN-SECRET"}}
            facts["order"] = {"customer": "C1", "facts": {}} if order.startswith("A") else others
        if asked["facts"].get("serial"):
            facts["serial"] = {"customer": "C1", "facts": {"device_model": "E500"}}
        known = {f"phone:{one['phone']}" for one in (WANG, AT_WORK)} & set(asked["points"])
        return {"source": "crm", "customer": customer if known else None, "facts": facts}


@pytest.fixture(scope="module")
async def crm() -> AsyncIterator[Crm]:
    crm = Crm()
    server = await asyncio.start_server(crm.answer, "127.0.0.1", 0)
    crm.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/look"
    yield crm
    crm.well.set()
    server.close()


@pytest.fixture(scope="module")
async def intake(alone: Alone, rules: Path, crm: Crm) -> AsyncIterator[House]:
    put_rules(rules, "intake", "facts", look_up={"again_after_s": 1, "longest_s": 1, "times": 100})
    put_rules(rules, "intake", "bursts", look_every_s=1)
    async with alone("intake", SWITCHBOARD_LOOKUP=crm.url, SWITCHBOARD_LOOKUP_WITHIN_MS="200") as house:
        await house.say("agents.v1", {"type": "agent.updated", "agent_id": "Z01", "at": now()}, key="Z01")
        yield house


@asynccontextmanager
async def answering(crm: Crm) -> AsyncIterator[None]:
    crm.well.set()
    yield
    crm.well.clear()


async def does(intake: House, verb: str, case: str, **what: Any) -> Any:
    body = {"type": verb, "id": f"{case}:{verb}:{json.dumps(what)}"[:200], "agent_id": "Z01", "case_id": case, **what}
    return await intake.ask("POST", "intake", "/v1/work", body)


def statuses(seen: dict[str, Any]) -> dict[str, str]:
    return {check["fact"]: check["status"] for check in seen["fact_checks"]}


async def test_IN_8_a_slow_crm_keeps_no_contact_waiting_and_is_asked_again(intake: House, crm: Crm) -> None:
    case = (await arrives(intake, contact("slow", "订单 B20261121-553 还没到", customer=WANG)))["case_id"]
    seen = await shown(intake, case)
    assert (statuses(seen), seen["flags"], seen["tier"]) == ({"order": "unchecked"}, [], None)

    async def checked() -> Any:
        found = await shown(intake, case)
        return found if statuses(found) == {"order": "mismatch"} else None

    async with answering(crm):
        seen = await eventually(checked, 60)
    assert (seen["flags"], seen["tier"]) == (["fact_mismatch"], "gold")
    assert [entitlement["name"] for entitlement in seen["entitlements"]] == ["warranty", "priority"]
    assert "SN-SECRET" not in json.dumps(seen), "nothing of another customer is shown"
    await intake.quiet()
    told = {said.id: said for said in await given_out(intake, case)}.values()
    assert [said.type for said in told] == ["case.opened", "case.facts_checked"]
    assert [said.data["fact_checks"][0]["status"] for said in told] == ["unchecked", "mismatch"]


async def test_IN_8_IN_24_a_quick_crm_is_heard_before_the_case_is_opened(intake: House, crm: Crm) -> None:
    text = "打印机E300开不了机，序列号SN88210，订单 A20261121-777"

    async def opened() -> dict[str, Any]:
        """A breaker that is still open lets one through after its pause."""
        body = contact(f"quick-{len(crm.asked)}", text, customer=AT_WORK)
        answer = await intake.ask("POST", "intake", "/v1/contacts", body)
        assert answer.status_code == 201
        seen = await shown(intake, answer.json()["case_id"])
        return seen if statuses(seen)["order"] != "unchecked" else {}

    async with answering(crm):
        seen = await eventually(opened, 60)
    assert statuses(seen) == {"order": "confirmed", "serial": "confirmed", "device_model": "mismatch"}
    (wrong,) = [check for check in seen["fact_checks"] if check["status"] == "mismatch"]
    assert (wrong["why"], wrong["expected"]) == ("other_serial", "E500")
    customer = await intake.get("intake", "/v1/customers", phone=AT_WORK["phone"])
    assert (customer["tier"], customer["entitlements"][0]["until"]) == ("gold", "2027-05-01")


async def test_IN_16_IN_23_RT_13_RT_15_the_record_over_http(intake: House) -> None:
    case = (await arrives(intake, contact("record", "扫描仪S9坏了", customer={"app_id": "record"})))["case_id"]
    assert (await shown(intake, case))["owner"]["kind"] == "routing"
    said = {"text": "扫描仪无法开机，已远程看过", "demand": "repair"}
    assert (await does(intake, "summarised", case, **said)).status_code == 200
    assert (
        await does(intake, "noted", case, text="远程", tried=["重装驱动"], remote={"channel": "todesk"})
    ).status_code == 200
    refused = await does(intake, "closed", case, result="已修好")
    assert (refused.status_code, refused.json()["field"]) == (422, "remote.recording")
    recording = {"recording": "https://files.example/r/1"}
    assert (await does(intake, "closed", case, result="已修好", remote=recording)).status_code == 200
    seen = await shown(intake, case)
    assert seen["summary"].startswith("扫描仪无法开机，已远程看过 | ")
    assert (seen["demand"], seen["tried"], seen["owner"]["kind"]) == ("repair", ["重装驱动"], "nobody")
    assert seen["remote"] == [{"channel": "todesk", **recording}]


async def declares(intake: House, incident: IncidentDeclared) -> None:
    id_, key = event_id(incident.TOPIC, incident.incident_id, 1), incident.incident_id
    headers = {
        "ce_specversion": "1.0", "ce_id": id_, "ce_source": "/switchboard/sla", "ce_type": incident.TYPE,
        "ce_subject": key, "ce_time": wire(utc_now()), "ce_sequence": "1", "content-type": "application/json",
    }  # fmt: skip
    raw = [(name, value.encode()) for name, value in headers.items()]
    await intake.say(incident.TOPIC, incident.model_dump_json().encode(), key=key, headers=raw)


async def test_IN_14_alike_contacts_are_a_burst_and_linked_once_sla_declares_the_incident(intake: House) -> None:
    ids = [f"outage-{n}" for n in range(12)]
    for n, id_ in enumerate(ids):
        body = contact(id_, f"{OUTAGE} 第{n}家", source="store-line", customer={"app_id": id_})
        assert (await intake.ask("POST", "intake", "/v1/contacts", body)).status_code == 201
    cases = {(await intake.get("intake", "/v1/contacts", source="store-line", id=id_))["case_id"] for id_ in ids}

    async def noticed() -> list[Said]:
        said = [one for one in await intake.said("cases.v1") if one.type == "burst.noticed"]
        return said if {case for one in said for case in one.data["cases"]} >= cases else []

    told = await eventually(noticed, 60)
    assert len({one.data["burst_id"] for one in told}) == 1
    burst = told[0]
    assert burst.key == burst.data["burst_id"].encode()
    assert burst.data["category"][0] == "技术故障"

    await declares(intake, IncidentDeclared(incident_id="i-shanghai", title="上海系统中断", cases=tuple(sorted(cases))))

    async def all_linked() -> bool:
        found = [await shown(intake, case) for case in cases]
        return all(
            any(link["to"] == "i-shanghai" for link in one["links"]) and "incident" in one["flags"] for one in found
        )

    await eventually(all_linked, 30)
    await intake.quiet()
    linked = [one for one in await intake.said("cases.v1") if one.type == "case.linked"]
    assert sorted({one.subject for one in linked}) == sorted(cases)
    assert len({one.id for one in linked}) == len(cases), "each is told once"
