"""A story is told twice: with the shipped rules, and with those in which an hour lasts a second."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from demo.pace import FAST_RULES
from deploy.local.stack import running_stack
from tests.e2e.conftest import given
from tests.e2e.fresh import SERVICES, emptied
from tests.e2e.house import House, at_home

RULES = {"shipped": None, "an hour lasts a second": FAST_RULES}


@pytest.fixture(scope="package", params=RULES)
async def house(
    request: pytest.FixtureRequest, kafka: str, mongo: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """All services as processes, from empty stores. Stories under the same rules follow each other."""
    await emptied(kafka, mongo)
    environ = given(kafka, mongo, RULES[request.param])
    with running_stack(directory=tmp_path_factory.mktemp("stack"), environ=environ) as stack:
        async with at_home(stack, SERVICES) as house:
            yield house
