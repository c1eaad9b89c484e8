"""Intake as a whole process, as `python -m services.intake.app` runs it, with a stopwatch around its batches."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn

from bench.laps import Stopwatch, Task
from bench.profiles import Profile
from services.intake.app import assemble
from services.intake.settings import Settings
from shared.bus import Bus, Consumer
from shared.codec import Record
from shared.service import application
from shared.telemetry import log_to_stderr


class WatchedBus:
    """Every batch of the real bus, counted when it is committed."""

    def __init__(self, task: Task, done: Any) -> None:
        self._task, self._done = task, done
        self.profile = Profile(task.profile)
        self.watch = Stopwatch(task.warm_up, task.contacts, on_start=self.profile.start)
        self._process = Bus.process
        Bus.process = self._watched(Bus.process)  # type: ignore[method-assign]

    def _watched(self, process: Any) -> Any:
        async def watched(bus: Bus, records: Sequence[Record], consumer: Consumer) -> None:
            await process(bus, records, consumer)
            if self.watch.lap is None and self.watch.committed(sum(r.topic == self._task.topic for r in records)):
                self.profile.stop()
                self._done()

        return watched


def main() -> None:
    task = Task.model_validate_json(sys.argv[1])
    settings = Settings(
        kafka=task.kafka, mongo=task.mongo, http_port=int(os.environ["BENCH_PORT"]), keys=Path(os.devnull)
    )
    log_to_stderr("intake", "WARNING")
    app = application("intake", settings, assemble)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=settings.http_port, loop="uvloop", access_log=False, log_config=None
    )
    server = uvicorn.Server(config)

    def done() -> None:
        server.should_exit = True

    bus = WatchedBus(task, done)
    server.run()
    assert bus.watch.lap is not None, "stopped before the last contact was committed"
    print(bus.watch.lap.model_dump_json())


if __name__ == "__main__":
    main()
