"""Routing's HTTP door over a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import FastAPI

from services.routing.app import assemble
from services.routing.board import Board
from services.routing.settings import Settings
from shared.access import Keys, new_key
from shared.clock import utc_now
from shared.events.base import Event, EventData
from shared.events.work import Work
from shared.http import install_problems
from shared.ids import event_id
from shared.metrics import Metrics
from shared.mongo import connect
from shared.outbox import Publication
from shared.service import Core, Running, build
from shared.work import set_up
from tests.unit.routing.makers import ALL_READY, opened

ZHANG = {"name": "张伟", "team": "front", "skills": {"payments": 4}, "languages": ["zh"], "capacity": {"total": 1}}


@dataclass
class Published:
    """A broker that takes everything."""

    records: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def send(self, records: Sequence[Publication]) -> Sequence[asyncio.Future[Any]]:
        self.records += [
            (topic, dict(headers).get("ce_type", b"").decode(), json.loads(value or b""))
            for topic, _, value, headers in records
        ]
        return ()


@dataclass
class Routing:
    """One process of routing, driven by hand."""

    running: Running
    producer: Published
    http: httpx.AsyncClient
    keys: dict[str, str]

    @property
    def desk(self) -> Any:
        return self.running.parts.after.__self__  # type: ignore[attr-defined]

    async def read(self, data: EventData, sequence: int | None, subject: str, type_: str | None = None) -> None:
        event = Event(
            topic=data.TOPIC, type=type_ or data.TYPE, subject=subject, id=event_id(data.TOPIC, subject, sequence or 0),
            time=utc_now(), data=data.model_dump(mode="json"), sequence=sequence,
        )  # fmt: skip
        door = self.running.parts.doors[data.TOPIC][0]
        change = door.prepare(event)
        assert change is not None
        await self.running.parts.after(await door.store.apply([change], recorded=True))

    async def accepted(self, agent_id: str, case_id: str) -> None:
        await self.read(
            Work(id=f"accept {case_id}", agent_id=agent_id, case_id=case_id), None, case_id, "work.accepted"
        )

    async def ask(
        self, method: str, path: str, body: Any = None, role: str = "supervisor", **headers: str
    ) -> httpx.Response:
        said = {"Authorization": f"Bearer {self.keys[role]}", **headers}
        return await self.http.request(method, path, json=body, headers=said)

    async def online(self, agent_id: str, **profile: Any) -> None:
        assert (await self.ask("PUT", f"/v1/agents/{agent_id}", ZHANG | profile)).status_code == 200
        said = {"state": "online", "readiness": ALL_READY}
        assert (await self.ask("POST", f"/v1/agents/{agent_id}/presence", said)).status_code == 200


@pytest.fixture
async def routing(mongo: str, database: str, tmp_path: Path) -> AsyncIterator[Routing]:
    client, keys, entries = connect(mongo), {}, []
    for role in ("supervisor", "agent", "channel", "auditor"):
        keys[role], entry = new_key(role, role, None)
        entries.append(entry)
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump(entries))
    producer = Published()
    settings = Settings.model_construct(partitions=12, rules=None)
    running = build(core := Core("routing", settings, client[database], producer, Metrics("routing")), assemble(core))
    await set_up(running)
    running.ownership.assign((topic, n) for topic in running.parts.keyed for n in range(12))
    running.parts.workers(running)
    app = FastAPI()
    app.state.running, app.state.keys = running, Keys(tmp_path / "keys.yaml")
    install_problems(app, lambda error: None)
    app.include_router(running.parts.router(running))  # type: ignore[misc]
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://routing")
    yield Routing(running, producer, http, keys)
    await running.parts.relay.settle()
    await http.aclose()
    await client.close()


async def test_an_agent_is_made_shown_and_listed_and_the_topic_holds_it(routing: Routing) -> None:
    made = await routing.ask("PUT", "/v1/agents/Z01", ZHANG)
    assert made.status_code == 200
    assert (made.json()["state"], made.json()["places"], made.json()["load"]) == ("offline", 1, 0)
    assert (await routing.ask("GET", "/v1/agents/Z01")).json() == made.json()
    await routing.ask("PUT", "/v1/agents/Z02", ZHANG)
    first = (await routing.ask("GET", "/v1/agents?limit=1")).json()
    assert ([a["agent_id"] for a in first["items"]], first["next"]) == (["Z01"], "Z01")
    rest = (await routing.ask("GET", "/v1/agents?limit=1&after=Z01")).json()
    assert ([a["agent_id"] for a in rest["items"]], rest["next"]) == (["Z02"], None)
    await routing.running.parts.relay.settle()
    topic, type_, value = routing.producer.records[0]
    assert (topic, type_, value["agent_id"], value["name"]) == ("agents.v1", "agent.updated", "Z01", "张伟")


async def test_S9_online_with_unread_updates_is_refused_and_the_item_named(routing: Routing) -> None:
    await routing.ask("PUT", "/v1/agents/Z01", ZHANG)
    said = {"state": "online", "readiness": ALL_READY | {"updates_read": False}}
    refused = await routing.ask("POST", "/v1/agents/Z01/presence", said, "agent")
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert (refused.json()["type"], refused.json()["field"]) == ("/problems/not_ready", "readiness")
    assert "updates_read" in refused.json()["detail"]
    ready = await routing.ask("POST", "/v1/agents/Z01/presence", {"state": "online", "readiness": ALL_READY}, "agent")
    assert (ready.status_code, ready.json()["state"]) == (200, "online")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "/v1/agents/nobody/presence", {"state": "offline"}, 404, "agent_id"),
        ("GET", "/v1/agents/nobody", None, 404, "agent_id"),
        ("PUT", "/v1/agents/Z01", {"skills": {"payments": 9}}, 422, "skills.payments"),
        ("PUT", "/v1/agents/Z01", {"agent_id": "Z02"}, 422, "agent_id"),
        ("PUT", "/v1/agents/Z01", [1], 422, "body"),
        ("PUT", "/v1/agents/Z01", {"at": "2999-01-01T00:00:00Z"}, 422, "at"),
        ("POST", "/v1/agents/Z01/presence", {"state": "asleep"}, 422, "state"),
        ("GET", "/v1/cases/unheard-of/routing", None, 404, "case"),
    ],
)
async def test_what_is_wrong_is_answered_with_the_field_at_fault(
    routing: Routing, method: str, path: str, body: Any, status: int, field: str
) -> None:
    answer = await routing.ask(method, path, body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("channel", "GET", "/v1/pools", 403),
        ("agent", "PUT", "/v1/agents/Z01", 403),
        ("auditor", "PUT", "/v1/agents/Z01", 403),
        ("auditor", "GET", "/v1/pools", 200),
        ("agent", "GET", "/board", 403),
        ("supervisor", "GET", "/board", 200),
    ],
)
async def test_PF_1_only_who_may_does(routing: Routing, role: str, method: str, path: str, status: int) -> None:
    assert (await routing.ask(method, path, {}, role)).status_code == status


async def test_the_same_key_gets_the_same_answer(routing: Routing) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await routing.ask("PUT", "/v1/agents/Z01", ZHANG, **key)
    assert (await routing.ask("PUT", "/v1/agents/Z01", ZHANG, **key)).json() == first.json()
    assert (await routing.ask("PUT", "/v1/agents/Z01", ZHANG | {"team": "x"}, **key)).status_code == 422


async def test_S7_the_routing_page_says_why_this_agent_and_why_still_waiting(routing: Routing) -> None:
    await routing.online("Z01")
    await routing.read(opened("case-1"), 1, "case-1")
    assert await routing.desk.look() == 1
    await routing.read(opened("case-2", number="AAAA-2222"), 1, "case-2")
    await routing.desk.look()
    why = (await routing.ask("GET", "/v1/cases/case-1/routing")).json()
    assert (why["status"], why["agent_id"], why["owner"]) == ("offered", "Z01", "pool:payments.zh")
    assert why["reason"]["level"] == 4
    waiting = (await routing.ask("GET", "/v1/cases/aaaa-2222/routing")).json()
    assert (waiting["status"], waiting["waiting"]["code"]) == ("waiting", "no_free_place")
    assert waiting["estimate_s"] > 60
    await routing.accepted("Z01", "case-1")
    assert (await routing.ask("GET", "/v1/cases/case-1/routing")).json()["owner"] == "agent:Z01"


async def test_RT_10_a_pool_shows_depth_oldest_and_estimate(routing: Routing) -> None:
    await routing.read(opened("case-1", priority="P1"), 1, "case-1")
    pools = {pool["id"]: pool for pool in (await routing.ask("GET", "/v1/pools")).json()["items"]}
    payments = pools["payments.zh"]
    assert (payments["depth"], payments["by_priority"]["P1"], payments["estimate"]) == (1, 1, None)
    assert payments["oldest"] is not None
    assert (pools["returns.es"]["depth"], pools["returns.es"]["oldest"]) == (0, None)
    await routing.online("Z01")
    pools = {pool["id"]: pool for pool in (await routing.ask("GET", "/v1/pools")).json()["items"]}
    assert (pools["payments.zh"]["agents_online"], pools["payments.zh"]["free"]) == (1, 1)
    assert pools["payments.zh"]["estimate"] is not None


async def test_S9_the_board_tells_each_change_within_a_second(routing: Routing) -> None:
    tickets, agents = routing.running.parts.stores
    board = Board(tickets, agents, routing.desk._rules, dict, utc_now)  # type: ignore[arg-type]
    stream = board.stream(lambda: False)

    async def told() -> Any:
        return json.loads((await asyncio.wait_for(anext(stream), 1.5)).removeprefix(b"data: "))

    assert (await told())["agents"] == []
    await routing.online("Z01")
    assert [(a["agent_id"], a["state"]) for a in (await told())["agents"]] == [("Z01", "online")]
    await routing.read(opened("case-1"), 1, "case-1")
    seen = await told()
    assert (seen["waiting"], seen["pools"][0]["id"], seen["next"][0]["case_id"]) == (1, "payments.zh", "case-1")
    await routing.desk.look()
    assert (await told())["agents"][0]["cases"] == ["case-1"]


async def test_the_board_is_a_page_for_a_browser_in_both_languages(routing: Routing) -> None:
    page = await routing.ask("GET", "/board", role="supervisor", Accept="text/html")
    assert page.headers["content-type"].startswith("text/html")
    assert "主管看板 · Supervisor board" in page.text
