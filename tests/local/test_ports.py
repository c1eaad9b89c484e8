from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier

import pytest

from deploy.local import infrastructure, ports, services
from deploy.local.components import Component
from deploy.local.errors import PortTaken
from deploy.local.infrastructure import Choice, Infrastructure
from deploy.local.paths import ROOT, Paths
from deploy.local.processes import me, spawn
from deploy.local.readiness import mongo_answers
from tests.local.strangers import stranger
from tests.local.ways import WAYS

# Chooses a port when it is told to, says which, and keeps it until its input ends.
CHOOSER = """
import sys
from deploy.local.ports import free_port
print("there", flush=True)
wanted = int(sys.stdin.readline())
print(free_port(wanted), flush=True)
sys.stdin.read()
"""
IDLE = [sys.executable, "-c", "import signal; signal.pause()"]


class Chooser:
    """Another command on this machine."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHOOSER], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdin
        assert self.process.stdout
        self.ears, self.mouth = self.process.stdin, self.process.stdout

    def hear(self) -> str:
        return self.mouth.readline().strip()

    def choose(self, wanted: int) -> None:
        self.ears.write(f"{wanted}\n")
        self.ears.flush()


@contextmanager
def choosers(count: int) -> Iterator[list[Chooser]]:
    with ExitStack() as closing:
        made = [Chooser() for _ in range(count)]
        for chooser in made:
            closing.enter_context(chooser.process)
        assert [chooser.hear() for chooser in made] == ["there"] * count
        yield made


def a_free_number() -> int:
    with ports.reserved() as place:
        return place.port


@pytest.mark.parametrize("same", [True, False], ids=["the same port wanted by all", "any port"])
def test_many_who_choose_at_once_never_get_the_same_port(same: bool) -> None:
    wanted = a_free_number() if same else 0
    start = Barrier(16)

    def choose() -> int:
        start.wait(30)
        return ports.free_port(wanted)

    with choosers(4) as others, ThreadPoolExecutor(16) as pool:
        for other in others:
            other.choose(wanted)
        own = [future.result() for future in [pool.submit(choose) for _ in range(16)]]
        chosen = own + [int(other.hear()) for other in others]
    assert len(set(chosen)) == 20
    assert wanted in {0, *chosen}


def test_a_port_is_free_again_when_the_command_that_chose_it_is_killed() -> None:
    wanted = a_free_number()
    with choosers(1) as (other,):
        other.choose(wanted)
        assert int(other.hear()) == wanted
        assert ports.free_port(wanted) != wanted
        other.process.kill()
    assert ports.free_port(wanted) == wanted


def test_a_part_keeps_its_port_to_its_end_whether_it_listens_or_not(tmp_path: Path) -> None:
    with ports.reserved() as place:
        part = spawn(IDLE, os.environ, tmp_path / "log", [place])
    try:
        assert not ports.is_open(place.port)
        assert ports.free_port(place.port) != place.port
    finally:
        part.stop()
    assert ports.free_port(place.port) == place.port


def test_a_taken_port_is_not_given_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        taken = foreign.getsockname()[1]
        assert ports.free_port(taken) != taken


def test_who_listens_is_told_apart_from_who_does_not(tmp_path: Path) -> None:
    other = spawn(IDLE, os.environ, tmp_path / "log")
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert me().listens(port)
            assert not other.listens(port)
        assert not me().listens(port)
    finally:
        other.stop()


@pytest.mark.stack
def test_the_yes_of_a_stranger_is_not_taken_for_the_service(kafka: str, mongo: str, tmp_path: Path) -> None:
    given = {**os.environ, "SWITCHBOARD_KAFKA": kafka, "SWITCHBOARD_MONGO": mongo}
    paths = Paths(tmp_path)
    service = services.start("intake", {**given, "SWITCHBOARD_KEYS": str(paths.keys)}, paths)
    try:
        with stranger(service.port):
            assert services.is_ready(service.address)
            with pytest.raises(PortTaken, match=f"intake ended .* something else took port {service.port} meanwhile"):
                services.wait_ready("intake", service, paths)
    finally:
        service.stop()


@pytest.mark.stack
@pytest.mark.parametrize("how", WAYS)
def test_a_database_whose_port_was_taken_before_it_listened_is_started_again_elsewhere(
    how: str, tmp_path: Path
) -> None:
    started: list[Component] = []
    with ExitStack() as closing:
        closing.callback(infrastructure.wipe, how, Paths(tmp_path))

        def note(_: str, part: Component) -> None:
            started.append(part)
            closing.callback(part.stop)
            if len(started) == 1:
                closing.enter_context(stranger(part.port))

        Infrastructure(Choice(how, "asked for"), Paths(tmp_path), os.environ, note).start({"mongo": 0})
        first, second = started
        assert first.port != second.port
        assert mongo_answers(second.address)
