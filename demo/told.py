"""What people were told: the lines that the local provider has appended to its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson


def nobody(_message: Mapping[str, Any]) -> None:
    """Nobody reads along."""


class Told:
    """Lines written since `start`; messages of the whole file that went out twice. `reader` sees each new line."""

    def __init__(self, file: Path | None) -> None:
        self.reader: Callable[[Mapping[str, Any]], None] = nobody
        self._file = file if file is not None and str(file) else None
        self._offset = 0
        self._rest = b""
        self._ids: Counter[str] = Counter()
        self._before = 0
        self.read()
        self._before = self._ids.total()

    @property
    def known(self) -> bool:
        """Whether there is such a file at all: elsewhere another provider is used."""
        return self._file is not None

    @property
    def lines(self) -> int:
        return self._ids.total() - self._before

    def read(self) -> int:
        """Takes in what is new; returns the lines since the start."""
        if self._file is None or not self._file.exists():
            return self.lines
        with self._file.open("rb") as file:
            file.seek(self._offset)
            *whole, self._rest = (self._rest + file.read()).split(b"\n")
            self._offset = file.tell()
        for message in (orjson.loads(line) for line in whole if line.strip()):
            self._ids[str(message["notification_id"])] += 1
            self.reader(message)
        return self.lines

    def twice(self) -> list[str]:
        return [id_ for id_, count in self._ids.items() if count > 1]

    def missing(self, sent: set[str]) -> set[str]:
        """Messages said to be sent that are not in the file."""
        return sent - self._ids.keys() if self.known else set()
