from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_dir() -> Path:
    return Path(os.environ.get("SWITCHBOARD_RUN_DIR") or ROOT / ".run").absolute()


def cache_dir() -> Path:
    return Path(os.environ.get("SWITCHBOARD_CACHE") or Path.home() / ".cache" / "switchboard").absolute()


@dataclass(frozen=True)
class Paths:
    """Everything that one local stack writes lies in one directory."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def env(self) -> Path:
        return self.root / "env"

    @property
    def keys(self) -> Path:
        return self.root / "keys.yaml"

    @property
    def outbox(self) -> Path:
        return self.root / "outbox.jsonl"

    def data(self, name: str) -> Path:
        return self.root / "data" / name

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"
