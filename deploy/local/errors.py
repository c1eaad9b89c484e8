"""What can go wrong on the way to a running stack.

LocalStackError         one clear line for the person at the keyboard; never a traceback
├── MissingTool         something must be installed first; names the command that does it
├── DownloadFailed      a package registry did not give what was asked, or gave something else
├── NotReady            a process was started and did not come up; carries its last log lines
│   └── PortTaken       something else took its port between the choice and the start
└── Refused             the request would touch what this stack did not start
"""

from __future__ import annotations

from pathlib import Path


class LocalStackError(Exception):
    pass


class MissingTool(LocalStackError):
    def __init__(self, tool: str, install: str) -> None:
        super().__init__(f"{tool} is missing; install it with: {install}")


class DownloadFailed(LocalStackError):
    pass


class NotReady(LocalStackError):
    def __init__(self, name: str, what: str, log: Path | None = None) -> None:
        super().__init__(f"{name} {what}" + (last_lines(log) if log else ""))


class PortTaken(NotReady):
    def __init__(self, name: str, what: str, port: int, log: Path | None = None) -> None:
        super().__init__(name, f"{what}, because something else took port {port} meanwhile", log)


class Refused(LocalStackError):
    pass


def last_lines(log: Path, count: int = 12) -> str:
    lines = log.read_text(errors="replace").splitlines()[-count:] if log.exists() else []
    return f"; the end of {log}:\n" + "\n".join(f"  | {line}" for line in lines) if lines else f"; {log} is empty"
