"""What each side of the comparison is told, and what it tells: JSON on argv and on its last line."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Load(BaseModel):
    """What one record of a topic, or one document of a collection, is made of: how many per contact, and how large."""

    per_contact: float
    value_bytes: int
    headers: list[tuple[str, str]] = []


class Task(BaseModel):
    """One round of one side. The clock starts once `warm_up` contacts are committed and stops at the last commit.

    `reads`: whether a bare side reads what each contact says.
    """

    model_config = ConfigDict(extra="forbid")
    kafka: str
    mongo: str
    topic: str
    warm_up: int
    contacts: int
    database: str
    documents: dict[str, Load] = {}
    records: dict[str, Load] = {}
    writes: Literal["inserts", "missing", "upserts"] = "inserts"
    reads: bool = False
    profile: str = ""


class Lap(BaseModel):
    contacts: int
    seconds: float
    batches: int
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.contacts / self.seconds


@dataclass(slots=True)
class Stopwatch:
    """Counts committed contacts; runs from the end of the batch that completes the warm-up to that of the last one."""

    warm_up: int
    wanted: int
    seen: int = 0
    _started: float = 0.0
    _cpu: float = 0.0
    _begun_at: int = 0
    _batches: int = 0
    lap: Lap | None = None
    on_start: Any = field(default=lambda: None)

    @property
    def running(self) -> bool:
        return self._started > 0 and self.lap is None

    def committed(self, contacts: int) -> bool:
        """True once the last one is committed."""
        self.seen += contacts
        if self.running:
            self._batches += 1
        elif self.lap is None and self.seen >= self.warm_up:
            self._begun_at = self.seen
            self.on_start()
            self._started, self._cpu = time.perf_counter(), time.process_time()
        if self.running and self.seen >= self.warm_up + self.wanted:
            seconds, cpu = time.perf_counter() - self._started, time.process_time() - self._cpu
            self.lap = Lap(contacts=self.seen - self._begun_at, seconds=seconds, batches=self._batches, cpu_seconds=cpu)
        return self.lap is not None
