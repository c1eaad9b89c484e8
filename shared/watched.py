"""A file of secrets or the like that is read again when it changes. One that can't be read leaves what it last said."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import yaml

log = logging.getLogger(__name__)
T = TypeVar("T")


class Watched(Generic[T]):
    """Call it for what the file says now; `nothing` until it could be read. `fault`: what is wrong with the file, "" if
    nothing is; it is logged once.

    `parse` raises ValueError for what is wrong, in words that give no secret away: they are logged.
    """

    def __init__(self, path: Path, parse: Callable[[str], T], nothing: T) -> None:
        self._path, self._parse, self._now = path, parse, nothing
        self._stamp: tuple[int, ...] | None = None
        self.fault = ""

    def __call__(self) -> T:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
            if stamp != self._stamp:
                text, self._stamp = self._path.read_text("utf-8"), stamp
                self._now, self.fault = self._parse(text), ""
        except OSError as error:  # it may be there again at the next call, unchanged
            self._stamp = None
            self._found(_plainly(error))
        except (ValueError, yaml.YAMLError) as error:
            self._found(_plainly(error))
        return self._now

    def _found(self, fault: str) -> None:
        if fault != self.fault:
            log.error("%s can't be read, what it said before stays in force: %s", self._path, fault)
        self.fault = fault


def _plainly(error: Exception) -> str:
    """An error of YAML without the lines that it shows."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1} is not YAML"
    return "it is not YAML" if isinstance(error, yaml.YAMLError) else str(error)
