"""Rules are YAML files that an operator may change: shipped ones, each replaced by one of its name in his directory.

They are validated before they are used. A running service looks at the files every few seconds and takes a changed,
valid set at once; an invalid one is refused with file and line, and the last good one stays.

Errors:
    RulesError    one or more files are wrong; `problems` holds `file:line: message`, one per fault
"""

import importlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import ValidationError
from yaml.composer import ComposerError

log = logging.getLogger(__name__)
R = TypeVar("R")
Parse = Callable[[dict[str, Any]], R]
SERVICES = Path(__file__).parent.parent / "services"


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
    found = {path.stem: path for path in _seen((SERVICES / service / "rules").glob("*.yaml"))}
    if directory is not None:
        found |= {path.stem: path for path in _seen((directory / service).glob("*.yaml"))}
    return found


def _seen(paths: Iterable[Path]) -> list[Path]:
    """Without names that begin with a dot: a mounted ConfigMap keeps its versions under such names."""
    return sorted(path for path in paths if not path.name.startswith("."))


def load(service: str, parse: Parse[R], directory: Path | None) -> R:
    """Read and validate all rule files of a service."""
    paths = files(service, directory)
    documents = {name: _read(path) for name, path in paths.items()}
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


def _where(fault: Any, paths: dict[str, Path]) -> str:
    """`file:line: field: message`. A fault's first step names the file, the others lead into it."""
    steps = [step for step in fault["loc"] if isinstance(step, (str, int))]
    message = fault["msg"].removeprefix("Value error, ")
    path = paths.get(str(steps[0])) if steps else None
    if path is None:
        return f"{'.'.join(map(str, steps)) or 'rules'}: {message}"
    line = _line(yaml.compose(path.read_text(encoding="utf-8")), steps[1:])
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
        parse = importlib.import_module(f"services.{service}.domain.rules").Rules.parse
        shipped = set(files(service, None))
        for path in _seen((directory / service).glob("*")):
            if path.suffix != ".yaml" or path.stem not in shipped:
                problems.append(
                    f"{path}:1: {service} reads no such file; it reads {', '.join(sorted(shipped))} (.yaml)"
                )
        try:
            load(service, parse, directory)
        except RulesError as error:
            problems += error.problems
    return problems
