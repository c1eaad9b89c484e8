"""A small file system of its own, which can be full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import LocalStackError

SIZE = 6 << 30


class NoDisk(LocalStackError):
    def __init__(self) -> None:
        super().__init__("a disk that can be full is mounted by root only: run this row as root (sudo -E make faults)")


class Disk:
    """A tmpfs: full is when its size is what is on it, so that filling it writes nothing."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def fill(self) -> None:
        """Raises NoDisk."""
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
    """At this directory, if we are root; else it is an ordinary directory, which `fill` refuses to fill."""
    place.mkdir(parents=True, exist_ok=True)
    _unmount(place)  # what a suite has left that was killed
    if os.geteuid() == 0:
        _mount("-t", "tmpfs", "-o", f"size={SIZE}", "switchboard-faults", str(place))
    try:
        yield Disk(place)
    finally:
        _unmount(place)


def _unmount(place: Path) -> None:
    while place.is_mount():
        subprocess.run(["umount", str(place)], check=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)
