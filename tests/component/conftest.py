from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.stack import running_stack
from tests.e2e.conftest import given
from tests.e2e.fresh import emptied
from tests.e2e.house import House, at_home

Alone = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The operator's rule directory; what lies in it replaces what is shipped."""
    return tmp_path_factory.mktemp("rules")


@pytest.fixture(scope="module")
def alone(kafka: str, mongo: str, tmp_path_factory: pytest.TempPathFactory, rules: Path) -> Alone:
    """Starts one service as a process, from empty stores; its neighbours are played by the test. `more`: settings."""

    @asynccontextmanager
    async def running(service: str, **more: str) -> AsyncIterator[House]:
        await emptied(kafka, mongo)
        directory = tmp_path_factory.mktemp(service)
        environ = {**given(kafka, mongo, rules), **more}
        with running_stack(directory=directory, environ=environ, names=(service,)) as stack:
            async with at_home(stack, (service,)) as house:
                yield house

    return running
