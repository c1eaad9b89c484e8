from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from deploy.local import infrastructure, services, state
from deploy.local.errors import Refused
from deploy.local.paths import ROOT
from deploy.local.processes import ProcessRef
from deploy.local.readiness import kafka_answers, mongo_answers, wait_until
from deploy.local.services import SERVICES
from deploy.local.stack import Stack, read_env, running_stack
from deploy.local.state import State
from tests.local.strangers import stranger
from tests.local.ways import WAYS

pytestmark = pytest.mark.stack
PROCESSES = {**os.environ, "SWITCHBOARD_INFRA": "processes"}
OWNER = """
import sys, time
from pathlib import Path
from deploy.local.stack import running_stack
with running_stack(directory=Path(sys.argv[1]), names=()):
    print("up", flush=True)
    time.sleep(120)
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A broker and a database in the background, without services."""
    stack = Stack(tmp_path, PROCESSES, names=())
    yield stack
    stack.down()


def given(kafka: str, mongo: str) -> dict[str, str]:
    return {**os.environ, "SWITCHBOARD_INFRA": "env", "SWITCHBOARD_KAFKA": kafka, "SWITCHBOARD_MONGO": mongo}


def parts(stack: Stack) -> State:
    return state.load(stack.paths)


def pids(found: State) -> dict[str, ProcessRef]:
    return {name: part.process for name, part in {**found.infrastructure, **found.services}.items() if part.process}


def insert(stack: Stack) -> None:
    with MongoClient[dict[str, Any]](stack.env["SWITCHBOARD_MONGO"]) as client:
        client.probe.get_collection("things").insert_one({"kept": True})


def count(stack: Stack) -> int:
    with MongoClient[dict[str, Any]](stack.env["SWITCHBOARD_MONGO"]) as client:
        return client.probe.things.count_documents({})


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_command_however_it_ends(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=PROCESSES, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == b"up\n"
        stack = Stack(tmp_path, PROCESSES, names=())
        running = pids(parts(stack))
        assert sorted(running) == ["kafka", "mongo"]
        with pytest.raises(Refused, match=f"pid {owner.pid}"):
            stack.down()
        owner.send_signal(how)
    assert wait_until(lambda: not any(process.alive() for process in running.values()), 30)
    assert wait_until(lambda: not stack.paths.state.exists(), 5)


def test_up_starts_again_what_died_where_it_was_and_with_its_data(stack: Stack) -> None:
    stack.up()
    insert(stack)
    before, addresses = pids(parts(stack)), stack.env
    for process in before.values():
        os.kill(process.pid, signal.SIGKILL)
    stack.up()
    after = pids(parts(stack))
    assert not set(before.values()) & set(after.values())
    assert stack.env == addresses
    assert count(stack) == 1


def test_data_outlives_down_but_not_a_reset(stack: Stack) -> None:
    stack.up()
    insert(stack)
    assert stack.down() == ["kafka", "mongo"]
    stack.up()
    assert count(stack) == 1
    stack.up(reset=True)
    assert count(stack) == 0


def test_a_stack_that_was_there_before_stays_after(stack: Stack, tmp_path: Path) -> None:
    stack.up()
    with running_stack(directory=tmp_path, environ=PROCESSES, names=()) as joined:
        assert joined.env == stack.env
    assert all(process.alive() for process in pids(parts(stack)).values())


def test_what_a_dead_command_left_is_stopped_by_the_next(stack: Stack) -> None:
    stack.up()
    left = parts(stack)
    left.owner = ProcessRef(pid=2**22 - 1, started="long ago")
    state.save(stack.paths, left)
    stack.up()
    assert not any(process.alive() for process in pids(left).values())
    assert parts(stack).owner is None


def test_given_addresses_are_used_and_never_stopped_or_emptied(kafka: str, mongo: str, tmp_path: Path) -> None:
    with running_stack(directory=tmp_path, environ=given(kafka, mongo), names=()) as stack:
        assert (stack.env["SWITCHBOARD_KAFKA"], stack.env["SWITCHBOARD_MONGO"]) == (kafka, mongo)
        with pytest.raises(Refused, match="not given addresses"):
            stack.up(reset=True)
    assert kafka_answers(kafka)
    assert mongo_answers(mongo)


@pytest.mark.parametrize("how", WAYS)
def test_parts_keep_their_data_and_leave_nothing_running(how: str, tmp_path: Path) -> None:
    with running_stack(directory=tmp_path, environ={**os.environ, "SWITCHBOARD_INFRA": how}, names=()) as stack:
        insert(stack)
        for part in parts(stack).infrastructure.values():
            part.stop()
        stack.up()
        again = parts(stack).infrastructure.values()
        assert {bool(part.container) for part in again} == {how == "docker"}
        assert count(stack) == 1
    assert not any(part.alive() for part in again)
    infrastructure.wipe(how, stack.paths)


def test_what_up_started_down_stops_and_a_dead_service_is_started_again(kafka: str, mongo: str, tmp_path: Path) -> None:
    stack = Stack(tmp_path, given(kafka, mongo))
    try:
        stack.up()
        before = pids(parts(stack))
        assert sorted(before) == sorted(SERVICES)
        assert all(services.is_ready(stack.env[f"{name.upper()}_URL"]) for name in SERVICES)
        os.kill(before["routing"].pid, signal.SIGKILL)
        stack.up()
        after = pids(parts(stack))
        assert {name for name in SERVICES if before[name] != after[name]} == {"routing"}
        assert read_env(stack.paths.env)["PIDS"] == ",".join(f"{name}={after[name].pid}" for name in SERVICES)
    finally:
        stopped = stack.down()
    assert stopped == sorted(SERVICES)
    assert not any(process.alive() for process in after.values())


def test_stacks_that_start_at_the_same_moment_get_services_of_their_own(kafka: str, mongo: str, tmp_path: Path) -> None:
    stacks = [Stack(tmp_path / name, given(kafka, mongo), names=("intake",)) for name in ("one", "two")]
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Stack.up, stacks))
        assert [takes_its_key(stack) for stack in stacks] == [True, True]
    finally:
        for stack in stacks:
            stack.down()


def test_a_service_whose_port_was_taken_before_it_listened_is_started_again_elsewhere(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    stack = Stack(tmp_path, given(kafka, mongo), names=("intake",))
    try:
        with ThreadPoolExecutor(1) as pool:
            up = pool.submit(stack.up)
            assert wait_until(lambda: "intake" in parts(stack).services, 60, hopeless=up.done)
            first = parts(stack).services["intake"]
            with stranger(first.port):
                up.result()
                assert parts(stack).services["intake"].port != first.port
                assert takes_its_key(stack)
    finally:
        stack.down()


def takes_its_key(stack: Stack) -> bool:
    """Whether the intake at the stack's address is the one that knows the stack's key."""
    headers = {"Authorization": f"Bearer {stack.env['SWITCHBOARD_KEY']}"}
    return httpx.get(f"{stack.env['INTAKE_URL']}/v1/quarantine", headers=headers, trust_env=False).status_code == 200
