from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.mongo import DRIVERS, connect


@pytest.fixture(params=DRIVERS)
async def db(request: pytest.FixtureRequest, mongo: str, database: str) -> AsyncIterator[Any]:
    """An empty database of its own for the test, through each driver in turn."""
    client = connect(mongo, request.param)
    yield client[database]
    if (closed := client.close()) is not None:
        await closed
