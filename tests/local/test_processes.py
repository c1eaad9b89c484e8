from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.processes import ProcessRef, spawn
from deploy.local.readiness import wait_until

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ProcessRef]:
    process = spawn([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path / "log")
    yield process
    process.stop()


def test_a_pid_that_was_used_again_is_left_alone(sleeper: ProcessRef) -> None:
    earlier = ProcessRef(pid=sleeper.pid, started="before")
    assert not earlier.alive()
    earlier.stop()
    assert sleeper.alive()


def test_a_killed_process_is_dead_even_before_it_is_reaped(sleeper: ProcessRef) -> None:
    os.kill(sleeper.pid, signal.SIGKILL)
    assert wait_until(lambda: not sleeper.alive(), 5)


def test_a_process_that_will_not_end_is_forced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    stubborn = spawn([sys.executable, "-c", STUBBORN], os.environ, log)
    assert wait_until(lambda: "up" in log.read_text(), 10)
    stubborn.stop(grace=0.2)
    assert not stubborn.alive()
