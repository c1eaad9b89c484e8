"""A small file system of its own, which can be full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local.errors import LocalStackError

SIZE = 6 << 30
TRIES = 20
UNMOUNTS_AT_THE_END = ["sh", "-c", 'cat; exec umount --lazy "$0"']
"""Its standard input ends with us, kill -9 included. Lazy: what still has files open there is about to be ended."""


class NoDisk(LocalStackError):
    def __init__(self) -> None:
        super().__init__("a disk that can be full is mounted by root only: run this row as root (sudo -E make faults)")


class Disk:
    """A tmpfs: full is when its size is what is on it, so that filling it writes nothing."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def fill(self) -> None:
        """Raises NoDisk."""
        for _ in range(TRIES):
            with suppress(subprocess.CalledProcessError):  # more was written meanwhile, and it can't be smaller
                self._resize(self._used())
                return
        self._resize(self._used())

    def free(self) -> None:
        self._resize(SIZE)

    def _used(self) -> int:
        found = os.statvfs(self._place)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def _resize(self, size: int) -> None:
        if not self._place.is_mount():
            raise NoDisk
        _mount("-o", f"remount,size={size}", str(self._place))


@contextmanager
def disk(place: Path) -> Iterator[Disk]:
    """At this directory, if we are root; else it is an ordinary directory, which `fill` refuses to fill.

    It is gone after the block, and however the process ends.
    """
    place.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        yield Disk(place)
        return
    _mount("-t", "tmpfs", "-o", f"size={SIZE}", "switchboard-faults", str(place))
    with subprocess.Popen([*UNMOUNTS_AT_THE_END, str(place)], stdin=subprocess.PIPE, start_new_session=True):
        yield Disk(place)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)
