from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.console import say


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Holds the lock file; the kernel frees it when its holder dies, however that happens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another command that holds {path}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
