from __future__ import annotations

from pydantic import BaseModel

from deploy.local import docker
from deploy.local.processes import ProcessRef


class Component(BaseModel, frozen=True):
    """One running part of a stack, as the state file remembers it."""

    address: str
    port: int = 0
    process: ProcessRef | None = None
    container: str | None = None

    @property
    def given(self) -> bool:
        """Named in the environment: somebody else's, never started or stopped here."""
        return self.process is None and self.container is None

    def alive(self) -> bool:
        if self.container:
            return docker.is_running(self.container)
        return self.process.alive() if self.process else True

    def listens(self) -> bool:
        """Whether what answers at its port is this part: an engine starts no container whose port is taken."""
        return self.process.listens(self.port) if self.process else True

    def stop(self) -> None:
        if self.container:
            docker.remove(self.container)
        if self.process:
            self.process.stop()
