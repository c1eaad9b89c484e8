from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from aiokafka import AIOKafkaConsumer
from typer.testing import CliRunner

from cli import feed
from cli.keys import ends_at
from cli.main import app
from shared import topics

runner = CliRunner()
GOOD = '{"source": "hotline", "id": "%s", "channel": "phone", "text": "重复扣款"}'


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_RUN_DIR", str(tmp_path / "run"))
    for name in ("SWITCHBOARD_KAFKA", "SWITCHBOARD_MONGO", "SWITCHBOARD_KEY", "SWITCHBOARD_KEYS", "INTAKE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("words", [["--help"], ["up", "--help"], ["feed", "--help"], ["keys", "create", "--help"]])
def test_every_command_explains_itself(words: list[str]) -> None:
    assert "Usage:" in runner.invoke(app, words).output


def test_without_a_stack_a_command_says_what_to_do() -> None:
    told = runner.invoke(app, ["topics", "check"])
    assert told.exit_code == 1
    assert "start the local stack with `make up`, or set SWITCHBOARD_KAFKA" in told.output


def test_a_key_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    made = runner.invoke(app, ["keys", "create", "王芳", "--role", "agent", "--expires", "8h"])
    key = made.stdout.strip()
    text = (tmp_path / "run" / "keys.yaml").read_text()
    assert key not in text
    assert [(entry["name"], entry["role"]) for entry in yaml.safe_load(text)] == [("王芳", "agent")]


def test_keys_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    for name in ("a", "b"):
        runner.invoke(app, ["keys", "create", name, "--role", "agent"])
    assert [entry["name"] for entry in yaml.safe_load((tmp_path / "run" / "keys.yaml").read_text())] == ["a", "b"]


@pytest.mark.parametrize("wrong", [["--role", "king"], ["--role", "agent", "--expires", "soon"]])
def test_a_wrong_key_request_is_refused_in_one_line(wrong: list[str], tmp_path: Path) -> None:
    told = runner.invoke(app, ["keys", "create", "a", *wrong])
    assert told.exit_code == 1
    assert "Traceback" not in told.output
    assert not (tmp_path / "run" / "keys.yaml").exists()


def test_a_lifetime_is_a_number_and_a_unit() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert ends_at("8h", now) == now + timedelta(hours=8)
    assert ends_at("2w", now) == now + timedelta(weeks=2)


def test_a_broken_line_is_named_by_its_number_and_not_sent(tmp_path: Path) -> None:
    file = tmp_path / "contacts.jsonl"
    file.write_text(
        "\n".join([GOOD % 1, "", "{", GOOD % 2, '{"source": "a", "id": "1", "channel": "fax", "text": "x"}'])
    )
    lines, broken = feed.read(file)
    assert lines == [(GOOD % 1).encode(), (GOOD % 2).encode()]
    assert [number for number, _ in broken] == [3, 5]
    assert broken[1][1].startswith("channel: ")


def test_raw_sends_lines_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "contacts.jsonl"
    file.write_bytes(b"{\n\xff\xfe\n")
    assert feed.read(file, raw=True) == ([b"{", b"\xff\xfe"], [])


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (b'{"source": "s", "id": "1", "conversation": "c"}', b"c"),
        (b'{"source": "s", "id": "1", "conversation": null}', b"s:1"),
        (b"[]", None),
        (b"{", None),
    ],
)
def test_the_key_is_the_conversation_else_the_identity(line: bytes, key: bytes | None) -> None:
    assert feed.key_of(line) == key


def test_a_slow_rate_sends_few_at_a_time() -> None:
    assert [len(batch) for batch in feed.batches([b""] * 30, rate=100)] == [10, 10, 10]


async def test_what_is_fed_arrives_bare_and_keyed(kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_KAFKA", kafka)
    await topics.ensure(kafka)
    lines = [(GOOD % uuid4()).encode() for _ in range(3)]
    async with feed._kafka() as send:
        assert await send(lines) == []
    async with AIOKafkaConsumer(feed.TOPIC, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        arrived = {}
        while not set(lines) <= set(arrived):
            for batch in (await consumer.getmany(timeout_ms=10_000)).values():
                arrived |= {record.value: record for record in batch}
    assert all(arrived[line].headers == () for line in lines)
    assert all(arrived[line].key == feed.key_of(line) for line in lines)
