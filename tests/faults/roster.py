from __future__ import annotations

import threading

from deploy.local import state
from deploy.local.components import Component
from deploy.local.paths import Paths
from deploy.local.processes import ProcessRef, me
from deploy.local.state import State


class Roster:
    """What runs, by name. It is written down at once, so that the reaper ends it even if the suite is killed."""

    def __init__(self, paths: Paths) -> None:
        self._paths, self._state, self._lock = paths, State(owner=me()), threading.Lock()

    def note(self, name: str, process: ProcessRef) -> None:
        with self._lock:
            self._state.infrastructure[name] = Component(address="", process=process)
            state.save(self._paths, self._state)

    def process(self, name: str) -> ProcessRef:
        found = self._state.infrastructure[name].process
        assert found
        return found

    def alive(self, name: str) -> bool:
        return name in self._state.infrastructure and self.process(name).alive()

    def kill(self, name: str) -> None:
        self.process(name).kill()

    def kill_all(self) -> None:
        for name in list(self._state.infrastructure):
            self.kill(name)
