"""SIGTERM: what is in hand is finished, committed, and the process leaves within ten seconds, whoever is away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.ports import free_port
from tests.e2e.fresh import applied, emptied
from tests.integration.shared.proxy import Proxy, proxied
from tests.waiting import eventually

pytestmark = pytest.mark.stack

WITHIN_S = 10.0
CONTACTS = 3000
CONTACT = b'{"source": "stop", "id": "s%d", "channel": "phone", "text": "x"}'


@dataclass
class Intake:
    """The service as a process, its database behind a proxy."""

    process: subprocess.Popen[bytes]
    url: str
    database: Proxy
    kafka: str
    log: Path

    async def reads(self) -> None:
        await eventually(lambda: "consuming" in self.log.read_text(), within=60)

    async def is_told_to_stop(self) -> float:
        """Seconds until it had ended; AssertionError if it did not end well."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await eventually(lambda: self.process.poll() is not None, within=3 * WITHIN_S)
        assert self.process.returncode == 0, self.log.read_text()[-3000:]
        return time.monotonic() - began

    async def members(self) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            (response,) = await admin.describe_consumer_groups(["switchboard.intake"])
            return sum(len(group[5]) for group in response.groups)
        finally:
            await admin.close()

    async def committed(self) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            offsets = await applied(admin, "intake") or {}
            return sum(offset for place, offset in offsets.items() if place.topic == "contacts.v1")
        finally:
            await admin.close()

    async def is_sent(self, contacts: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.kafka) as producer:
            for number in range(contacts):
                await producer.send("contacts.v1", CONTACT % number, key=b"stop:%d" % number)
            await producer.flush()


@asynccontextmanager
async def started(kafka: str, mongo: str, directory: Path, *, reached_at: str = "") -> AsyncIterator[Intake]:
    await emptied(kafka, mongo)
    keys, log = directory / "keys.yaml", directory / "intake.log"
    keys.write_text("[]")
    port = free_port(0)
    async with proxied(mongo.removeprefix("mongodb://").partition("/")[0]) as database:
        env = {
            **os.environ, "SWITCHBOARD_KAFKA": reached_at or kafka, "SWITCHBOARD_KEYS": str(keys),
            "SWITCHBOARD_MONGO": f"mongodb://{database.address}/?directConnection=true",
            "SWITCHBOARD_HTTP_PORT": str(port), "SWITCHBOARD_HTTP_HOST": "127.0.0.1",
        }  # fmt: skip
        process = _process(env, log)
        try:
            yield Intake(process, f"http://127.0.0.1:{port}", database, kafka, log)
        finally:
            process.kill()
            process.wait()


def _process(env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen([sys.executable, "-m", "services.intake.app"], env=env, stdout=out, stderr=out)


async def test_in_the_middle_of_its_work_it_finishes_what_it_has_in_hand_and_leaves_its_group(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    async with started(kafka, mongo, tmp_path) as intake:
        await intake.is_sent(CONTACTS)
        await intake.reads()

        async def has_begun() -> bool:
            return await intake.committed() > 0

        await eventually(has_begun, within=60)
        assert await intake.is_told_to_stop() < WITHIN_S
        assert await intake.members() == 0


async def test_while_the_database_is_away_it_leaves_without_waiting_for_it(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    async with started(kafka, mongo, tmp_path) as intake:
        await intake.reads()
        await intake.database.shut()
        await intake.is_sent(100)
        await eventually(lambda: "put back" in intake.log.read_text(), within=60)
        assert await intake.is_told_to_stop() < WITHIN_S
        assert await intake.members() == 0
        assert await intake.committed() == 0


async def test_while_the_database_is_silent_it_leaves_without_waiting_for_it(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    """It takes what it is told and answers nothing, as behind a network that drops packets."""
    async with started(kafka, mongo, tmp_path) as intake:
        await intake.reads()
        intake.database.hold()
        await intake.is_sent(100)
        async with httpx.AsyncClient() as client:
            ready = await client.get(f"{intake.url}/readyz", timeout=10)
        assert ready.status_code == 503
        assert await intake.is_told_to_stop() < WITHIN_S
        assert await intake.members() == 0
        assert await intake.committed() == 0


async def test_while_the_broker_is_away_it_leaves_without_waiting_for_it(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    nowhere = f"127.0.0.1:{free_port(0)}"
    async with started(kafka, mongo, tmp_path, reached_at=nowhere) as intake:
        await eventually(lambda: "the broker does not answer" in intake.log.read_text(), within=60)
        assert await intake.is_told_to_stop() < WITHIN_S
