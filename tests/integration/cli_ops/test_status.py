"""The operator's screen against a service that runs, with the real broker and database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from pymongo import AsyncMongoClient
from typer.testing import CliRunner

from cli.main import app
from cli.status import NOT_WELL
from deploy.local.ports import free_port
from deploy.local.services import SERVICES
from deploy.local.stack import running_stack
from shared.topics import specs
from tests.e2e.conftest import given
from tests.e2e.fresh import emptied
from tests.waiting import eventually


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rule directory in which nothing stands yet."""
    directory = tmp_path_factory.mktemp("rules")
    (directory / "intake").mkdir()
    return directory


@pytest.fixture(scope="module")
async def environ(
    kafka: str, mongo: str, rules: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, str]]:
    """Intake runs, from empty stores; where the others should be, nothing answers."""
    await emptied(kafka, mongo)
    environ, names = given(kafka, mongo, rules), ("intake",)
    with running_stack(directory=tmp_path_factory.mktemp("status"), environ=environ, names=names) as stack:
        away = {f"{name.upper()}_URL": f"http://127.0.0.1:{free_port(0)}" for name in SERVICES if name not in names}
        yield {**away, **stack.env}


async def status(environ: dict[str, str], *words: str) -> tuple[int, str]:
    told = await asyncio.to_thread(CliRunner(env=environ).invoke, app, ["status", *words])
    return told.exit_code, told.output


async def intake(environ: dict[str, str]) -> dict[str, object]:
    code, output = await status(environ, "--json")
    told = orjson.loads(output)
    assert (code, told["state"]) == (NOT_WELL, "not_well")
    found: dict[str, object] = told["services"][0]
    return found | {"to_do": [one["what"] for one in told["to_do"] if one["service"] == "intake"]}


async def test_a_running_service_is_well_and_each_of_its_partitions_is_seen(environ: dict[str, str]) -> None:
    async def is_well() -> dict[str, object] | None:
        found = await intake(environ)
        return found if found["to_do"] == [] else None

    found = await eventually(is_well, within=30)

    (replica,) = found["replicas"]
    assert (replica["alive"], replica["ready"], replica["version"]) == (True, True, "0.1.0")
    seen = [(one["topic"], one["partition"]) for one in found["lag"]]
    expected = {spec.name: spec.partitions for spec in specs()}
    assert {topic: len([t for t, _ in seen if t == topic]) for topic, _ in seen}.items() <= expected.items()
    assert ("contacts.v1", 11) in seen
    assert abs(found["clock_skew_seconds"]) < 1
    assert found["timers_overdue"] == 0


async def test_services_that_are_away_are_lines_on_the_screen(environ: dict[str, str]) -> None:
    code, screen = await status(environ)

    assert code == NOT_WELL
    assert "Traceback" not in screen
    for name in set(SERVICES) - {"intake"}:
        assert f"{name}: {environ[f'{name.upper()}_URL']} does not answer" in screen


async def test_a_record_that_was_set_aside_is_counted_with_the_command_that_shows_it(
    environ: dict[str, str], kafka: str
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait("contacts.v1", b"{", b"bad")

    async def told() -> str:
        _, screen = await status(environ)
        return screen if "records were set aside" in screen else ""

    assert "    switchboard quarantine list --service intake" in (await eventually(told, within=30)).splitlines()


async def test_a_timer_that_should_have_fired_is_told(environ: dict[str, str], mongo: str) -> None:
    """In a store whose documents no clock looks at, so that it stays."""
    async with AsyncMongoClient[dict[str, Any]](mongo) as client:
        colleagues = client["switchboard_intake"]["agents"]
        late = datetime.now(UTC) - timedelta(minutes=1)
        await colleagues.insert_one({"_id": "nobody", "shard": 3, "due": late})

        async def told() -> bool:
            return "1 timers should have fired" in (await status(environ))[1]

        try:
            await eventually(told, within=30)
        finally:
            await colleagues.delete_one({"_id": "nobody"})


async def test_PF_4_refused_rules_are_told_with_file_and_line_until_they_are_mended(
    environ: dict[str, str], rules: Path
) -> None:
    file = rules / "intake" / "words.yaml"
    what = "intake: changed rules were refused, the last good ones stay"

    async def told() -> str:
        _, screen = await status(environ)
        return screen if what in screen else ""

    async def well_again() -> bool:
        return not await told()

    file.write_text("version: '1'\nversion: '2'\n")
    lines = (await eventually(told, within=30)).splitlines()
    assert f"{what}: {file}:2: version is there twice" in lines
    assert any(line.startswith("    switchboard rules check DIR") for line in lines)

    file.unlink()
    await eventually(well_again, within=30)
