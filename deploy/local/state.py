from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from deploy.local.components import Component
from deploy.local.paths import Paths
from deploy.local.processes import ProcessRef


class State(BaseModel):
    """What runs for one checkout, written down as soon as it is started. `owner` is the command that stops it at its
    end; without one it stays until `switchboard down`."""

    how: str = ""
    why: str = ""
    owner: ProcessRef | None = None
    infrastructure: dict[str, Component] = {}
    services: dict[str, Component] = {}

    @property
    def abandoned(self) -> bool:
        return self.owner is not None and not self.owner.alive()


def load(paths: Paths) -> State:
    return State.model_validate_json(paths.state.read_bytes()) if paths.state.exists() else State()


def save(paths: Paths, state: State) -> None:
    write(paths.state, state.model_dump_json(indent=1))


def write(file: Path, text: str) -> None:
    """Whole or not at all, and for this user only: it may hold a key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.touch(mode=0o600)
    part.write_text(text)
    part.replace(file)
