"""Sla as a whole process, as `python -m services.sla.app` runs it; what its clock does is written down.

Ends when it is told to, and leaves in a file what its timers did.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import BaseModel

from bench.profiles import Profile
from services.sla.app import assemble
from services.sla.domain.fire import due
from services.sla.settings import Settings
from shared.clock import utc_now
from shared.fold import Change, Outcome
from shared.service import Core, Parts, application
from shared.store import Store
from shared.telemetry import log_to_stderr


class SlaTask(BaseModel):
    kafka: str
    mongo: str
    port: int
    keys: Path
    fired: Path
    profile: str = ""


class Clocked(BaseModel):
    """Of each timer, when it was due and when the write that fired it was acknowledged, in milliseconds; and the
    process's own time since the first of them.
    """

    fired: list[tuple[int, int]] = []
    cpu_seconds: float = 0.0


class Watcher:
    """Beside the real store: notes what its timers did, as soon as the store knows it."""

    def __init__(self) -> None:
        self.clocked = Clocked()
        self._cpu = 0.0

    def assemble(self, core: Core[Settings]) -> Parts:
        parts = assemble(core)
        for timed in parts.timed:
            timed.store.apply = self._watched(timed.store)  # type: ignore[method-assign]
        return parts

    def _watched(self, store: Store[Any]) -> Any:
        apply = store.apply

        async def watched(changes: Sequence[Change[Any]], *, recorded: bool = False) -> list[Outcome[Any]]:
            self._cpu = self._cpu or time.process_time()
            outcomes = await apply(changes, recorded=recorded)
            now = utc_now()
            for change, outcome in zip(changes, outcomes, strict=True):
                if change.timer and outcome.before and outcome.status == "applied" and (at := due(outcome.before)):
                    self.clocked.fired.append((_ms(at), _ms(now)))
            self.clocked.cpu_seconds = time.process_time() - self._cpu
            return outcomes

        return watched


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def main() -> None:
    task = SlaTask.model_validate_json(sys.argv[1])
    settings = Settings(kafka=task.kafka, mongo=task.mongo, http_host="127.0.0.1", http_port=task.port, keys=task.keys)
    log_to_stderr("sla", "WARNING")
    watcher, profile = Watcher(), Profile(task.profile)
    app = application("sla", settings, watcher.assemble)
    config = uvicorn.Config(app, host="127.0.0.1", port=task.port, loop="uvloop", access_log=False, log_config=None)
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it once more when it is done
    profile.start()
    uvicorn.Server(config).run()
    profile.stop()
    task.fired.write_text(watcher.clocked.model_dump_json())


if __name__ == "__main__":
    main()
