"""Stops a stack whose command has died.

A child process holds the read end of a pipe. However its command ends, kill -9 included, the kernel closes the write
end, the read returns, and the child stops what is left of the stack.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.paths import ROOT, Paths
from deploy.local.processes import ProcessRef, me


@contextmanager
def watching(directory: Path) -> Iterator[None]:
    log = Paths(directory).log("reaper")
    log.parent.mkdir(parents=True, exist_ok=True)
    owner = me()
    argv = [sys.executable, "-m", "deploy.local.reaper", str(directory), str(owner.pid), owner.started]
    with log.open("ab") as out:
        child = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True)
    try:
        yield
    finally:
        child.communicate()


def main() -> None:
    directory, pid, started = sys.argv[1:]
    sys.stdin.buffer.read()
    # Only now: until then the reaper should weigh as little as it can.
    from deploy.local.stack import Stack

    Stack(Path(directory)).stop(ProcessRef(pid=int(pid), started=started))


if __name__ == "__main__":
    main()
