"""`switchboard topics`, `setup` against a real broker and database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from cli.main import app
from deploy.local.ports import free_port
from shared.topics import TopicSpec, differences, ensure
from tests.waiting import eventually

SET_ASIDE = "escalations.operations.v1.dlq"
CONFIG = {"retention.ms": "1209600000", "cleanup.policy": "compact"}


@pytest.fixture
def spec() -> TopicSpec:
    return TopicSpec(f"drift-{uuid4().hex}.v1", 3, CONFIG)


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    yield admin
    await admin.close()


async def said(kafka: str, spec: TopicSpec) -> list[str]:
    return [one.said for one in await differences(kafka, [spec])]


async def test_what_is_created_is_as_expected(kafka: str, spec: TopicSpec) -> None:
    assert await said(kafka, spec) == ["is missing"]

    assert await ensure(kafka, [spec]) == [spec.name]

    assert await said(kafka, spec) == []
    assert await ensure(kafka, [spec]) == []


async def test_a_topic_made_otherwise_is_told_and_never_changed(
    kafka: str, admin: AIOKafkaAdminClient, spec: TopicSpec
) -> None:
    await admin.create_topics([NewTopic(spec.name, 2, 1, topic_configs={"retention.ms": "1000"})])

    before = await said(kafka, spec)
    assert await ensure(kafka, [spec]) == []

    assert before == [
        "has 2 partitions, 3 are expected",
        "has retention.ms=1000, 1209600000 is expected",
        "has cleanup.policy=delete, compact is expected",
    ]
    assert await said(kafka, spec) == before


async def test_the_commands_name_what_differs_and_how_it_is_mended(
    kafka: str, admin: AIOKafkaAdminClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_KAFKA", kafka)
    await ensure(kafka)
    assert await run("check") == (0, "every topic is as expected\n")
    await keep(admin, "1000")
    try:
        told = await eventually(lambda: check(1))
        assert f"topic {SET_ASIDE} has retention.ms=1000, 1209600000 is expected" in told
        assert f"--bootstrap-server {kafka} --alter --entity-type topics --entity-name {SET_ASIDE}" in told
        assert await run("create") == (0, f"0 topics created\n{told.partition('switchboard:')[0]}")
    finally:
        await keep(admin, "1209600000")
    assert await eventually(lambda: check(0))


async def check(code: int) -> str:
    """What the check says once it ends with this code: a broker takes a moment to see what it was told."""
    ended, told = await run("check")
    return told if ended == code else ""


async def run(verb: str) -> tuple[int, str]:
    """The command has a loop of its own."""
    told = await asyncio.to_thread(CliRunner().invoke, app, ["topics", verb])
    return told.exit_code, told.output


async def keep(admin: AIOKafkaAdminClient, milliseconds: str) -> None:
    asked = ConfigResource(ConfigResourceType.TOPIC, SET_ASIDE, configs={"retention.ms": milliseconds})
    await admin.alter_configs([asked])


def test_setup_can_be_repeated_and_begins_a_keys_file_that_lets_nobody_in(
    kafka: str, mongo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.yaml"
    for name, value in {"KAFKA": kafka, "MONGO": mongo, "KEYS": str(keys)}.items():
        monkeypatch.setenv(f"SWITCHBOARD_{name}", value)

    assert CliRunner().invoke(app, ["setup"]).exit_code == 0
    assert keys.read_text() == "[]\n"
    assert CliRunner().invoke(app, ["keys", "create", "olga", "--role", "admin"]).exit_code == 0
    kept = keys.read_text()
    again = CliRunner().invoke(app, ["setup"])

    assert (again.exit_code, "0 topics created" in again.output) == (0, True)
    assert keys.read_text() == kept


@pytest.mark.parametrize("away", ["KAFKA", "MONGO"])
def test_setup_says_who_did_not_answer(away: str, kafka: str, mongo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = f"127.0.0.1:{free_port(0)}"
    monkeypatch.setenv("SWITCHBOARD_KAFKA", nowhere if away == "KAFKA" else kafka)
    monkeypatch.setenv("SWITCHBOARD_MONGO", f"mongodb://{nowhere}/" if away == "MONGO" else mongo)

    told = CliRunner().invoke(app, ["setup", "--within", "1"])

    assert told.exit_code == 1
    assert f"see SWITCHBOARD_{away}" in told.output
