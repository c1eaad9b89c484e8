from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.readiness import wait_until
from tests.faults.disk import Disk, NoDisk

HOLDS_A_DISK = """
import sys
from pathlib import Path
from deploy.local.readiness import wait_until
from tests.faults.disk import disk

with disk(Path(sys.argv[1])):
    print(Path(sys.argv[1]).is_mount(), flush=True)
    sys.stdin.read()
"""


def test_a_directory_that_is_no_disk_of_its_own_is_not_filled_and_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoDisk, match="run this row as root"):
        Disk(tmp_path).fill()


def test_a_disk_is_gone_however_its_process_ends(tmp_path: Path) -> None:
    """Of root; nobody else has one."""
    place, pipe = tmp_path / "disk", subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDS_A_DISK, place], text=True, stdin=pipe, stdout=pipe) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == f"{os.geteuid() == 0}\n", "whether it is a disk of its own"
        holder.kill()
    assert wait_until(lambda: not place.is_mount(), 20)
