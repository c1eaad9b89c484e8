"""Rules are YAML files that an operator may change: shipped ones, each replaced by one of its name in his directory.

Beside them may lie what a command made, as arrays (`.npz`): data, never objects, which could run code when read.
They are validated before they are used. A running service looks at the files every few seconds and takes a changed,
valid set at once; an invalid one is refused with file and line, and the last good one stays.

Errors:
    RulesError    one or more files are wrong; `problems` holds `file:line: message`, one per fault
"""

import importlib
import logging
import zipfile
import zlib
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import ValidationError
from yaml.composer import ComposerError

log = logging.getLogger(__name__)
R = TypeVar("R")
Parse = Callable[[dict[str, Any]], R]
SERVICES = Path(__file__).parent.parent / "services"
MAX_ARRAYS = 256 * 1024 * 1024
"""Bytes of all arrays of a file, unpacked."""


class RulesError(Exception):
    """Rules that can't be used."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Rules(Generic[R]):
    """The rules of one service as they are now. Call it for the current set."""

    def __init__(self, service: str, parse: Parse[R], directory: Path | None) -> None:
        self._service, self._parse, self._directory = service, parse, directory
        self._stamp = self._look()
        self._current: R = load(service, parse, directory)
        self.refused: tuple[str, ...] = ()

    def __call__(self) -> R:
        return self._current

    def refresh(self) -> None:
        """Take a changed set of files if it is valid; keep the last good one and say why if not."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._current, self.refused = load(self._service, self._parse, self._directory), ()
            log.info("rules of %s read again", self._service)
        except RulesError as error:
            self.refused = tuple(error.problems)
            log.error("changed rules refused, the last good ones stay: %s", error)

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        found = (path.stat() for path in files(self._service, self._directory).values())
        names = files(self._service, self._directory).values()
        return tuple((str(n), s.st_mtime_ns, s.st_size) for n, s in zip(names, found, strict=True))


def files(service: str, directory: Path | None) -> dict[str, Path]:
    """The file for each rule name: the operator's where there is one, else the shipped one."""
    found = {path.stem: path for path in _readable(SERVICES / service / "rules")}
    if directory is not None:
        found |= {path.stem: path for path in _readable(directory / service)}
    return found


def _readable(directory: Path) -> list[Path]:
    return [path for path in _seen(directory.glob("*")) if path.suffix in _READERS]


def _seen(paths: Iterable[Path]) -> list[Path]:
    """Without names that begin with a dot: a mounted ConfigMap keeps its versions under such names."""
    return sorted(path for path in paths if not path.name.startswith("."))


def load(service: str, parse: Parse[R], directory: Path | None, *, only: Container[str] | None = None) -> R:
    """Read and validate all rule files of a service, or `only` those of these names."""
    paths = {name: path for name, path in files(service, directory).items() if only is None or name in only}
    documents = {name: _READERS[path.suffix](path) for name, path in paths.items()}
    try:
        return parse(documents)
    except ValidationError as error:
        raise RulesError([_where(fault, paths) for fault in error.errors(include_url=False)]) from None
    except (ValueError, KeyError, TypeError) as error:
        raise RulesError([f"{service}: {error}"]) from None


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping: the first would be lost without a word."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                raise ComposerError(None, None, f"{key.value} is there twice", key.start_mark)
            seen.add(name)
        return node


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RulesError([f"{path}:{line}: {error.problem or 'not YAML'}"]) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RulesError([f"{path}:1: {error}"]) from None


def _read_arrays(path: Path) -> dict[str, Any]:
    import numpy  # only where there is such a file

    try:
        with zipfile.ZipFile(path) as parts:
            if (size := sum(part.file_size for part in parts.infolist())) > MAX_ARRAYS:
                raise ValueError(f"{size} bytes unpacked, more than {MAX_ARRAYS}")
        with numpy.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise RulesError([f"{path}:1: no arrays can be read from it: {error}"]) from None


_READERS: dict[str, Callable[[Path], Any]] = {".yaml": _read, ".npz": _read_arrays}


def _where(fault: Any, paths: dict[str, Path]) -> str:
    """`file:line: field: message`. A fault's first step names the file, the others lead into it."""
    steps = [step for step in fault["loc"] if isinstance(step, (str, int))]
    message = fault["msg"].removeprefix("Value error, ")
    path = paths.get(str(steps[0])) if steps else None
    if path is None:
        return f"{'.'.join(map(str, steps)) or 'rules'}: {message}"
    line = _line(yaml.compose(path.read_text(encoding="utf-8")), steps[1:]) if path.suffix == ".yaml" else 1
    return f"{path}:{line}: {'.'.join(map(str, steps[1:])) or path.stem}: {message}"


def _line(node: Any, steps: list[str | int]) -> int:
    line = node.start_mark.line + 1 if node is not None else 1
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if str(k.value) == str(step)), None)
            if pair is None:
                return line
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def check(directory: Path) -> list[str]:
    """Every problem of a rule directory, `file:line: message`; empty if it may be used."""
    problems: list[str] = []
    known = {path.name for path in SERVICES.iterdir() if (path / "rules").is_dir()}
    for path in _seen(directory.iterdir()):
        if path.is_dir() and path.name not in known:
            problems.append(f"{path}:1: no service is called {path.name}; there are {', '.join(sorted(known))}")
    for service in sorted(known):
        model = importlib.import_module(f"services.{service}.domain.rules").Rules
        read = {path.name for path in files(service, None).values()} | getattr(model, "LEARNED", frozenset())
        for path in _seen((directory / service).glob("*")):
            if path.name not in read:
                problems.append(f"{path}:1: {service} reads no such file; it reads {', '.join(sorted(read))}")
        try:
            load(service, model.parse, directory)
        except RulesError as error:
            problems += error.problems
    return problems
