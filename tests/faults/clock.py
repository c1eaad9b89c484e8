"""A wrong clock for one process, which can be turned while it runs: libfaketime in front of the C library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import MissingTool

PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1")


@dataclass(frozen=True)
class FalseClock:
    """`env`: what a process must be started with. Timers of the event loop go right, whatever the clock says."""

    library: Path
    file: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip

    def to(self, offset: str) -> None:
        """Seconds beside the true time, as in `+3600s`; known to the process within a second."""
        self.file.write_text(f"{offset}\n")


@contextmanager
def false_clock(file: Path) -> Iterator[FalseClock]:
    """Right to begin with, and right again at the end. Raises MissingTool."""
    found = [path for pattern in PLACES for path in Path("/").glob(pattern.removeprefix("/"))]
    if not found:
        raise MissingTool("libfaketime", "sudo apt-get install -y libfaketime")
    clock = FalseClock(found[0], file)
    clock.to("+0s")
    try:
        yield clock
    finally:
        clock.to("+0s")
