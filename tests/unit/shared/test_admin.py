"""What an operator does inside a running service."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bson
import httpx
import yaml
from fastapi import FastAPI

from shared.access import Keys, new_key
from shared.admin import admin_router
from shared.blocked import Blocker
from shared.document import Document, Waiting, to_body
from shared.http import install_problems
from shared.mongo import CODEC
from shared.trail import Step
from tests.simulation.documents import project
from tests.unit.shared.memory import MemoryStore
from tests.unit.shared.tally import T0, TestClock, event, fold_into


class Trail:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    @asynccontextmanager
    async def step(self, by: str, did: str, what: str, why: str) -> AsyncIterator[Step]:
        self.lines.append((by, did, what))
        yield Step()


class Documents:
    """A collection that counts the bytes it hands out."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self._bodies, self.bytes = bodies, 0

    def find(self, query: Any, projection: Any, *, sort: Sequence[tuple[str, int]], limit: int) -> "Documents":
        self._shown = [project(bson.decode(bson.encode(body), CODEC), projection) for body in self._bodies]
        self.bytes += sum(len(bson.encode(body)) for body in self._shown)
        return self

    async def to_list(self, _: Any) -> list[dict[str, Any]]:
        return self._shown


def doors(tmp_path: Path, *stores: Any, trail: Trail) -> httpx.AsyncClient:
    """A supervisor before the doors of a service with these stores."""
    plain, entry = new_key("boss", "supervisor", None)
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump([entry]))
    app = FastAPI()
    app.state.keys = Keys(tmp_path / "keys.yaml")
    install_problems(app, lambda _: None)
    parts = SimpleNamespace(stores=stores)
    app.include_router(admin_router(SimpleNamespace(parts=parts, quarantine=None, trail=trail)))
    transport, key = httpx.ASGITransport(app), {"Authorization": f"Bearer {plain}"}
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers=key)


async def test_a_key_is_unparked_in_the_store_where_it_stands(tmp_path: Path) -> None:
    """Two stores of a service may both be keyed by the case."""
    clock, trail = TestClock(), Trail()
    fine, stands = MemoryStore(clock), MemoryStore(clock)
    fold_into(fine, event("numbers.v1", 1))
    fold_into(stands, event("numbers.v1", 1, broken=True))
    stands.document("k").held.clear()
    async with doors(tmp_path, fine, stands, trail=trail) as client:
        told = await client.post("/v1/parked/k/replay")
    assert (told.status_code, told.json()["flows"]) == (200, True)
    assert not told.json()["timer_next"], "a record parked it"
    assert stands.document("k").parked is None
    assert trail.lines == [("boss", "parked replay", "k")]


async def test_a_list_of_what_stands_still_loads_no_states_and_no_data(tmp_path: Path) -> None:
    """Hundreds of large documents at once would be more than a service has memory for."""
    text = "x" * 100_000
    held = [Waiting(event("numbers.v1", number, text=text), T0) for number in (3, 4)]
    body = {**to_body(Document("k", 0, seen={"numbers.v1": 1}, held=held), "n"), "schema": 1, "state": {"text": text}}
    kept = Documents(body)
    shape = SimpleNamespace(collection="tallies")
    store = SimpleNamespace(documents=kept, shape=shape, blocker=lambda _: Blocker(topic="numbers.v1", first=2, last=2))
    async with doors(tmp_path, store, trail=Trail()) as client:
        (item,) = (await client.get("/v1/parked")).json()["items"]
    assert [(waiting["sequence"], waiting["source"]) for waiting in item["waiting"]] == [(3, "test"), (4, "test")]
    assert item["seen"] == {"numbers.v1": 1}
    assert kept.bytes < 1000
