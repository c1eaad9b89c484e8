from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.deploy import engine

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that build and run images are not chosen where no engine can; SWITCHBOARD_TEST_INFRA=containers insists."""
    ours = [item for item in items if HERE in item.path.parents and "images" in getattr(item, "fixturenames", ())]
    for item in ours:
        item.add_marker(pytest.mark.stack)
    if ours and not engine.wanted():
        items[:] = [item for item in items if item not in ours]
        config.hook.pytest_deselected(items=ours)


@pytest.fixture(scope="session")
def images() -> None:
    """The five images, built from the Dockerfile once for the session."""
    engine.build()


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client
