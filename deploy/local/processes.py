from __future__ import annotations

import os
import platform
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from deploy.local.paths import ROOT
from deploy.local.ports import Reserved

# Kept so that a child that has ended is reaped instead of staying a zombie.
_children: dict[ProcessRef, subprocess.Popen[bytes]] = {}


class ProcessRef(BaseModel, frozen=True):
    """A process for certain: a pid alone is used again by the kernel, together with its start it is not."""

    pid: int
    started: str

    def alive(self) -> bool:
        if child := _children.get(self):
            child.poll()
        return started_at(self.pid) == self.started

    def listens(self, port: int) -> bool:
        """Whether it is this process that takes connections there, and not another that was quicker."""
        return _listens_linux(self.pid, port) if platform.system() == "Linux" else _listens_lsof(self.pid, port)

    def stop(self, grace: float = 15.0) -> None:
        """Asks, waits up to `grace` seconds, then forces; returns when the process is gone."""
        if self.alive():
            self._signal(signal.SIGTERM)
            self._gone_within(grace)
        self.kill()

    def kill(self) -> None:
        """kill -9; returns when the process is gone."""
        if self.alive():
            self._signal(signal.SIGKILL)
            self._gone_within(5)
        if child := _children.pop(self, None):
            child.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True


def me() -> ProcessRef:
    return ProcessRef(pid=os.getpid(), started=started_at(os.getpid()) or "")


def spawn(
    argv: Sequence[str | Path], env: Mapping[str, str], log: Path, holding: Sequence[Reserved] = ()
) -> ProcessRef:
    """Starts a process in its own session: Ctrl-C reaches only the command, which then stops all in order.

    The ports that it is `holding` are nobody else's as long as it lives.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(part) for part in argv],
            env=dict(env),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            pass_fds=[place.fd for place in holding],
            start_new_session=True,
        )
    process = ProcessRef(pid=child.pid, started=started_at(child.pid) or "")
    _children[process] = child
    return process


def started_at(pid: int) -> str | None:
    """When the process started, in the kernel's own words; None if it is gone or only its entry is left."""
    return _started_linux(pid) if platform.system() == "Linux" else _started_ps(pid)


def _started_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
        # The first thread of a killed process may be gone while others still hold its ports and files.
        threads = len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" and not threads else f"{boot}-{fields[19]}"


def _started_ps(pid: int) -> str | None:
    shown = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = shown.stdout.strip().partition(" ")
    return started.strip() if state and not state.startswith("Z") else None


def _listens_linux(pid: int, port: int) -> bool:
    try:
        listening = {f"socket:[{inode}]" for inode in _inodes_listening(pid, port)}
        return any(_opened(file) in listening for file in Path(f"/proc/{pid}/fd").iterdir())
    except PermissionError:
        return True  # the kernel does not let us look; whoever answers has to be believed
    except OSError:
        return False  # it is gone


def _opened(file: Path) -> str:
    """What a descriptor stands for; nothing if it was closed while we looked."""
    try:
        return os.readlink(file)
    except FileNotFoundError:
        return ""


def _inodes_listening(pid: int, port: int) -> Iterator[str]:
    for table in (Path(f"/proc/{pid}/net/tcp"), Path(f"/proc/{pid}/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                yield inode


def _listens_lsof(pid: int, port: int) -> bool:
    words = ["lsof", "-nP", "-a", "-p", str(pid), f"-iTCP:{port}", "-sTCP:LISTEN", "-t"]
    try:
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return True  # without lsof there is no look; whoever answers has to be believed
