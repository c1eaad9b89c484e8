"""What the person at the keyboard sees, on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

PLAIN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Picture:
    """The figures of one moment. `oldest_s`: how long the oldest case without an agent has waited."""

    total: int
    fed: int = 0
    cases: int = 0
    joined: int = 0
    assigned: int = 0
    resolved: int = 0
    told: int = 0
    reminded: int = 0
    missed: int = 0
    escalated: int = 0
    surveyed: int = 0
    improved: int = 0
    quarantined: int = 0
    oldest_s: float = 0.0

    def cases_so_far(self) -> dict[str, str]:
        counts = {
            "fed": self.fed, "cases": self.cases, "joined": self.joined, "assigned": self.assigned,
            "resolved": self.resolved, "told": self.told, "quarantined": self.quarantined,
        }  # fmt: skip
        return {**_words(counts), "oldest waiting": f"{self.oldest_s:.1f} s"}

    def promises_so_far(self) -> dict[str, str]:
        counts = {
            "reminded": self.reminded, "missed": self.missed, "escalated": self.escalated, "surveyed": self.surveyed,
            "improved": self.improved,
        }  # fmt: skip
        return _words(counts)


def _words(counts: Mapping[str, int]) -> dict[str, str]:
    return {name: str(count) for name, count in counts.items()}


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("contacts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=self.console
        )
        self._bar = self._progress.add_task("", total=None)
        self._live = Live(console=self.console, refresh_per_second=4) if self.console.is_terminal else None
        self._said_at = 0.0

    def __enter__(self) -> Screen:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        self.console.print(f"demo: {text}", markup=False, highlight=False, soft_wrap=True)

    def addresses(self, env: Mapping[str, str], file: Path) -> None:
        """What to open, from the values that `file` holds."""
        for name, url in env.items():
            if name.endswith("_URL"):
                self.say(f"open {url}/docs ({name.removesuffix('_URL').lower()}), figures at {url}/metrics")
        self.say(f"open {env['ROUTING_URL']}/board (live board), after {env['ROUTING_URL']}/signin")
        month = f"{datetime.now(UTC):%Y-%m}"
        self.say(f"open {env['FEEDBACK_URL']}/reports/{month} (the month), after {env['FEEDBACK_URL']}/signin")
        self.say(f"the key for these doors is SWITCHBOARD_KEY in {file}")

    def show(self, picture: Picture, last: bool = False) -> None:
        self._progress.update(self._bar, total=picture.total, completed=picture.fed)
        if self._live:
            tables = map(_table, (picture.cases_so_far(), picture.promises_so_far()))
            self._live.update(Group(self._progress, *tables))
        elif last or time.monotonic() - self._said_at >= PLAIN_EVERY_S:
            self._said_at = time.monotonic()
            figures = picture.cases_so_far() | picture.promises_so_far()
            self.say(", ".join(f"{name} {value}" for name, value in figures.items()) + f" (of {picture.total})")


def _table(figures: Mapping[str, str]) -> Table:
    table = Table()
    for name in figures:
        table.add_column(name, justify="right")
    table.add_row(*figures.values())
    return table
