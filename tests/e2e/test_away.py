"""Something is missing or wrong: one clear line says what; the service goes on by itself or does not start."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local import services, state
from deploy.local.components import Component
from deploy.local.local_keys import admin_key
from deploy.local.paths import ROOT, Paths
from deploy.local.ports import free_port
from deploy.local.stack import Stack, running_stack
from shared.topics import ensure
from tests.e2e.fresh import SERVICES
from tests.e2e.happened import story
from tests.e2e.house import at_home
from tests.waiting import eventually

pytestmark = pytest.mark.stack
CONTACT = {
    "source": "web-form",
    "channel": "web",
    "text": "Wi-Fi drops every evening",
    "customer": {"email": "ann@example.com"},
}
ADDRESSES = ("SWITCHBOARD_KAFKA", "SWITCHBOARD_MONGO")
AWAY = "the database does not answer"
HOW = {"containers": "docker", "processes": "processes"}


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A broker and a database that may be stopped, with nothing on them yet."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SWITCHBOARD_KAFKA=", "SWITCHBOARD_MONGO="))
    }
    for address in ("SWITCHBOARD_KAFKA", "SWITCHBOARD_MONGO"):
        environ.pop(address, None)
    if how := HOW.get(os.environ.get("SWITCHBOARD_TEST_INFRA", "")):
        environ["SWITCHBOARD_INFRA"] = how
    with running_stack(directory=tmp_path_factory.mktemp("apart"), environ=environ, names=()) as stack:
        yield stack


class Alone:
    """One service process, started by hand."""

    def __init__(self, name: str, stack: Stack, directory: Path, **settings: str) -> None:
        self.name, self._paths = name, Paths(directory)
        self._key = admin_key(self._paths.keys)
        addresses = {variable: stack.env[variable] for variable in ADDRESSES}
        outbox = {"SWITCHBOARD_KEYS": str(self._paths.keys), "SWITCHBOARD_OUTBOX": str(self._paths.outbox)}
        self._environ = {**os.environ, **addresses, **outbox, **settings}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[httpx.AsyncClient]:
        """The process from start to stop, and a client of its doors; it may not be ready yet."""
        process: Component = services.start(self.name, self._environ, self._paths)
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with httpx.AsyncClient(
                base_url=process.address, headers=headers, trust_env=False, timeout=30
            ) as http:
                await eventually(lambda: _answers(http), within=30)
                yield http
        finally:
            await asyncio.to_thread(process.stop)

    def lines(self, words: str) -> list[str]:
        """What its log says with these words."""
        return [line for line in self._paths.log(self.name).read_text().splitlines() if words in line]


async def _answers(http: httpx.AsyncClient) -> bool:
    with suppress(httpx.TransportError):
        return (await http.get("/livez")).status_code == 200
    return False


async def test_a_missing_topic_is_named_once_and_waited_for(apart: Stack, tmp_path: Path) -> None:
    kafka = apart.env["SWITCHBOARD_KAFKA"]
    await ensure(kafka)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.delete_topics(["work.v1"])
    await eventually(lambda: _is_gone(admin, "work.v1"), within=30)
    routing = Alone("routing", apart, tmp_path)
    async with routing.running() as http:
        await eventually(lambda: routing.lines("topic work.v1 is missing"), within=30)
        assert (await http.get("/v1/pools")).status_code == 200, "its doors are open"
        await ensure(kafka)
        await eventually(lambda: routing.lines("consuming agents.v1, cases.v1"), within=30)
        (line,) = routing.lines("waiting for topics")
        assert "run `switchboard topics create`" in line
        assert "Traceback" not in "".join(routing.lines(""))
    await admin.close()


async def _is_gone(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return topic not in await admin.list_topics()


async def test_a_database_that_is_away_at_the_start_is_named_once_and_waited_for(apart: Stack, tmp_path: Path) -> None:
    await ensure(apart.env["SWITCHBOARD_KAFKA"])
    port = free_port()
    intake = Alone("intake", apart, tmp_path, SWITCHBOARD_MONGO=f"mongodb://127.0.0.1:{port}/?directConnection=true")
    async with intake.running() as http:
        assert (await http.get("/readyz")).status_code == 503
        away = await http.post("/v1/contacts", json={**CONTACT, "id": "early"})
        assert (away.status_code, away.json()["type"]) == (503, "/problems/unavailable")
        assert int(away.headers["retry-after"]) > 0
        await eventually(lambda: intake.lines(AWAY), within=30)
        async with _door_to_the_database(apart, port):
            await eventually(lambda: _is_ready(http), within=60)
            assert (await http.post("/v1/contacts", json={**CONTACT, "id": "early"})).status_code == 201
        assert len(intake.lines(AWAY)) == 1
        assert "Traceback" not in "".join(intake.lines(""))


async def _is_ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 200


@asynccontextmanager
async def _door_to_the_database(stack: Stack, port: int) -> AsyncIterator[None]:
    """From now on the database can also be reached there."""
    there = state.load(stack.paths).infrastructure["mongo"].port

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65_536):
                target.write(piece)
                await target.drain()
        target.close()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("localhost", there)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    server = await asyncio.start_server(through, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a port that is none": ("intake", {"SWITCHBOARD_HTTP_PORT": "many"}, "intake: setting SWITCHBOARD_HTTP_PORT: "),
    "no broker": ("routing", {"SWITCHBOARD_KAFKA": None}, "routing: setting SWITCHBOARD_KAFKA: "),
    "no database": ("routing", {"SWITCHBOARD_MONGO": None}, "routing: setting SWITCHBOARD_MONGO: "),
    "a database that is none": ("intake", {"SWITCHBOARD_MONGO": "localhost"}, "SWITCHBOARD_MONGO must begin with mongodb://"),
    "no keys": ("notify", {"SWITCHBOARD_KEYS": None}, "notify: setting SWITCHBOARD_KEYS: "),
    "nothing carries messages": ("notify", {"SWITCHBOARD_OUTBOX": None}, "SWITCHBOARD_OUTBOX"),
    "rules that are nowhere": ("routing", {"SWITCHBOARD_RULES": "/no/such/place"}, "SWITCHBOARD_RULES: /no/such/place"),
}  # fmt: skip


async def test_a_wrong_setting_ends_the_start_with_one_line_that_names_it(tmp_path: Path) -> None:
    ended = await asyncio.gather(*(_started(service, changes, tmp_path) for service, changes, _ in WRONG.values()))
    for (name, (_, _, line)), (code, said) in zip(WRONG.items(), ended, strict=True):
        assert code not in (0, None), name
        assert line in said, name
        assert len(said.strip().splitlines()) == 1, f"{name}: {said}"


async def test_a_wrong_rule_ends_the_start_with_file_and_line(tmp_path: Path) -> None:
    shipped = (ROOT / "services/routing/rules/offers.yaml").read_text().splitlines()
    number = next(n for n, line in enumerate(shipped, 1) if line.startswith("last_agent_days"))
    shipped[number - 1] = "last_agent_days: soon"
    file = tmp_path / "routing" / "offers.yaml"
    file.parent.mkdir()
    file.write_text("\n".join(shipped))
    code, said = await _started("routing", {"SWITCHBOARD_RULES": str(tmp_path)}, tmp_path)
    assert code not in (0, None)
    assert f"{file}:{number}: last_agent_days" in said
    assert len(said.strip().splitlines()) == 1


async def _started(service: str, changes: dict[str, Any], directory: Path) -> tuple[int | None, str]:
    """The exit code of a service with these settings, and all that it said."""
    right = {
        "SWITCHBOARD_KAFKA": "localhost:1", "SWITCHBOARD_MONGO": "mongodb://localhost:1",
        "SWITCHBOARD_KEYS": str(directory / "keys.yaml"), "SWITCHBOARD_OUTBOX": str(directory / "outbox.jsonl"),
    }  # fmt: skip
    ours = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    environ = {name: value for name, value in {**ours, **right, **changes}.items() if value is not None}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{service}.app", cwd=ROOT, env=environ,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_PF_2_contacts_are_taken_while_the_broker_is_away_and_told_of_afterwards(apart: Stack) -> None:
    stack = Stack(apart.paths.root, apart._environ, SERVICES)
    await asyncio.to_thread(stack.up)
    headers = {"Authorization": f"Bearer {stack.env['SWITCHBOARD_KEY']}"}
    async with httpx.AsyncClient(
        base_url=stack.env["INTAKE_URL"], headers=headers, trust_env=False, timeout=30
    ) as http:
        assert (await http.post("/v1/contacts", json={**CONTACT, "id": "before"})).status_code == 201
        broker = state.load(stack.paths).infrastructure["kafka"]
        await asyncio.to_thread(broker.stop)
        answers = [await http.post("/v1/contacts", json={**CONTACT, "id": f"during-{n}"}) for n in range(20)]
        assert [answer.status_code for answer in answers] == [201] * 20
        cases = {answer.json()["case_id"] for answer in answers}
        assert (await http.get("/readyz")).status_code == 200
        for case in cases:
            assert (await http.get(f"/v1/cases/{case}")).status_code == 200
    process = state.load(stack.paths).services["intake"].process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)  # what it had not published is only in its documents now
    await asyncio.to_thread(stack.up)
    async with at_home(stack, SERVICES) as house:
        await house.quiet()
        fed = [(str(CONTACT["source"]), f"during-{n}") for n in range(20)]
        happened = await story(house, fed)
        assert happened.contacts_not_in_one_case() == []
        assert happened.disorder == []
        assert happened.opened == cases == {queued.subject for queued in happened.of("case.queued")}
        assert len(happened.told_by("received")) == 20
        recorded = {(said.data["source"], said.data["id"]) for said in await house.said("contacts.v1")}
        assert recorded >= set(fed), "what came over HTTP is on the topic too"
