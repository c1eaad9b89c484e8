from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from shared.collector import calm_the_collector
from tests.infra import Infrastructure, infrastructure

UNIT = Path(__file__).parent / "unit"
pytest.register_assert_rewrite("tests.e2e.happened")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"kafka", "mongo"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.stack)
        if UNIT in item.path.parents and item.get_closest_marker("stack"):
            raise pytest.UsageError(f"{item.nodeid} needs a broker or a database: it is no unit test")


def pytest_collection_finish() -> None:
    """What was collected lives to the end: to look through it again and again takes a fifth of a simulation."""
    calm_the_collector()


@pytest.fixture(scope="session")
def infra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Infrastructure]:
    with infrastructure(tmp_path_factory.mktemp("infrastructure")) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(infra: Infrastructure) -> str:
    """The bootstrap address of a real broker, one for the session."""
    return infra.kafka


@pytest.fixture(scope="session")
def mongo(infra: Infrastructure) -> str:
    """The URL of a real replica set of one, one for the session."""
    return infra.mongo


@pytest.fixture
def database(mongo: str) -> Iterator[str]:
    """The name of a database that no other test uses; dropped at the end."""
    name = f"test_{uuid4().hex}"
    yield name
    with MongoClient[dict[str, Any]](mongo) as client:
        client.drop_database(name)
