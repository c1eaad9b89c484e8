from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local import docker, services, state
from deploy.local.errors import Refused
from deploy.local.paths import ROOT
from deploy.local.processes import ProcessRef
from deploy.local.readiness import kafka_answers, mongo_answers, wait_until
from deploy.local.services import SERVICES
from deploy.local.stack import Stack, read_env, running_stack
from deploy.local.state import State

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
    given = {**os.environ, "SWITCHBOARD_INFRA": "env", "SWITCHBOARD_KAFKA": kafka, "SWITCHBOARD_MONGO": mongo}
    with running_stack(directory=tmp_path, environ=given, names=()) as stack:
        assert (stack.env["SWITCHBOARD_KAFKA"], stack.env["SWITCHBOARD_MONGO"]) == (kafka, mongo)
        with pytest.raises(Refused, match="not given addresses"):
            stack.up(reset=True)
    assert kafka_answers(kafka)
    assert mongo_answers(mongo)


def test_containers_keep_their_data_and_leave_nothing_running(tmp_path: Path) -> None:
    if reason := docker.unusable([docker.kafka_image(os.environ), docker.mongo_image(os.environ)]):
        pytest.skip(reason)
    with running_stack(directory=tmp_path, environ={**os.environ, "SWITCHBOARD_INFRA": "docker"}, names=()) as stack:
        containers = [part.container for part in parts(stack).infrastructure.values() if part.container]
        insert(stack)
        docker.remove(containers[0])
        docker.remove(containers[1])
        stack.up()
        assert count(stack) == 1
    assert not any(docker.is_running(name) for name in containers)
    for name in containers:
        docker.remove_volume(name)


def test_what_up_started_down_stops_and_a_dead_service_is_started_again(kafka: str, mongo: str, tmp_path: Path) -> None:
    given = {**os.environ, "SWITCHBOARD_INFRA": "env", "SWITCHBOARD_KAFKA": kafka, "SWITCHBOARD_MONGO": mongo}
    stack = Stack(tmp_path, given)
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
