"""What an operator does inside a running service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import yaml
from fastapi import FastAPI

from shared.access import Keys, new_key
from shared.admin import admin_router
from shared.http import install_problems
from shared.trail import Step
from tests.unit.shared.memory import MemoryStore
from tests.unit.shared.tally import TestClock, event, fold_into


class Trail:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []

    @asynccontextmanager
    async def step(self, by: str, did: str, what: str, why: str) -> AsyncIterator[Step]:
        self.lines.append((by, did, what))
        yield Step()


async def test_a_key_is_unparked_in_the_store_where_it_stands(tmp_path: Path) -> None:
    """Two stores of a service may both be keyed by the case."""
    plain, entry = new_key("boss", "supervisor", None)
    (tmp_path / "keys.yaml").write_text(yaml.safe_dump([entry]))
    clock, trail = TestClock(), Trail()
    fine, stands = MemoryStore(clock), MemoryStore(clock)
    fold_into(fine, event("numbers.v1", 1))
    fold_into(stands, event("numbers.v1", 1, broken=True))
    stands.document("k").held.clear()
    app = FastAPI()
    app.state.keys = Keys(tmp_path / "keys.yaml")
    install_problems(app, lambda _: None)
    parts = SimpleNamespace(stores=(fine, stands))
    app.include_router(admin_router(SimpleNamespace(parts=parts, quarantine=None, trail=trail)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        told = await client.post("/v1/parked/k/replay", headers={"Authorization": f"Bearer {plain}"})
    assert (told.status_code, told.json()["flows"]) == (200, True)
    assert stands.document("k").parked is None
    assert trail.lines == [("boss", "parked replay", "k")]
