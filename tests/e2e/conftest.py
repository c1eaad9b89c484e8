from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.stack import running_stack
from tests.e2e.agents import comes_online
from tests.e2e.fresh import SERVICES, emptied
from tests.e2e.house import House, at_home


@pytest.fixture(scope="package")
async def house(kafka: str, mongo: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The services as processes on the session's broker and database, from empty stores. Nobody is at work."""
    await emptied(kafka, mongo)
    with running_stack(directory=tmp_path_factory.mktemp("stack"), environ=given(kafka, mongo)) as stack:
        async with at_home(stack, SERVICES) as house:
            yield house


@pytest.fixture(scope="package")
async def staffed(house: House) -> House:
    """The same with agents online who know everything and together have room for all."""
    for agent_id in ("A01", "A02", "A03", "A04", "A05"):
        await comes_online(house, agent_id)
    return house


def given(kafka: str, mongo: str, rules: Path | None = None) -> dict[str, str]:
    """The environment of a stack on a given broker and database."""
    more = {"SWITCHBOARD_RULES": str(rules)} if rules else {}
    addresses = {"SWITCHBOARD_INFRA": "env", "SWITCHBOARD_KAFKA": kafka, "SWITCHBOARD_MONGO": mongo}
    return {**os.environ, **addresses, **more}
