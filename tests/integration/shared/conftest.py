from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared import topics
from tests.integration.shared.counting import World, world


@pytest.fixture(scope="session")
async def house_topics(kafka: str) -> None:
    await topics.ensure(kafka)


@pytest.fixture
async def here(kafka: str, mongo: str, house_topics: None, tmp_path: Path) -> AsyncIterator[World]:
    async with world(kafka, mongo, tmp_path) as made:
        yield made
